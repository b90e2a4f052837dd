"""All frames of the sequence judged with one model and one setting: verdicts by frame, and the measures of them all.

Every frame is kept at many thresholds of the probability, so that table, curve and measures follow the threshold
without another look at the frames.
"""

from __future__ import annotations

import csv
import functools
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from adsnet.config import Sparsity
from adsnet.diagnosis import CSV_COLUMNS, Diagnosis, Verdict, csv_rows, diagnose
from adsnet.metrics import CurvePoint, FrameScore
from adsnet.prediction import BoolMap, Prediction
from adsnet.sweep import THRESHOLDS, Measures, Sweep, Sweeps, nearest, sweep, with_room
from adsnet.targets import find_targets
from adsnet.uncertainty import uncertainty
from app.state.model import Model
from app.wording import which_patches

Status = Literal["empty", "running", "stopped", "done"]
Column = Literal["targets", "found", "dropped", "segmented", "false", "iou"]


class Line(NamedTuple):
    """What became of the targets of a frame at one threshold. ``iou`` is None with neither target nor prediction."""

    targets: int
    found: int
    dropped: int
    segmented: int
    false: int
    iou: float | None


@dataclass(frozen=True)
class Judged:
    """One frame.

    Attributes:
        index, stem: which one.
        verdicts: on its targets and false alarms, at the threshold of the judgement; empty without a label.
        score: at that threshold; None without a label.
        predicted: number of predicted targets at that threshold; 0 where there was trouble.
        peak: highest probability in the frame; None where there was trouble.
        unsure: ``adsnet.uncertainty`` of the prediction in bits, 0..1; None where there was trouble.
        sweep: the frame at all thresholds; None without a label.
        problem: one sentence when it could not be judged.
    """

    index: int
    stem: str
    verdicts: tuple[Diagnosis, ...] = ()
    score: FrameScore | None = None
    predicted: int = 0
    peak: float | None = None
    unsure: float | None = None
    sweep: Sweep | None = None
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

    @functools.cached_property
    def losses(self) -> NDArray[np.int64]:
        """(2, thresholds): targets lost to sparsity and to the segmentation; no thresholds without a label."""
        if self.sweep is None:
            return np.zeros((2, 0), np.int64)
        skipped = np.array([one.skipped is not None for one in self.verdicts if one.verdict != "false"], np.bool_)
        missed = ~self.sweep.found
        return np.stack([missed[:, skipped].sum(1), missed[:, ~skipped].sum(1)])

    def at(self, number: int) -> Line | None:
        """The frame at threshold number ``number``; None without a label."""
        if self.sweep is None:
            return None
        score, (dropped, segmented) = self.sweep.scores[number], self.losses[:, number].tolist()
        return Line(score.targets, score.found, dropped, segmented, score.false, score.iou)


class Conditions(NamedTuple):
    """What the judgement was made with. ``identity`` and ``engine`` as in a ``PredictionKey``."""

    model: str
    sparsity: Sparsity
    threshold: float
    identity: str = ""
    engine: str = "auto"

    def differ_from(self, model: Model | None, sparsity: Sparsity) -> bool:
        """Whether another model or other patches would be judged now."""
        before, now = ((s.threshold, s.drop if s.threshold is None else None) for s in (self.sparsity, sparsity))
        return (model is not None and model.identity != self.identity) or before != now


