"""The list of frames: what is known about each, and which of them pass the filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from app.state.frame_table import (
    MEASURES,
    UNKNOWN,
    FrameColumns,
    FrameFilter,
    arrange,
    pattern_problem,
)
from app.state.label_targets import LabelTargets
from app.state.report import Judged
from app.state.session import Session

_SETTLE_MS = 1000


class FrameList(QObject):
    """Rows of frames, arranged by a filter.

    A frame whose state changes stays where it is until the filter is set again: rows that jump away under the pointer
    are worse than one that does not belong. Scores that come in while the sequence is judged sort it again, once a
    second.

    Attributes:
        filter: what is wanted.
        targets: reads which labels have a target.

    Signals:
        arranged(): other rows.
        frame_changed(int): something about a frame that may be listed.
    """

    arranged = Signal()
    frame_changed = Signal(int)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.filter = FrameFilter()
        self.targets = LabelTargets(session, self)
        self._later = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._later.timeout.connect(self._arrange)
        session.review.changed.connect(self.frame_changed)
        session.review.reset.connect(self._arrange)
        session.sequence_changed.connect(self.reload)
        session.report.judged.connect(self._on_judged)
        session.report.changed.connect(self._on_report)
        self.targets.found.connect(self._on_targets)
        self.reload()

    def reload(self) -> None:
        """Take over another sequence."""
        sequence = self._session.sequence
        self._names = sequence.names if sequence is not None else ()
        self._folded = sequence.folded_names if sequence is not None else ()
        self._forget_judged()
        self.targets.follow(wanted=False)
        self.filter = FrameFilter()
        self._arrange()

    def _forget_judged(self) -> None:
        count = len(self._names)
        self._measures = {name: np.full(count, np.nan, np.float32) for name in MEASURES}
        self._predicted = np.full(count, UNKNOWN, np.int8)

    def set_filter(self, wish: FrameFilter) -> None:
        """Show other frames, or in another order; a regular expression that is not complete changes nothing."""
        self.filter = wish
        if not pattern_problem(wish):
            self.targets.follow(wanted=wish.targets in ("labelled", "none labelled"))
            self._arrange()

    # ---- rows -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rows)

    def row_of(self, frame: int) -> int | None:
        """The row of a frame, or None when the filter hides it."""
        if not 0 <= frame < len(self._places):
            return None
        row = int(self._places[frame])
        return None if row < 0 else row

    def frame_at(self, row: int) -> int:
        """The frame in a row."""
        return int(self._rows[row])

    def name(self, frame: int) -> str:
        """The name of a frame as in the list."""
        return self._names[frame]

    def measure(self, frame: int, name: str) -> float | None:
        """``score``, ``uncertainty`` or ``disagreement`` of a frame, 0..1; None where nobody knows."""
        value = float(self._measures[name][frame])
        return None if np.isnan(value) else value

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the split files beside the frames."""
        sequence = self._session.sequence
        return () if sequence is None else tuple(sequence.splits)

    @property
    def sentence(self) -> str:
        """What the list shows, for the line below it."""
        problem = pattern_problem(self.filter)
        total, review = len(self._names), self._session.review
        if problem or not total:
            return problem or "No sequence"
        shown = f"{len(self):,} of {total:,} frames shown; " if self.filter.narrows else f"{total:,} frames; "
        parts = [f"{shown}{review.with_label:,} labelled, {review.count('reviewed'):,} reviewed"]
        if self.filter.order in MEASURES or self.filter.limits_score:
            measure = self.filter.order if self.filter.order in MEASURES else "score"
            known = int(np.count_nonzero(~np.isnan(self._measures[measure])))
            parts.append(f"{known:,} with {measure}" if known else f"no {measure} yet: judge all frames (Ctrl+J)")
        if self.targets.reading:
            parts.append("labels are being read")
        return "; ".join(parts) + "."

    # ---- arranging ------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self._later.stop()
        review, count = self._session.review, len(self._names)
        if len(review) != count:  # the review of the new sequence comes first, its frames a moment later
            self._rows: NDArray[np.intp] = np.zeros(0, np.intp)
            self._places: NDArray[np.intp] = np.full(count, -1, np.intp)
            self.arranged.emit()
            return
        sequence = self._session.sequence
        unsaved = np.zeros(count, np.bool_)
        unsaved[list(review.unsaved_frames)] = True
        columns = FrameColumns(
            names=self._names,
            folded=self._folded,
            states=review.codes,
            labelled=review.labelled,
            unsaved=unsaved,
            with_target=self.targets.known,
            predicted=self._predicted,
            splits=sequence.splits if sequence is not None else {},
            by_name=sequence.by_name if sequence is not None else None,
            measures=self._measures,
        )
        self._rows = arrange(columns, self.filter)
        self._places = np.full(count, -1, np.intp)
        self._places[self._rows] = np.arange(len(self._rows))
        self.arranged.emit()

    @property
    def _follows_judgement(self) -> bool:
        return self.filter.order in MEASURES or self.filter.limits_score or self.filter.targets.endswith("predicted")

    def _on_judged(self, place: int) -> None:
        judged: Judged = self._session.report.frames[place]
        if judged.index >= len(self._names):
            return
        found = {"score": judged.peak, "uncertainty": judged.unsure, "disagreement": judged.disagreement}
        for name, value in found.items():
            self._measures[name][judged.index] = np.nan if value is None else value
        if judged.peak is not None:
            self._predicted[judged.index] = int(judged.predicted > 0)
        if self._follows_judgement and not self._later.isActive():
            self._later.start()

    def _on_report(self) -> None:
        if not self._session.report.frames:
            self._forget_judged()  # another judgement begins, or there is none any more
        if self._follows_judgement:
            self._arrange()

    def _on_targets(self) -> None:
        if self.filter.targets.endswith("labelled") and not self._later.isActive():
            self._later.start()
