"""All frames of the sequence judged with one model and one setting: verdicts by frame, and the measures of them all."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple

from PySide6.QtCore import QObject, Signal

from adsnet.config import Sparsity
from adsnet.diagnosis import CSV_COLUMNS, VERDICTS, Diagnosis, Verdict, csv_rows, diagnose
from adsnet.metrics import Evaluation, FrameScore, Metrics
from adsnet.prediction import BoolMap, Prediction
from adsnet.targets import find_targets
from adsnet.uncertainty import uncertainty

Status = Literal["empty", "running", "stopped", "done"]


@dataclass(frozen=True)
class Judged:
    """One frame.

    Attributes:
        index, stem: which one.
        verdicts: on its targets and false alarms; empty without a label.
        score: None without a label.
        predicted: number of predicted targets; 0 where there was trouble.
        peak: highest probability in the frame; None where there was trouble.
        unsure: ``adsnet.uncertainty`` of the prediction in bits, 0..1; None where there was trouble.
        problem: one sentence when it could not be judged.
    """

    index: int
    stem: str
    verdicts: tuple[Diagnosis, ...] = ()
    score: FrameScore | None = None
    predicted: int = 0
    peak: float | None = None
    unsure: float | None = None
    problem: str = ""

    @property
    def disagreement(self) -> float | None:
        """1 − IoU of predicted mask and label; 0 where neither has a target, None without a label."""
        if self.score is None:
            return None
        return 0.0 if self.score.iou is None else 1.0 - self.score.iou

    @property
    def counts(self) -> Counter[Verdict]:
        """How many there are of each verdict."""
        return Counter(one.verdict for one in self.verdicts)


class Conditions(NamedTuple):
    """What the judgement was made with, for the person who reads it."""

    model: str
    sparsity: Sparsity
    threshold: float


class Report(QObject):
    """The judgement of the sequence, as far as it has come.

    Signals:
        changed(): another status, or no frames any more.
        judged(int): the frame at this place of ``frames`` is new.
    """

    changed = Signal()
    judged = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clear()

    def clear(self) -> None:
        """Nothing is judged."""
        self.status: Status = "empty"
        self.conditions: Conditions | None = None
        self.frames: list[Judged] = []
        self._totals: Counter[Verdict] = Counter()
        self._evaluation = Evaluation()
        self.changed.emit()

    def begin(self, conditions: Conditions) -> None:
        """A new judgement begins."""
        self.clear()
        self.status, self.conditions = "running", conditions
        self.changed.emit()

    def add(self, frame: Judged, evaluation: Evaluation | None) -> None:
        """One more frame, and what it adds to the measures."""
        self.frames.append(frame)
        self._totals += frame.counts
        if evaluation is not None:
            self._evaluation.include(evaluation)
        self.judged.emit(len(self.frames) - 1)

    def end(self, status: Literal["stopped", "done"]) -> None:
        """No more frames come."""
        if self.status == "running":
            self.status = status
            self.changed.emit()

    @property
    def totals(self) -> dict[Verdict, int]:
        """How many there are of each verdict over all frames."""
        return {verdict: self._totals[verdict] for verdict in VERDICTS}

    @property
    def labelled(self) -> int:
        """Frames with a label among those judged."""
        return sum(frame.score is not None for frame in self.frames)

    def metrics(self) -> Metrics:
        """nIoU, Pd, Fa and so on over the labelled frames."""
        return self._evaluation.metrics()

    def csv(self) -> str:
        """One line for each verdict, with a line of headings."""
        rows = [CSV_COLUMNS, *(row for frame in self.frames for row in csv_rows(frame.stem, frame.verdicts))]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()


def judge(
    index: int, stem: str, prediction: Prediction, label: BoolMap | None, *, threshold: float
) -> tuple[Judged, Evaluation | None]:
    """Verdicts and score of one frame; ``label`` is None where there is none."""
    mask = prediction.probability > threshold
    peak, unsure = float(prediction.probability.max()), uncertainty(prediction.probability, threshold=threshold)
    if label is None:
        return Judged(index, stem, predicted=len(find_targets(mask)), peak=peak, unsure=unsure), None
    verdicts = diagnose(prediction, label, threshold=threshold)
    evaluation = Evaluation()
    score = evaluation.add_mask(mask, label)
    return Judged(index, stem, verdicts, score, score.found + score.false, peak, unsure), evaluation
