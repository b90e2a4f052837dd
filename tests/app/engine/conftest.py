"""Clients of the fake worker that leave no process behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.engine.client import WorkerClient
from app.state.session import Session
from app.storage.settings import Settings

FAKE = str(Path(__file__).with_name("fake_worker.py"))
MakeClient = Callable[..., WorkerClient]


@pytest.fixture
def make_client(qtbot: QtBot) -> Iterator[MakeClient]:
    """Makes clients of the fake worker in the given mode."""
    made: list[WorkerClient] = []

    def make(mode: str = "", **options: object) -> WorkerClient:
        arguments = (FAKE, mode) if mode else (FAKE,)
        client = WorkerClient(program=sys.executable, arguments=arguments, **options)  # type: ignore[arg-type]
        made.append(client)
        return client

    yield make
    for client in made:
        assert client.wait_shutdown(4000), "a process was left behind"


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path) -> Iterator[Session]:
    """A session with three small frames open."""
    for name in "abc":
        pixels = np.random.default_rng(ord(name)).integers(6000, 8000, (12, 16)).astype(np.uint16)
        (tmp_path / "set").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "set" / f"{name}.png")
    session = Session(Settings(autosave_seconds=60.0))
    session.open([tmp_path / "set"])
    yield session
    session.close_sequence(discard=True)


@pytest.fixture
def labels(session: Session) -> None:
    """Frame a has a label that the fake prediction finds, frame b an empty one."""
    assert session.sequence is not None
    masks = session.sequence.root / "masks"
    masks.mkdir()
    mask = np.zeros((12, 16), np.uint8)
    Image.fromarray(mask).save(masks / "b.png")
    mask[1, 2] = 255
    Image.fromarray(mask).save(masks / "a.png")
