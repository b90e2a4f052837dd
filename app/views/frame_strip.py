"""The strip under the slider of the timeline: one column for each frame, with its label and its targets."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QTimer
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QToolTip, QWidget

from app.imaging.colours import FOUND, MISSED
from app.state.review import STATES
from app.state.session import Session
from app.views.theme import STATE_COLOURS, colours

LABELS = ("none", "labelled", "corrected", "reviewed")
TARGETS = ("none", "targets", "disagreement")
_OF_STATE = np.array([LABELS.index(state) if state in LABELS else 0 for state in STATES], np.int8)
"""What a person said of a label, by the place of the state in ``STATES``; 0 where nobody said anything."""
_LINE, _GAP, _TICK = 5, 1, 3
_LATER_MS = 60


class FrameStrip(QWidget):
    """Above, the state of the labels; below, targets, and lower where prediction and label disagree.

    Attributes:
        labels, targets: (frames,) int8, places in ``LABELS`` and in ``TARGETS``.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.labels = self.targets = np.zeros(0, np.int8)
        self.setFixedHeight(_LINE + _GAP + 2 * _TICK)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._read)
        self._targets_later = QTimer(self, singleShot=True, interval=_LATER_MS)
        self._targets_later.timeout.connect(self._read_targets)
        session.review.changed.connect(self._changed)
        session.review.reset.connect(self._later.start)
        session.sequence_changed.connect(self._later.start)
        report = session.report
        for signal in (report.judged, report.judged_again):
            signal.connect(self._judged)
        report.changed.connect(self._targets_later.start)
        session.predictions.threshold_changed.connect(lambda _threshold: self._targets_later.start())
        self._read()

    def _read(self) -> None:
        review = self._session.review
        by_person = _OF_STATE[review.codes]
        self.labels = np.where(by_person > 0, by_person, review.labelled).astype(np.int8)
        self._read_targets()

    def _read_targets(self) -> None:
        self.targets = np.zeros(self.labels.size, np.int8)
        self._mark(slice(None))

    @property
    def _number(self) -> int:
        """Of the threshold."""
        return self._session.report.number_of(self._session.predictions.threshold)

    def _judged(self, place: int) -> None:
        self._mark(slice(place, place + 1))

    def _mark(self, places: slice) -> None:
        """Take over what is known of the targets of the frames at these places of the report."""
        report, number = self._session.report, self._number
        frames = report.frames[places]
        targets, found, false = (report.column(name, number)[places] for name in ("targets", "found", "false"))
        some = np.where(np.isnan(targets), [frame.predicted for frame in frames], targets) > 0
        codes = np.where(some, TARGETS.index("targets"), TARGETS.index("none"))
        codes[(false > 0) | (found < targets)] = TARGETS.index("disagreement")
        index = np.array([frame.index for frame in frames], np.intp)
        here = index < self.targets.size  # else of a sequence that is being closed
        self.targets[index[here]] = codes[here]
        self.update()

    def _label(self, frame: int) -> int:
        review = self._session.review
        return int(_OF_STATE[review.codes[frame]]) or int(review.labelled[frame])

    def _changed(self, frame: int) -> None:
        if 0 <= frame < self.labels.size:
            self.labels[frame] = self._label(frame)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw runs of equal frames."""
        painter = QPainter(self)
        inset, width = self._span()
        painter.fillRect(QRectF(inset, 1, width, _LINE - 2), QColor(colours().line))
        tints = {**STATE_COLOURS, "labelled": colours().faint}
        for what, place in self._runs(self.labels):
            high = 3.0 if LABELS[what] == "labelled" else float(_LINE)  # thinner, as it asks for nothing
            painter.fillRect(QRectF(place.left(), (_LINE - high) / 2, place.width(), high), QColor(tints[LABELS[what]]))
        top = float(_LINE + _GAP)
        for what, place in self._runs(self.targets):
            colour, down = (FOUND, 0) if TARGETS[what] == "targets" else (MISSED, _TICK)
            painter.fillRect(QRectF(place.left(), top + down, place.width(), _TICK), QColor(*colour))

    def event(self, event: QEvent) -> bool:
        """Say what is known of the frame under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.words_at(event.pos().x()), self)
            return True
        return super().event(event)

    def words_at(self, x: float) -> str:
        """What is known of the frame at this place of the strip."""
        inset, width = self._span()
        sequence, count = self._session.sequence, self.labels.size
        frame = int((x - inset) / width * count) if width > 0 else -1
        if sequence is None or not 0 <= frame < count:
            return ""
        label = {"none": "no label"}.get(LABELS[self.labels[frame]], LABELS[self.labels[frame]])
        target = {"none": "", "targets": ", targets", "disagreement": ", prediction and label disagree"}
        return f"{sequence.stems[frame]}: {label}{target[TARGETS[self.targets[frame]]]}"

    def _span(self) -> tuple[float, float]:
        """The handle of a slider travels over the width without half a handle on either side."""
        inset = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength) / 2
        return inset, self.width() - 2 * inset

    def _runs(self, codes: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> list[tuple[int, QRectF]]:
        """Frames of equal code, without those of code 0, and the columns that they take."""
        inset, width = self._span()
        columns = max(int(width), 1)
        if codes.size > columns:  # one for each column of pixels: of the frames in it the one that says most
            codes = np.maximum.reduceat(codes, np.arange(columns) * codes.size // columns)
        count = codes.size
        borders = (np.flatnonzero(np.diff(codes)) + 1).tolist()
        runs = []
        for start, end in zip([0, *borders], [*borders, count], strict=True):
            if count and codes[start]:
                left = inset + width * start / count
                runs.append((int(codes[start]), QRectF(left, 0, max(2.0, width * (end - start) / count), 1)))
        return runs
