"""How the window is driven and watched: keys and mouse go in as events, what counts is when it was painted."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPaintEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.bootstrap import Studio
from app.views.canvas import Canvas
from tests.e2e.stall import StallWatch
from tests.waiting import pause

PATIENCE = 150.0  # seconds


class Paints:
    """Counts what the canvas has painted.

    Attributes:
        count: finished paint events of any canvas.
        last: when the last one was finished, ``time.perf_counter``.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0

    @contextmanager
    def watched(self) -> Iterator[Paints]:
        """Count from here on; begin before the window is made."""
        painted = Canvas.paintEvent

        def counting(canvas: Canvas, event: QPaintEvent) -> None:
            painted(canvas, event)
            self.count += 1
            self.last = time.perf_counter()

        Canvas.paintEvent = counting
        try:
            yield self
        finally:
            Canvas.paintEvent = painted


class Stacks(threading.Thread):
    """Writes where the window is whenever its event loop is late: what to mend when there is a stall.

    Args:
        watch: whose ticks are looked at.
        late: seconds.
    """

    def __init__(self, watch: StallWatch, late: float) -> None:
        super().__init__(daemon=True)
        self._watch, self._late = watch, late
        self._window = threading.get_ident()
        self._told = 0.0

    def run(self) -> None:
        """Look every few milliseconds."""
        while True:
            time.sleep(0.004)
            last = self._watch.last
            if time.perf_counter() - last > self._late and last != self._told:
                self._told = last
                stack = traceback.format_stack(sys._current_frames()[self._window], 8)
                sys.stderr.write(f"---- late, {self._watch.step}\n{''.join(stack[-8:])}")


class Spent(NamedTuple):
    """Seconds by the clock on the wall, and processor time of the thread of the window: less on a busy machine."""

    wall: float
    own: float


class Driver:
    """Hands of a user on a running window.

    Args:
        studio: the program.
        paints: of its canvas.
        pace: shortens all pauses; below 1 for a smoke test.
    """

    def __init__(self, studio: Studio, paints: Paints, *, pace: float = 1.0) -> None:
        self._pace = pace
        self.studio, self.paints = studio, paints
        self.session, self.window = studio.session, studio.window
        self.canvas = studio.window.workspace.canvas
        self._held = Qt.MouseButton.NoButton

    def wait(self, milliseconds: int) -> None:
        """Let the event loop of the program run."""
        pause(round(self._pace * milliseconds))

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Let it run until something is so."""
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain for {what}")
            self.wait(5)

    def predicted(self) -> None:
        """Wait for the prediction of the frame that is shown."""
        session = self.session
        self.until(lambda: session.prediction is not None and not session.jobs.busy("predict"), "a prediction")

    def painted(self, act: Callable[[], Any]) -> Spent:
        """The time from an event to the canvas painted anew and nothing left to do for the window."""
        before, began, own = self.paints.count, time.perf_counter(), time.thread_time()
        act()
        while self.paints.count == before:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
            if time.perf_counter() - began > PATIENCE:
                raise TimeoutError("the canvas was not painted")
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)  # panels that follow a moment later
        return Spent(time.perf_counter() - began, time.thread_time() - own)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press and release a key over the canvas."""
        QTest.keyClick(self.canvas, key, modifier)

    def trigger(self, action: str) -> None:
        """Choose an action in its menu."""
        self.window.action_set[action].trigger()

    def move(self, at: QPoint) -> None:
        """Move the pointer, whatever button is held."""
        view, none = self.canvas.viewport(), Qt.MouseButton.NoButton
        place = QPointF(at)
        event = QMouseEvent(
            QEvent.Type.MouseMove, place, view.mapToGlobal(place), none, self._held, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(view, event)

    def press(self, at: QPoint, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Hold a button."""
        self._held = button
        QTest.mousePress(self.canvas.viewport(), button, pos=at)

    def release(self, at: QPoint, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Let it go."""
        self._held = Qt.MouseButton.NoButton
        QTest.mouseRelease(self.canvas.viewport(), button, pos=at)

    def wheel(self, notches: int) -> None:
        """Turn the wheel over the middle of the canvas."""
        middle = QPointF(self.canvas.viewport().rect().center())
        nothing = Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(
            middle, self.canvas.viewport().mapToGlobal(middle), QPoint(), QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton, nothing, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.canvas.viewport(), event)


def percentiles(name: str, spent: list[Spent], *shares: int) -> dict[str, object]:
    """``name_ms_p99`` and so on in milliseconds, and the same of the processor time as ``name_own_ms_p99``."""
    found: dict[str, object] = {}
    for share in shares:
        wall, own = (float(np.percentile(times, share, method="higher")) for times in zip(*spent, strict=True))
        found[f"{name}_ms_p{share}"], found[f"{name}_own_ms_p{share}"] = 1e3 * wall, 1e3 * own
    return found
