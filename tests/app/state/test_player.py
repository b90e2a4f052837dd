"""Playing: the speed is true, the end is the end, and the loop has none."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.state.session import Session
from tests.app.views.conftest import FRAMES, folder, session
from tests.waiting import pause

__all__ = ["folder", "session"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set by the test."""
    now = [100.0]
    monkeypatch.setattr("app.state.player.time.monotonic", lambda: now[0])
    return now


def test_frames_follow_the_clock(session: Session, clock: list[float]) -> None:
    player = session.player
    player.set_fps(10)
    player.toggle()
    assert player.playing and session.frame_index == 0
    for seconds, frame in ((0.05, 0), (0.11, 1), (0.12, 1), (0.35, 3)):  # one is left out where it was too slow
        clock[0] = 100.0 + seconds
        player._tick()
        assert session.frame_index == frame
    player.toggle()
    assert not player.playing and session.frame_index == 3


def test_the_end_stops_it_and_a_new_start_begins_at_the_first(session: Session, clock: list[float]) -> None:
    player = session.player
    player.toggle()
    clock[0] += 99
    player._tick()
    assert not player.playing and session.frame_index == FRAMES - 1
    player.toggle()
    assert player.playing and session.frame_index == 0


def test_a_loop_goes_on_from_the_beginning(session: Session, clock: list[float]) -> None:
    player = session.player
    player.set_loop(True)
    player.set_fps(10)
    session.go_to(4)
    player.toggle()
    clock[0] += 0.31
    player._tick()
    assert player.playing and session.frame_index == (4 + 3) % FRAMES


def test_another_speed_counts_from_now_on(session: Session, clock: list[float]) -> None:
    player = session.player
    player.set_fps(1)
    player.toggle()
    clock[0] += 0.9
    player.set_fps(60)
    player._tick()
    assert session.frame_index == 0
    clock[0] += 1.5 / 60
    player._tick()
    assert session.frame_index == 1
    player.set_fps(1000)
    assert player.fps == 60


def test_it_plays_by_itself_and_tells(session: Session, qtbot: QtBot) -> None:
    told: list[bool] = []
    session.player.changed.connect(lambda: told.append(session.player.playing))
    session.player.set_fps(60)
    session.player.toggle()
    qtbot.waitUntil(lambda: session.frame_index == FRAMES - 1, timeout=5000)
    qtbot.waitUntil(lambda: not session.player.playing, timeout=5000)
    assert told[-1] is False and True in told


def test_closing_ends_it(session: Session) -> None:
    session.player.set_fps(60)
    session.player.toggle()
    session.close_sequence(discard=True)
    pause(60)
    assert not session.player.playing
    session.player.toggle()
    assert not session.player.playing
