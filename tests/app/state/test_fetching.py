"""A frame that takes long to read: until it is there everything is about the one before, and nothing waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from adsnet.data.frames import Frame
from adsnet.data.labels import write_mask
from app.imaging.raster import brush
from app.state.sequence import Sequence
from app.state.session import Session
from tests.app.state.conftest import write_frame
from tests.app.state.test_session import draw

COUNT = 8


class Disk:
    """A disk that gives frames when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._given: dict[str, threading.Event] = {}
        self.quick = True
        read = Sequence.read

        def slowly(sequence: Sequence, index: int) -> Frame:
            stem = sequence.stems[index]
            if not self.quick:
                self.asked.append(stem)
                assert self._of(stem).wait(30), f"nobody gave {stem}"
            return read(sequence, index)

        monkeypatch.setattr(Sequence, "read", slowly)
        monkeypatch.setattr("app.state.fetching.PATIENCE_S", 0.005)

    def _of(self, stem: str) -> threading.Event:
        return self._given.setdefault(stem, threading.Event())

    def give(self, *stems: str) -> None:
        for stem in stems:
            self._of(stem).set()

    def end(self) -> None:
        self.quick = True
        self.give(*(f"f{index}" for index in range(COUNT)), "a", "b", "c")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.end()


@pytest.fixture
def session(make_session: Callable[..., Session], tmp_path: Path, disk: Disk, qtbot: QtBot) -> Session:
    """A session at frame 2 of 8; from now on the disk is slow."""
    for index in range(COUNT):
        write_frame(tmp_path / "slow" / f"f{index}.png", index)
    session = make_session()
    session.open([tmp_path / "slow"])
    session.go_to(2)
    qtbot.waitUntil(lambda: shown(session) == 2)
    sequence = session.sequence
    assert sequence is not None
    qtbot.waitUntil(lambda: session.frames.known(sequence, 3) is not None)  # read ahead
    disk.quick = False
    return session


def shown(session: Session) -> int:
    """The place of the frame whose pixels are shown."""
    assert session.frame is not None and session.sequence is not None
    assert session.frame.ref == session.sequence.frames[session.frame_index]
    return session.frame_index


def reading(session: Session) -> list[str]:
    return [job.text for job in session.jobs.running if job.kind == "read"]


def test_the_frame_before_is_shown_and_worked_on_until_the_other_is_there(
    session: Session, disk: Disk, qtbot: QtBot
) -> None:
    session.go_to(6)
    assert shown(session) == 2 and session.destination == 6 and session.document.stem == "f2"
    assert reading(session) == ["Reading f6.png"]
    draw(session, 3, 4)
    assert session.unsaved == ("f2",)
    disk.give("f6")
    qtbot.waitUntil(lambda: shown(session) == 6)
    assert session.destination == 6 and reading(session) == [] and session.document.stem == "f6"
    assert not session.unsaved, "saved when the other one was shown"


def test_steps_go_on_from_where_one_is_going(session: Session, disk: Disk, qtbot: QtBot) -> None:
    session.go_to(4)
    session.step(1)
    session.step(1)
    session.step(-2)
    session.step(99)
    assert shown(session) == 2 and session.destination == 7
    disk.give("f4", "f7")
    qtbot.waitUntil(lambda: shown(session) == 7)
    assert disk.asked[:2] == ["f4", "f7"], "what was passed by is not read"


def test_what_was_read_on_the_way_is_seen(session: Session, disk: Disk, qtbot: QtBot) -> None:
    session.go_to(5)
    qtbot.waitUntil(lambda: disk.asked == ["f5"])
    session.go_to(7)
    disk.give("f5")
    qtbot.waitUntil(lambda: shown(session) == 5)
    assert session.destination == 7 and reading(session) == ["Reading f7.png"]
    disk.give("f7")
    qtbot.waitUntil(lambda: shown(session) == 7)


def test_going_back_is_staying(session: Session, disk: Disk, qtbot: QtBot) -> None:
    done: list[str] = []
    session.go_to(6, then=lambda: done.append("6"))
    qtbot.waitUntil(lambda: disk.asked == ["f6"])
    session.go_to(2, then=lambda: done.append("2"))
    assert session.destination == 2 and reading(session) == [] and done == ["2"]
    disk.give("f6")
    qtbot.wait(50)
    assert shown(session) == 2 and done == ["2"]


