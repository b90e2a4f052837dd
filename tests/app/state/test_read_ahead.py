"""The next frame in the direction of the last step is read, once the present one is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.state.frames import FrameCache
from app.state.sequence import Sequence
from app.state.session import Session


@pytest.fixture
def wished(session: Session, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What was read ahead since the folder was open."""
    wishes: list[int] = []

    def noting(_cache: FrameCache, _sequence: Sequence, index: int) -> None:
        wishes.append(index)

    monkeypatch.setattr(FrameCache, "ahead", noting)
    session.open([folder])
    qtbot.waitUntil(lambda: wishes == [1])
    wishes.clear()
    return wishes


def test_in_the_direction_of_the_last_step(session: Session, wished: list[int], qtbot: QtBot) -> None:
    session.go_to(2)
    assert not wished, "the window has the frame to paint first"
    qtbot.waitUntil(lambda: wished == [3])
    session.go_to(1)
    qtbot.waitUntil(lambda: wished == [3, 0])


def test_of_many_steps_in_one_go_the_last_counts(session: Session, wished: list[int], qtbot: QtBot) -> None:
    for index in (2, 1, 2):
        session.go_to(index)
    qtbot.waitUntil(lambda: wished == [3])
    qtbot.wait(10)
    assert wished == [3]


def test_at_once_while_it_plays(session: Session, wished: list[int]) -> None:
    session.player.set_fps(1)
    session.player.toggle()
    session.go_to(1)
    assert wished == [2]
    session.player.pause()


def test_of_another_sequence_the_second_frame(session: Session, dataset: Path, wished: list[int], qtbot: QtBot) -> None:
    session.go_to(2)
    qtbot.waitUntil(lambda: wished == [3])
    session.open([dataset])
    qtbot.waitUntil(lambda: wished == [3, 1])
