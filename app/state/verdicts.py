"""What became of every target of the frame that is shown: its prediction against its label as it is now."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from adsnet.diagnosis import Diagnosis, diagnose, lost, totals
from adsnet.targets import label_components
from app.imaging.probe import contrast_of
from app.state.session import Session


class Measured(NamedTuple):
    """A target in the frame itself: its largest native value, and its local signal-to-clutter ratio."""

    peak: float
    scr: float


class FrameVerdicts(QObject):
    """The diagnosis of the frame; made when it is asked for, as nobody may be looking.

    Signals:
        outdated(): prediction, label or threshold are others: ``refresh`` if somebody looks.
        changed(): there are other verdicts, or none any more.
    """

    outdated = Signal()
    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._verdicts: tuple[Diagnosis, ...] | None = None
        self._pixels: NDArray[Any] | None = None
        self._components: list[tuple[NDArray[np.int32], int]] = []  # by verdict: where its pixels are
        predictions, document = session.predictions, session.document
        for signal in (predictions.arrived, predictions.cleared, document.loaded, document.committed):
            signal.connect(self._outdate)
        predictions.threshold_changed.connect(self._outdate)
        session.frame_changed.connect(self._outdate)

    @property
    def current(self) -> tuple[Diagnosis, ...] | None:
        """Targets of the label, then false alarms; None without prediction or label."""
        return self._verdicts

    def measured(self, number: int) -> Measured:
        """What the frame has where verdict ``number`` has its target; of the frame that ``current`` is about."""
        assert self._verdicts is not None and self._pixels is not None
        x, y, w, h = box = self._verdicts[number].target.bbox
        components, component = self._components[number]
        inside = components[y : y + h, x : x + w] == component
        peak = float(self._pixels[y : y + h, x : x + w][inside].max())
        return Measured(peak, contrast_of(self._pixels, box, inside).scr)

    @property
    def sentence(self) -> str:
        """The frame in one sentence."""
        if self._session.sequence is None:
            return "Open a sequence to see why targets are found or lost."
        if self._verdicts is None:
            return "No prediction, or no label that can be read, for this frame."
        counts = totals(self._verdicts)
        targets = sum(counts.values()) - counts["false"]
        if not self._verdicts:
            return "No target in the label, none predicted."
        dropped, segmented = lost(counts)
        rest = {"lost to sparsity": dropped, "lost to the segmentation": segmented, "false": counts["false"]}
        parts = [f"{counts['found']} of {targets} found", *(f"{n} {what}" for what, n in rest.items() if n)]
        return ", ".join(parts)

    def _outdate(self, _change: object = None) -> None:
        self.outdated.emit()

    def refresh(self) -> None:
        """Compare label and prediction as they are now."""
        session, document = self._session, self._session.document
        prediction = session.prediction
        frame, mask = session.frame, session.predictions.mask
        usable = prediction is not None and document.is_open and document.shape == prediction.probability.shape
        if prediction is None or mask is None or frame is None or not usable:
            self._verdicts, self._pixels, self._components = None, None, []
        else:
            self._verdicts = diagnose(prediction, document.mask, threshold=session.predictions.threshold)
            self._pixels = frame.pixels
            labelled, predicted = label_components(document.mask)[0], label_components(mask)[0]
            # Components are numbered in the order of targets; those of the label come first.
            numbers = {target: n + 1 for n, target in enumerate(session.predictions.targets)}
            self._components = [
                (predicted, numbers[one.target]) if one.verdict == "false" else (labelled, n + 1)
                for n, one in enumerate(self._verdicts)
            ]
        self.changed.emit()
