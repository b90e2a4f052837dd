"""What became of every target of the frame that is shown: its prediction against its label as it is now."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from adsnet.diagnosis import Diagnosis, diagnose, lost, totals
from app.state.session import Session


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
        predictions, document = session.predictions, session.document
        for signal in (predictions.arrived, predictions.cleared, document.loaded, document.committed):
            signal.connect(self._outdate)
        predictions.threshold_changed.connect(self._outdate)
        session.frame_changed.connect(self._outdate)

    @property
    def current(self) -> tuple[Diagnosis, ...] | None:
        """Targets of the label, then false alarms; None without prediction or label."""
        return self._verdicts

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
        if prediction is None or not document.is_open or document.shape != prediction.probability.shape:
            self._verdicts = None
        else:
            self._verdicts = diagnose(prediction, document.mask, threshold=session.predictions.threshold)
        self.changed.emit()
