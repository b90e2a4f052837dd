"""What the tests of the library share: one thread, and small models and data sets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.adsnet.tiny import lively_network, tiny_card, write_set

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a tiny network whose masks are neither empty nor full."""
    from adsnet.model.weights import save_network

    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_network(path, lively_network(), tiny_card())
    return path


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten labelled frames of 40×56 pixels in ``images/`` and ``masks/``."""
    return write_set(tmp_path_factory.mktemp("data") / "tiny", count=10)
