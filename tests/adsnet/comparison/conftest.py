"""A rival to compare with, and times of small frames."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adsnet.comparison import timing
from adsnet.detectors.networks import RIVALS
from adsnet.model.weights import save_network
from adsnet.model_file import ModelCard


@pytest.fixture(scope="session")
def rdian_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of an untrained RDIAN."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("rival") / "small.safetensors"
    save_network(path, RIVALS["rdian"].make(), ModelCard("small", "rdian"))
    return path


@pytest.fixture(scope="session", autouse=True)
def quick_times() -> object:
    """Frames of 64×64 pixels, twice each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "SIDE", 64)
        patch.setattr(timing, "ROUNDS", 2)
        yield
