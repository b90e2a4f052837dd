"""Frames read lately, and the next one read ahead in a thread."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections import OrderedDict

from adsnet.data.frames import Frame
from adsnet.errors import FrameError
from app.state.sequence import Sequence

MEGABYTE = 2**20


class FrameCache:
    """Keeps frames in memory and reads ahead, one at a time.

    Args:
        limit: bytes of pixels to keep.
    """

    def __init__(self, *, limit: int = 96 * MEGABYTE) -> None:
        self._limit = limit
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self._used = 0
        self._prepared: tuple[Sequence, Frame] | None = None
        self._lock = threading.Lock()
        # Decoders of videos are shared; two frames at once would fight over their position.
        self._reading = threading.Lock()
        self._wishes: queue.SimpleQueue[tuple[Sequence, int]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def read(self, sequence: Sequence, index: int) -> Frame:
        """The frame, from memory where it is there. Raises FrameError."""
        key = sequence.key(index)
        frame = self._known(key)
        if frame is None:
            with self._reading:
                frame = self._known(key)  # the other thread may have read it meanwhile
                if frame is None:
                    frame = sequence.read(index)
                    self._keep(key, frame)
        return frame

    def _known(self, key: str) -> Frame | None:
        with self._lock:
            frame = self._frames.get(key)
            if frame is not None:
                self._frames.move_to_end(key)
            return frame

    def ahead(self, sequence: Sequence, index: int) -> None:
        """Read a frame in the background, if there is one of this index; an error is left for ``read`` to find."""
        if not 0 <= index < len(sequence):
            return
        self._wishes.put((sequence, index))
        if self._thread is None:
            # A daemon: a file on a dead network share must not keep the program from ending.
            self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
            self._thread.start()

    def prepare(self, sequence: Sequence) -> None:
        """Read the first frame of a sequence that is about to be opened, in the thread that opens it."""
        # Not under the lock of ``read``: what is open goes on being shown while this file, or its disk, is slow.
        with contextlib.suppress(FrameError):  # an error is found again when the frame is shown
            self._prepared = sequence, sequence.read(0)

    def adopt(self, sequence: Sequence) -> None:
        """The sequence is open now: keep its first frame, if it was prepared; another one's is not wanted any more."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0] is sequence:
            self._keep(sequence.key(0), prepared[1])

    def clear(self) -> None:
        """Forget all frames but one that is prepared."""
        with self._lock:
            self._frames.clear()
            self._used = 0

    def holds(self, sequence: Sequence, index: int) -> bool:
        """Whether the frame is in memory."""
        with self._lock:
            return sequence.key(index) in self._frames

    def _keep(self, key: str, frame: Frame) -> None:
        with self._lock:
            if key in self._frames:
                return
            self._frames[key] = frame
            self._used += frame.pixels.nbytes
            while self._used > self._limit and len(self._frames) > 1:
                _, oldest = self._frames.popitem(last=False)
                self._used -= oldest.pixels.nbytes

    def _work(self) -> None:
        told = False
        while True:
            sequence, index = self._wishes.get()
            while not self._wishes.empty():  # only the last wish still matters
                sequence, index = self._wishes.get()
            try:
                self.read(sequence, index)
            except FrameError:
                continue  # found again, and told, when the frame is gone to
            except Exception:  # noqa: BLE001  the end of the thread would end reading ahead without a word
                if not told:
                    told = True
                    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
