"""How long the event loop of the window was ever kept waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 5


class StallWatch(QObject):
    """A timer of 5 ms; the longest time between two of its ticks, above the tick itself, is the longest stall.

    Attributes:
        longest: in seconds, by the clock on the wall: what a person would notice.
        own: in seconds, processor time of this thread between two ticks: what of it was work of the window, and not
            waiting for a processor that other programs had.
        during, own_during: the step in which they were.
        by_step, own_by_step: the longest of each step.
        last: when the last tick was.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.longest = 0.0
        self.during = ""
        self.own = 0.0
        self.own_during = ""
        self.step = "start"
        self.by_step: dict[str, float] = {}
        self.own_by_step: dict[str, float] = {}
        self._timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self.last, self._last_own = time.perf_counter(), time.thread_time()
        self._timer.start()

    @contextmanager
    def not_counted(self) -> Iterator[None]:
        """Work of the test itself, such as taking pictures."""
        self._tick()
        yield
        self.last, self._last_own = time.perf_counter(), time.thread_time()

    def _tick(self) -> None:
        now, own = time.perf_counter(), time.thread_time()
        stall = now - self.last - TICK_MS / 1000
        if stall > self.longest:
            self.longest, self.during = stall, self.step
        own_stall = own - self._last_own
        if own_stall > self.own:
            self.own, self.own_during = own_stall, self.step
        self.by_step[self.step] = max(stall, self.by_step.get(self.step, 0.0))
        self.own_by_step[self.step] = max(own_stall, self.own_by_step.get(self.step, 0.0))
        self.last, self._last_own = now, own