def test_a_frame_in_memory_need_not_wait_for_the_slow_one(session: Session, disk: Disk, qtbot: QtBot) -> None:
    session.go_to(6)
    qtbot.waitUntil(lambda: disk.asked == ["f6"])
    session.go_to(3)
    assert shown(session) == 3 and reading(session) == []
    disk.give("f6")
    qtbot.wait(50)
    assert shown(session) == 3


def test_what_follows_is_done_when_it_is_shown_unless_another_was_gone_to(
    session: Session, disk: Disk, qtbot: QtBot
) -> None:
    done: list[int] = []
    session.go_to(5, then=lambda: done.append(5))
    qtbot.waitUntil(lambda: disk.asked == ["f5"])
    session.go_to(6, then=lambda: done.append(6))
    assert done == []
    disk.give("f5", "f6")
    qtbot.waitUntil(lambda: done == [6])
    assert shown(session) == 6


def test_an_unreadable_frame_is_told_when_it_is_known(session: Session, disk: Disk, qtbot: QtBot) -> None:
    sequence = session.sequence
    assert sequence is not None
    (sequence.source / "f6.png").write_bytes(b"broken")
    session.go_to(6)
    assert shown(session) == 2
    disk.give("f6")
    qtbot.waitUntil(lambda: session.frame_index == 6)
    assert session.frame is None and "f6.png" in session.notices.current[-1].text and not session.document.is_open
    session.go_to(2)
    assert shown(session) == 2 and not session.notices.current


def test_what_nobody_thought_of_ends_the_waiting(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Sequence, __: int) -> Frame:
        raise MemoryError("no memory for the frame")

    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    monkeypatch.setattr(Sequence, "read", broken)
    session.go_to(6)
    qtbot.waitUntil(lambda: session.frame_index == 6)
    assert session.frame is None and len(told) == 1
    assert session.notices.current[-1].text == "f6.png could not be read: see the log for what went wrong."


def test_a_disk_that_never_answers_does_not_hold_up_what_is_opened_next(
    session: Session, folder: Path, disk: Disk, qtbot: QtBot
) -> None:
    session.go_to(6)
    qtbot.waitUntil(lambda: disk.asked == ["f6"])
    disk.give("a", "b", "c")
    session.open([folder])
    qtbot.waitUntil(lambda: session.frame is not None)
    session.go_to(2)
    qtbot.waitUntil(lambda: shown(session) == 2)
    assert session.document.stem == "c" and reading(session) == []
    disk.give("f6")
    qtbot.wait(50)
    assert shown(session) == 2 and session.document.stem == "c"


def test_nothing_is_shown_once_all_is_closed(session: Session, disk: Disk, qtbot: QtBot) -> None:
    session.go_to(6)
    qtbot.waitUntil(lambda: disk.asked == ["f6"])
    session.close_sequence()
    assert session.destination == -1 and reading(session) == []
    disk.give("f6")
    qtbot.wait(50)
    assert session.frame is None and session.frame_index == -1