class Report(QObject):
    """The judgement of the sequence, as far as it has come, and that of the frame that is shown.

    Attributes:
        frames: in the order of the sequence.
        thresholds: at which all of them are known.
        shown: the frame that is shown, with its prediction and its label as they are now; None where either is missing.
        outdated: frames whose label was changed since, while their prediction was not at hand.

    Signals:
        changed(): another status, or no frames any more.
        judged(int): the frame at this place of ``frames`` is new.
        judged_again(int): the frame at this place of ``frames`` is another, because of its label.
        shown_changed(): of the frame that is shown.
        wanted(): somebody looks at the measures of the frame that is shown: ``show`` them.
    """

    changed = Signal()
    judged = Signal(int)
    judged_again = Signal(int)
    shown_changed = Signal()
    wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shown: Judged | None = None
        self.clear()

    def clear(self) -> None:
        """Nothing is judged."""
        self.status: Status = "empty"
        self.conditions: Conditions | None = None
        self.frames: list[Judged] = []
        self.thresholds = THRESHOLDS
        self.outdated: set[int] = set()
        self._places: dict[int, int] = {}
        self._make_columns()
        self.changed.emit()

    def _make_columns(self) -> None:
        self._sweeps = Sweeps(self.thresholds)
        self._losses = np.zeros((0, 2, len(self.thresholds)), np.int32)

    def begin(self, conditions: Conditions) -> None:
        """A new judgement begins."""
        self.clear()
        self.thresholds = tuple(sorted({*THRESHOLDS, conditions.threshold}))
        self._make_columns()
        self.status, self.conditions = "running", conditions
        self.changed.emit()

    def add(self, frame: Judged) -> None:
        """One more frame, or a frame that was judged already with another label."""
        place = self._places.setdefault(frame.index, len(self.frames))
        self._sweeps.put(place, frame.sweep)
        self._losses = with_room(self._losses, place + 1)
        self._losses[place] = frame.losses if frame.sweep is not None else 0
        if place == len(self.frames):
            self.frames.append(frame)
            self.judged.emit(place)
            return
        self.frames[place] = frame
        self.outdated.discard(frame.index)
        self.judged_again.emit(place)

    def set_outdated(self, index: int) -> None:
        """The label of a judged frame is another one, and its prediction is not known any more."""
        if index in self._places and index not in self.outdated:
            self.outdated.add(index)
            self.judged_again.emit(self._places[index])

    def show(self, frame: Judged | None) -> None:
        """What is known of the frame that is shown."""
        if frame is not None or self.shown is not None:
            self.shown = frame
            self.shown_changed.emit()

    def end(self, status: Literal["stopped", "done"]) -> None:
        """No more frames come."""
        if self.status == "running":
            self.status = status
            self.changed.emit()

    def has(self, index: int) -> bool:
        """Whether this frame is judged."""
        return index in self._places

    def want(self) -> None:
        """Somebody looks at the frame that is shown, as it is now."""
        self.wanted.emit()

    # ---- the measures -----------------------------------------------------------------------------------------

    @property
    def labelled(self) -> int:
        """Frames with a label among those judged."""
        return self._sweeps.scored

    def number_of(self, threshold: float) -> int:
        """The number of the threshold nearest to this one."""
        return nearest(self.thresholds, threshold)

    def measures(self, threshold: float, indices: Iterable[int] | None = None) -> Measures | None:
        """nIoU, Pd, Fa and so on at the nearest threshold.

        Args:
            threshold: of the probability.
            indices: of which frames; of all by default. Those that are not judged are left out.

        Returns:
            None without a single labelled frame.
        """
        places = None
        if indices is not None:
            places = np.array([self._places[i] for i in indices if self.has(i)], np.intp)
        return self._sweeps.measures(self.number_of(threshold), places)

    def losses(self, threshold: float) -> tuple[int, int]:
        """Targets lost to sparsity and to the segmentation, over all frames at the nearest threshold."""
        dropped, segmented = self._losses[:, :, self.number_of(threshold)].sum(axis=0).tolist()
        return dropped, segmented

    def column(self, name: Column, number: int) -> NDArray[np.float64]:
        """(frames,) one figure of each frame at threshold number ``number``; NaN where there is none."""
        if name == "dropped" or name == "segmented":
            lost = self._losses[: len(self.frames), ("dropped", "segmented").index(name), number]
            return np.where(np.isnan(self._sweeps.column("targets", number)), np.nan, lost)
        return self._sweeps.column(name, number)

    def curve(self) -> tuple[CurvePoint, ...]:
        """Pd over Fa of all frames, by threshold."""
        return self._sweeps.points()

    def csv(self) -> str:
        """One line for each verdict, with what it was judged with, and a line of headings."""
        c = self.conditions
        made = () if c is None else (c.model, which_patches(c.sparsity), f"{c.threshold:g}")
        rows = [(*CSV_COLUMNS, "model", "patches", "threshold")]
        rows += [(*row, *made) for frame in self.frames for row in csv_rows(frame.stem, frame.verdicts)]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()


def judge(
    index: int,
    stem: str,
    prediction: Prediction,
    label: BoolMap | None,
    *,
    threshold: float,
    thresholds: tuple[float, ...],
) -> Judged:
    """One frame; ``label`` is None where there is none. It looks at the frame once for each of ``thresholds``."""
    probability = prediction.probability
    peak, unsure = float(probability.max()), uncertainty(probability, threshold=threshold)
    if label is None:
        return Judged(index, stem, predicted=len(find_targets(probability > threshold)), peak=peak, unsure=unsure)
    verdicts = diagnose(prediction, label, threshold=threshold)
    made = sweep(probability, label, thresholds)
    score = made.scores[nearest(thresholds, threshold)]
    return Judged(index, stem, verdicts, score, score.found + score.false, peak, unsure, made)
