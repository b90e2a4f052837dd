"""Small sequences on disk and sessions that never outlive their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adsnet.data.labels import write_mask
from app.state.session import Session
from app.storage.settings import Settings

SHAPE = (12, 16)


def write_frame(path: Path, seed: int = 0, shape: tuple[int, int] = SHAPE) -> Path:
    """A 16-bit PNG of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(6000, 8000, shape).astype(np.uint16)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three stills: a, b, c."""
    for seed, name in enumerate("abc"):
        write_frame(tmp_path / "set" / f"{name}.png", seed)
    return tmp_path / "set"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A data set in the layout images + masks with ``_pixels0``."""
    root = tmp_path / "irset"
    for seed, name in enumerate(("Misc_1", "Misc_2")):
        write_frame(root / "images" / f"{name}.png", seed)
        mask = np.zeros(SHAPE, np.bool_)
        mask[seed + 1, 5] = True
        (root / "masks").mkdir(exist_ok=True)
        write_mask(root / "masks" / f"{name}_pixels0.png", mask)
    return root


@pytest.fixture
def make_session(qapp: object) -> Iterator[Callable[..., Session]]:
    """Makes sessions whose autosave does not run by itself within a test, unless settings are given."""
    made: list[Session] = []

    def make(settings: Settings | None = None) -> Session:
        session = Session(settings or Settings(autosave_seconds=60.0))
        made.append(session)
        return session

    yield make
    for session in made:
        session.close_sequence(discard=True)
        session.deleteLater()


@pytest.fixture
def session(make_session: Callable[..., Session], folder: Path) -> Session:
    """A session with the folder open at its first frame."""
    session = make_session()
    session.open([folder])
    return session
