"""Which labels have a target: read from the label files in a thread, once somebody asks."""

from __future__ import annotations

import itertools
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from adsnet.data.labels import read_mask
from adsnet.errors import AdsnetError
from app.state.backstage import Backstage
from app.state.frame_table import UNKNOWN
from app.state.session import Session

_BATCH_SECONDS = 0.2


class _Batch(NamedTuple):
    """What was read in one run: some frames, whether their labels have a target, and how many are done in all."""

    run: int
    frames: list[int]
    targets: list[int]
    done: int


class LabelTargets(QObject):
    """Reads the labels that are not known yet while a filter wants them; what is saved here is known at once.

    Attributes:
        known: (N,) int8 by frame: 1 with a target, 0 without one or without a label, −1 not known.

    Signals:
        found(): more is known.
    """

    found = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.known: NDArray[np.int8] = np.zeros(0, np.int8)
        self._sequence: object = None
        self._run = self._job = 0
        self._began = 0.0
        self._todo: list[tuple[int, str]] = []
        self.reading = False
        self._backstage = Backstage(self)
        self._backstage.finished.connect(self._on_read)
        session.saved.connect(self._on_saved)

    def follow(self, *, wanted: bool) -> None:
        """Read what is not known, or stop reading."""
        sequence = self._session.sequence
        if sequence is not self._sequence:
            self._stop()
            self._sequence = sequence
            self.known = np.full(0 if sequence is None else len(sequence), UNKNOWN, np.int8)
        if not wanted:
            self._stop()
        elif sequence is not None and not self.reading:
            labelled = self._session.review.labelled
            self.known[~labelled] = 0
            self._todo = [(int(i), sequence.stems[i]) for i in np.flatnonzero(self.known < 0)]
            if self._todo:
                self.reading = True
                self._run += 1
                self._began = time.monotonic()
                self._job = self._session.jobs.start("labels", "Looking for targets in the labels")
                self._read(0)

    def _stop(self) -> None:
        self._run += 1
        self.reading = False
        self._session.jobs.finish(self._job)

    def _read(self, start: int) -> None:
        run, todo, find = self._run, self._todo, self._session.saving.label_finder()

        def read() -> _Batch:
            frames, targets = [], []
            began = time.monotonic()
            for frame, stem in itertools.islice(todo, start, None):
                path = find(stem)
                try:
                    targets.append(int(path is not None and read_mask(path).any()))
                except AdsnetError:
                    targets.append(0)  # told when the frame is gone to
                frames.append(frame)
                if time.monotonic() - began > _BATCH_SECONDS:
                    break
            return _Batch(run, frames, targets, start + len(frames))

        self._backstage.submit(read)

    def _on_read(self, batch: _Batch) -> None:
        if batch.run != self._run:
            return
        fresh = [(f, t) for f, t in zip(batch.frames, batch.targets, strict=True) if self.known[f] < 0]
        self.known[[f for f, _ in fresh]] = [t for _, t in fresh]
        count = len(self._todo)
        left = (time.monotonic() - self._began) / batch.done * (count - batch.done)
        self._session.jobs.progress(self._job, fraction=batch.done / count, seconds_left=left)
        if batch.done == count:
            self._stop()
        else:
            self._read(batch.done)
        self.found.emit()

    def _on_saved(self, stem: str) -> None:
        sequence = self._session.sequence
        index = sequence.index_of(stem) if sequence is not None else None
        if index is not None and index < len(self.known):
            document = self._session.document
            self.known[index] = int(document.mask_of(stem).any()) if document.remembers(stem) else UNKNOWN
            # Not told: a frame that is being corrected stays in the list.