def test_playing_keeps_the_time_on_a_slow_disk(
    session: Session, disk: Disk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("app.state.player.time.monotonic", lambda: now[0])
    session.go_to(3)
    player = session.player
    player.set_fps(10)
    player.toggle()
    for tick in range(1, 5):
        now[0] = 100.01 + tick / 10
        player._tick()
    assert shown(session) == 3 and session.destination == 7, "four tenths of a second are four frames"
    disk.give("f4")
    qtbot.waitUntil(lambda: shown(session) == 4)
    player.pause()
    disk.give("f7")
    qtbot.wait(50)
    assert shown(session) == 4 and session.destination == 4, "paused is paused"


def test_the_end_of_the_film_is_shown_when_it_was_read(
    session: Session, disk: Disk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("app.state.player.time.monotonic", lambda: now[0])
    session.player.toggle()
    now[0] += 99
    session.player._tick()
    assert not session.player.playing and shown(session) == 2 and session.destination == 7
    disk.give("f7")
    qtbot.waitUntil(lambda: shown(session) == 7)


def test_nothing_is_read_ahead_while_a_frame_is_waited_for(session: Session, disk: Disk, qtbot: QtBot) -> None:
    session.go_to(5)
    qtbot.waitUntil(lambda: disk.asked == ["f5"])
    session.go_to(7)
    disk.give("f5")
    qtbot.waitUntil(lambda: disk.asked == ["f5", "f7"])
    qtbot.wait(30)
    disk.give("f7", "f6")
    qtbot.waitUntil(lambda: shown(session) == 7)
    assert disk.asked == ["f5", "f7"]


def test_the_same_frame_gone_to_twice_is_shown_once_and_what_follows_is_done(
    session: Session, disk: Disk, qtbot: QtBot
) -> None:
    done, changes = list[str](), list[int]()
    session.frame_changed.connect(lambda: changes.append(session.frame_index))
    session.go_to(6, then=lambda: done.append("first"))
    session.go_to(6)
    session.go_to(6)
    disk.give("f6")
    qtbot.waitUntil(lambda: shown(session) == 6)
    qtbot.wait(30)
    assert done == ["first"] and changes == [6] and disk.asked.count("f6") == 1


def test_where_one_is_going_is_told(session: Session, disk: Disk, qtbot: QtBot) -> None:
    told: list[int] = []
    session.fetcher.destination_changed.connect(lambda: told.append(session.destination))
    session.go_to(6)
    session.go_to(7)
    session.go_to(2)
    assert told == [6, 7, 2]
    session.go_to(3)  # in memory
    assert told == [6, 7, 2] and shown(session) == 3


def test_a_frame_does_not_come_into_the_middle_of_something(session: Session, disk: Disk, qtbot: QtBot) -> None:
    session.fetcher.held = lambda: session.document.stroke_active
    session.go_to(6)
    session.document.begin_stroke(True)
    disk.give("f6")
    qtbot.wait(150)
    assert shown(session) == 2 and session.destination == 6
    session.document.paint(*brush(4, 4, diameter=1, shape=session.document.shape))
    session.document.commit()
    qtbot.waitUntil(lambda: shown(session) == 6)
    assert not session.document.mask.any()
    session.go_to(2)
    assert session.document.mask[4, 4]


@pytest.mark.parametrize("meanwhile", ["another frame", "another sequence"])
def test_a_question_while_the_frame_before_is_saved_may_lead_elsewhere(
    session: Session, folder: Path, disk: Disk, qtbot: QtBot, meanwhile: str
) -> None:
    sequence = session.sequence
    assert sequence is not None
    draw(session, 3, 4)
    write_mask(sequence.root / "masks" / "f2.png", np.ones(session.document.shape, np.bool_))

    def asked(stem: str) -> None:
        assert stem == "f2"
        if meanwhile == "another frame":
            session.go_to(3)
        else:
            disk.quick = True
            session.open([folder], discard=True)

    session.conflict_found.connect(asked)
    disk.give("f6")
    session.go_to(6)
    expected = ("f3", 3) if meanwhile == "another frame" else ("a", 0)
    qtbot.waitUntil(lambda: (session.document.stem, session.frame_index) == expected)
    qtbot.wait(30)
    assert shown(session) == expected[1] and session.document.stem == expected[0]


def test_what_was_being_read_when_all_was_closed_is_not_kept(session: Session, disk: Disk, qtbot: QtBot) -> None:
    sequence = session.sequence
    assert sequence is not None
    session.go_to(6)
    qtbot.waitUntil(lambda: disk.asked == ["f6"])
    before = sequence.source / "f6.png"
    session.close_sequence()
    disk.give("f6")
    qtbot.wait(50)
    write_frame(before, 99)
    disk.quick = True
    session.open([sequence.source])
    session.go_to(6)
    qtbot.waitUntil(lambda: session.frame_index == 6)
    assert session.frame is not None
    assert np.array_equal(session.frame.pixels, np.asarray(Image.open(before)))


def test_a_frame_can_be_waited_for(session: Session, disk: Disk) -> None:
    session.go_to(5)
    disk.give("f5", "f6")
    done: list[int] = []
    session.go_to(6, then=lambda: done.append(6), wait=True)
    assert shown(session) == 6 and done == [6] and reading(session) == []


def test_on_a_disk_that_hangs_wishes_do_not_pile_up(session: Session, disk: Disk, qtbot: QtBot) -> None:
    for index in (4, 5, 6, 7) * 50:
        session.go_to(index)
    assert len(session.fetcher._underway) == 2 and session.destination == 7
    disk.give("f4", "f7")
    qtbot.waitUntil(lambda: shown(session) == 7)
