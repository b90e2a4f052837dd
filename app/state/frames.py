"""Frames read lately, and a thread that reads those that are wished for."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable

from adsnet.data.frames import Frame
from adsnet.errors import FrameError
from app.state.sequence import Sequence

MEGABYTE = 2**20

Answer = Callable[[Frame | FrameError], None]


_Wish = tuple[Sequence, int, Answer | None]
"""A frame to read, and who is told, in the thread that reads."""


class FrameCache:
    """Keeps frames in memory and reads those that are wished for in a thread, one at a time.

    Args:
        limit: bytes of pixels to keep.
    """

    def __init__(self, *, limit: int = 96 * MEGABYTE) -> None:
        self._limit = limit
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self._used = 0
        self._prepared: tuple[Sequence, Frame] | None = None
        self._lock = threading.Lock()
        self._told = False
        self._begin()

    def _begin(self) -> None:
        """A lock, wishes and a thread of their own from now on: the one before may wait for a dead disk."""
        # Decoders of videos are shared; two frames at once would fight over their position.
        self._reading = threading.Lock()
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def read(self, sequence: Sequence, index: int) -> Frame:
        """The frame, from memory where it is there. Raises FrameError."""
        frame = self.known(sequence, index)
        if frame is not None:
            return frame
        turn = self._reading
        with turn:
            frame = self.known(sequence, index)  # the other thread may have read it meanwhile
            if frame is None:
                frame = sequence.read(index)
                self._keep(sequence.key(index), frame, turn)
        return frame

    def known(self, sequence: Sequence, index: int) -> Frame | None:
        """The frame, if it is in memory."""
        key = sequence.key(index)
        with self._lock:
            frame = self._frames.get(key)
            if frame is not None:
                self._frames.move_to_end(key)
            return frame

    def ask(self, sequence: Sequence, index: int, answer: Answer | None = None) -> None:
        """Have a frame read in the background. Of several wishes that wait only the last with an answer is granted.

        Args:
            sequence, index: which one.
            answer: is called in another thread with the frame, or with what was wrong; without it, an error is left
                for ``read`` to find.
        """
        self._wishes.put((sequence, index, answer))
        if self._thread is None:
            # A daemon: a file on a dead network share must not keep the program from ending.
            self._thread = threading.Thread(target=self._work, args=(self._wishes,), name="frames", daemon=True)
            self._thread.start()

    def ahead(self, sequence: Sequence, index: int) -> None:
        """``ask`` for a frame that may be needed next, if there is one of this index."""
        if 0 <= index < len(sequence):
            self.ask(sequence, index)

    def prepare(self, sequence: Sequence) -> None:
        """Read the first frame of a sequence that is about to be opened, in the thread that opens it."""
        # Not under the lock of ``read``: what is open goes on being shown while this file, or its disk, is slow.
        with contextlib.suppress(FrameError):  # an error is found again when the frame is shown
            self._prepared = sequence, sequence.read(0)

    def adopt(self, sequence: Sequence) -> None:
        """The sequence is open now: keep its first frame, if it was prepared; another one's is not wanted any more."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0] is sequence:
            self._keep(sequence.key(0), prepared[1], self._reading)

    def clear(self) -> None:
        """Forget all frames, also one that is being read, but not one that is prepared."""
        with self._lock:
            self._frames.clear()
            self._used = 0
            self._wishes.put(None)
            self._begin()

    def _keep(self, key: str, frame: Frame, turn: threading.Lock) -> None:
        with self._lock:
            # With the lock of before ``clear``: the file may have been read again, and be another one, since.
            if turn is not self._reading or key in self._frames:
                return
            self._frames[key] = frame
            self._used += frame.pixels.nbytes
            while self._used > self._limit and len(self._frames) > 1:
                _, oldest = self._frames.popitem(last=False)
                self._used -= oldest.pixels.nbytes

    def _work(self, wishes: queue.SimpleQueue[_Wish | None]) -> None:
        while (wish := _chosen(wishes)) is not None:
            self._grant(*wish)
            del wish  # it would be kept, with all that its answer holds, until there is another one

    def _grant(self, sequence: Sequence, index: int, answer: Answer | None) -> None:
        result: Frame | FrameError
        try:
            result = self.read(sequence, index)
        except FrameError as error:
            result = error
        except Exception:  # noqa: BLE001  the end of the thread would end the reading of frames without a word
            result = FrameError(f"{sequence.names[index]} could not be read: see the log for what went wrong.")
            if not self._told:
                self._told = True
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        if answer is not None:
            answer(result)


def _chosen(wishes: queue.SimpleQueue[_Wish | None]) -> _Wish | None:
    """Wait for a wish; of several the last one that somebody waits for, else the last. None: there are no more."""
    wish = wishes.get()
    while wish is not None and not wishes.empty():
        other = wishes.get()
        if other is None or other[2] is not None or wish[2] is None:
            wish = other
    return wish
