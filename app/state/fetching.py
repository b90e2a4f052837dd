"""Going to a frame without making the window wait for a slow disk, a long video or a large file."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from adsnet.data.frames import Frame
from adsnet.errors import FrameError
from app.state.frames import FrameCache
from app.state.jobs import Jobs
from app.state.sequence import Sequence
from app.state.turns import Turns

PATIENCE_S = 0.1
"""How long the window waits for a frame before it does something else: what is shown within a tenth of a second is
felt as at once, and keys that are typed ahead meet the frame that they were meant for."""
_AGAIN_MS = 50

Show = Callable[[Sequence, int, Frame | FrameError], bool]


class _Going:
    """A frame that was gone to and is not there yet."""

    def __init__(self, sequence: Sequence, index: int, then: Callable[[], None] | None) -> None:
        self.sequence, self.index, self.then = sequence, index, then
        self.result: Frame | FrameError | None = None
        self.there = threading.Event()


class Fetcher(QObject):
    """Brings frames to whoever shows them: at once where they are at hand, else when they were read.

    Until a frame is there the one before is shown and can be worked on. Of those that are gone to quickly each that was
    read is shown, and the last one at the end.

    Args:
        frames: reads them.
        jobs: is told what is waited for.
        show: shows a frame, or says what was wrong with it; returns whether it did.

    Attributes:
        held: asked before a frame that had to be waited for is shown: True while that would be in the way, in the
            middle of a stroke, a question or a menu. It is asked again until then.

    Signals:
        destination_changed(): another frame, or none any more, is being gone to.
    """

    destination_changed = Signal()
    _answered = Signal(object)

    def __init__(self, frames: FrameCache, jobs: Jobs, show: Show, parent: QObject) -> None:
        super().__init__(parent)
        self.held: Callable[[], bool] = lambda: False
        self._frames, self._jobs, self._show = frames, jobs, show
        self._underway: list[_Going] = []
        self._job = 0
        self._turns = Turns.of_the_window()
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)

    @property
    def destination(self) -> int | None:
        """The frame that is being gone to; None while nothing is waited for."""
        return self._underway[-1].index if self._underway else None

    def fetch(
        self, sequence: Sequence, index: int, then: Callable[[], None] | None = None, *, wait: bool = False
    ) -> None:
        """Show a frame as soon as it is there.

        Args:
            sequence, index: which one.
            then: what is to be done once it is shown; not if another one was gone to meanwhile.
            wait: until it is read, however long that takes.
        """
        if self.destination == index and not wait:
            self._underway[-1].then = then or self._underway[-1].then
            return
        frame = self._at_hand(sequence, index, wait)
        if frame is not None:
            self.drop()
            if self._show(sequence, index, frame) and then is not None:
                then()
            return
        idle = not self._underway
        going = _Going(sequence, index, then)
        del self._underway[1:]  # those between the one that is being read and this one are never read
        self._underway.append(going)
        self._frames.ask(sequence, index, partial(self._answer, going))
        if idle and going.there.wait(PATIENCE_S):
            self._take(going)
            return
        self._jobs.finish(self._job)
        self._job = self._jobs.start("read", f"Reading {sequence.names[index]}")
        self.destination_changed.emit()

    def _at_hand(self, sequence: Sequence, index: int, wait: bool) -> Frame | FrameError | None:
        if not wait:
            return self._frames.known(sequence, index)
        try:
            return self._frames.read(sequence, index)
        except FrameError as error:
            return error

    def drop(self) -> None:
        """Stay: what is underway is not wanted any more."""
        if self._underway:
            self._underway.clear()
            self._jobs.finish(self._job)
            self.destination_changed.emit()

    def _answer(self, going: _Going, result: Frame | FrameError) -> None:
        going.result = result
        going.there.set()
        with contextlib.suppress(RuntimeError):  # the window was closed meanwhile
            self._answered.emit(going)

    def _on_answered(self, going: _Going) -> None:
        self._turns.take(lambda: self._take_when_free(going), of=self)

    def _take_when_free(self, going: _Going) -> None:
        if going in self._underway and self.held():
            QTimer.singleShot(_AGAIN_MS, self, lambda: self._take_when_free(going))
        else:
            self._take(going)

    def _take(self, going: _Going) -> None:
        if going not in self._underway:  # taken already, or dropped
            return
        last = going is self._underway[-1]
        del self._underway[: self._underway.index(going) + 1]
        if last:
            self._jobs.finish(self._job)
        assert going.result is not None
        if self._show(going.sequence, going.index, going.result) and last and going.then is not None:
            going.then()
