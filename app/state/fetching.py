"""Going to a frame without making the window wait for a slow disk, a long video or a large file."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal

from adsnet.data.frames import Frame
from adsnet.errors import FrameError
from app.state.frames import FrameCache
from app.state.jobs import Jobs
from app.state.sequence import Sequence
from app.state.turns import Turns

PATIENCE_S = 0.02
"""How long the window waits for a frame before it does something else: most are there by then, and nothing flickers."""


class _Wish:
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
        show: shows a frame, or says what was wrong with it, given its index.
    """

    _answered = Signal(object)

    def __init__(
        self, frames: FrameCache, jobs: Jobs, show: Callable[[int, Frame | FrameError], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._frames, self._jobs, self._show = frames, jobs, show
        self._underway: list[_Wish] = []
        self._job = 0
        self._turns = Turns.of_the_window()
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)

    @property
    def destination(self) -> int | None:
        """The frame that is being gone to; None while nothing is waited for."""
        return self._underway[-1].index if self._underway else None

    def fetch(self, sequence: Sequence, index: int, then: Callable[[], None] | None = None) -> None:
        """Show a frame as soon as it is there.

        Args:
            sequence, index: which one.
            then: what is to be done once it is shown; not if another one was gone to meanwhile.
        """
        frame = self._frames.known(sequence, index)
        if frame is not None:
            self.drop()
            self._show(index, frame)
            if then is not None:
                then()
            return
        idle = not self._underway
        wish = _Wish(sequence, index, then)
        self._underway.append(wish)
        self._frames.ask(sequence, index, partial(self._answer, wish))
        if idle and wish.there.wait(PATIENCE_S):
            self._take(wish)
            return
        self._jobs.finish(self._job)
        self._job = self._jobs.start("read", f"Reading {sequence.names[index]}")

    def drop(self) -> None:
        """Stay: what is underway is not wanted any more."""
        self._underway.clear()
        self._jobs.finish(self._job)

    def _answer(self, wish: _Wish, result: Frame | FrameError) -> None:
        wish.result = result
        wish.there.set()
        with contextlib.suppress(RuntimeError):  # the window was closed meanwhile
            self._answered.emit(wish)

    def _on_answered(self, wish: _Wish) -> None:
        self._turns.take(lambda: self._take(wish), of=self)

    def _take(self, wish: _Wish) -> None:
        if wish not in self._underway:  # taken already, or dropped
            return
        last = wish is self._underway[-1]
        del self._underway[: self._underway.index(wish) + 1]
        if last:
            self._jobs.finish(self._job)
        assert wish.result is not None
        self._show(wish.index, wish.result)
        if last and wish.then is not None:
            wish.then()
