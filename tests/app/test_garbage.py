"""A Qt object in a cycle dies in the thread of the window, whoever allocates."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.garbage import LATER_MS, GarbageCollector, let_go_later, sweep


class Cycle(QObject):
    """Keeps itself alive, and remembers in which thread it went."""

    def __init__(self, ended_in: list[int]) -> None:
        super().__init__()
        self.me: QObject | None = self
        weakref.finalize(self, lambda: ended_in.append(threading.get_ident()))


def allocate() -> list[list[int]]:
    """More objects than all thresholds of the automatic collection together."""
    return [[number] for number in range(200_000)]


def in_a_thread() -> None:
    thread = threading.Thread(target=allocate)
    thread.start()
    thread.join()


def lost_cycle() -> list[int]:
    """Of a cycle that nobody holds: the thread in which it went, once it went."""
    gc.collect()
    ended_in: list[int] = []
    Cycle(ended_in)
    return ended_in


def test_what_takes_long_to_free_goes_a_moment_later(qtbot: QtBot) -> None:
    ended_in: list[int] = []
    kept = Cycle(ended_in)
    kept.me = None
    let_go_later(kept)
    del kept
    assert not ended_in
    qtbot.waitUntil(lambda: bool(ended_in), timeout=LATER_MS + 4000)
    assert ended_in[0] == threading.get_ident()


def test_left_to_python_it_would_go_in_another_thread(qtbot: QtBot) -> None:
    ended_in = lost_cycle()
    gc.enable()
    in_a_thread()
    assert ended_in and ended_in[0] != threading.get_ident()


def test_it_goes_in_the_thread_of_the_window(qtbot: QtBot) -> None:
    collector = GarbageCollector()
    try:
        ended_in = lost_cycle()
        in_a_thread()
        assert not ended_in
        keep = []
        for _ in range(150):  # generations grow old by sweeps, not by time
            keep.append(allocate()[:1000])
            qtbot.wait(1)
        qtbot.waitUntil(lambda: bool(ended_in), timeout=5000)
        assert ended_in == [threading.get_ident()]
    finally:
        collector.stop()
    assert gc.isenabled()


def test_what_survives_a_look_at_everything_waits_until_nobody_works_with_the_window(qtbot: QtBot) -> None:
    collector = GarbageCollector()
    try:
        gc.collect()
        ended_in: list[int] = []
        survivor = Cycle(ended_in)
        before = gc.get_freeze_count()
        keep = []
        # Allocated and swept until the turn of the oldest generation comes; frozen objects go meanwhile too.
        while gc.get_freeze_count() <= before:
            keep.append(allocate()[:1000])
            sweep()
        del survivor
        gc.collect()
        assert not ended_in
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
        assert not ended_in
        application.applicationStateChanged.emit(Qt.ApplicationState.ApplicationInactive)
        assert ended_in == [threading.get_ident()]
    finally:
        collector.stop()
    assert gc.get_freeze_count() == 0
