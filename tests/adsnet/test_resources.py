"""Shipped files are found."""

from __future__ import annotations

import pytest

from adsnet.errors import AdsnetError
from adsnet.resources import path_of


def test_the_sample_is_found() -> None:
    assert (path_of("sample") / "images").is_dir()


def test_a_missing_file_gives_a_sentence() -> None:
    with pytest.raises(AdsnetError, match=r"models/none\.safetensors is missing"):
        path_of("models/none.safetensors")
