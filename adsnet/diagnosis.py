"""Why a target was found or lost, and where a false alarm came from. Torch-free.

Every target of the label gets one verdict. Those that were not matched (see ``adsnet.targets.match_targets``) were lost
at the first place where nothing of them was left: both decisions of the cascade, then the segmentation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adsnet.prediction import MASK_THRESHOLD, Decision, Prediction
from adsnet.targets import MAX_DISTANCE, Target, locate_targets, match_targets

Verdict = Literal["found", "dropped_3", "dropped_2", "faint", "merged", "off", "false"]

VERDICTS: dict[Verdict, str] = {
    "found": "found",
    "dropped_3": "dropped by stage 4: stage 3 did not look there",
    "dropped_2": "dropped by stage 3: stage 2 did not look there",
    "faint": "looked at, but below the threshold",
    "merged": "marked together with another target",
    "off": "marked, but the centre is too far off",
    "false": "false alarm",
}
"""All verdicts in words, those of the label first."""

SPARSITY: tuple[Verdict, ...] = ("dropped_3", "dropped_2")
"""Targets lost to sparsity."""

SEGMENTATION: tuple[Verdict, ...] = ("faint", "merged", "off")
"""Targets lost to the segmentation."""


@dataclass(frozen=True)
class Diagnosis:
    """One target of the label, or one predicted target that is none.

    Attributes:
        verdict: what became of it.
        target: the target of the label; of the prediction for a false alarm.
        peak: largest probability on its pixels, 0..1.
        keep: largest keep probability of the patches that it lies in, by the stage that they are kept for; empty for
            detectors without decisions.
        skipped: the stage, 3 or 2, that computed none of its patches; None when all looked at some.
        iou: of the target and the prediction that it was matched with; NaN without one.
        distance: pixels between the centroids of the target and of what it was matched or compared with: the
            prediction, or for a false alarm the nearest target of the label. NaN without one.
    """

    verdict: Verdict
    target: Target
    peak: float
    keep: dict[int, float]
    distance: float
    skipped: int | None = None
    iou: float = math.nan

    @property
    def short(self) -> str:
        """The verdict with its most telling number, for a narrow column."""
        if self.verdict in SPARSITY:
            stage = 3 if self.verdict == "dropped_3" else 2
            return f"dropped {stage + 1} → {stage}, p {self.keep[stage]:.2f}"
        if self.verdict == "off":
            return f"off by {self.distance:.1f} px"
        return f"{self.verdict}, peak {self.peak:.2f}"

    @property
    def sentence(self) -> str:
        """The verdict with the numbers that explain it."""
        if self.verdict in SPARSITY:
            stage = 3 if self.verdict == "dropped_3" else 2
            return f"dropped at stage {stage + 1} → {stage} (keep probability {self.keep[stage]:.3f})"
        if self.verdict == "faint":
            return f"kept, but below the threshold (peak {self.peak:.3f})"
        if self.verdict == "merged":
            return f"merged with another target (peak {self.peak:.3f})"
        if self.verdict == "off":
            return f"marked {self.distance:.1f} pixels off the centre (peak {self.peak:.3f})"
        if self.verdict == "found":
            return f"found, {self.distance:.1f} pixels off the centre (peak {self.peak:.3f})"
        kept = ", ".join(f"{stage + 1} → {stage}: {value:.3f}" for stage, value in self.keep.items())
        near = "" if math.isnan(self.distance) else f", {self.distance:.0f} pixels from the nearest target"
        return f"false alarm (peak {self.peak:.3f}{near}{f'; kept with {kept}' if kept else ''})"


def diagnose(
    prediction: Prediction, label: NDArray[np.bool_], *, threshold: float = MASK_THRESHOLD
) -> tuple[Diagnosis, ...]:
    """Verdicts on all targets of the label in raster order, then on all false alarms likewise.

    Args:
        prediction: of the frame.
        label: (H, W) bool, of its size.
        threshold: a pixel is predicted where its probability is above this.

    Raises:
        ValueError: the label has another size.
    """
    probability = prediction.probability
    mask = probability > threshold
    label_numbers, labelled = locate_targets(label)
    mask_numbers, predicted = locate_targets(mask, probability=probability)
    matching = match_targets(labelled, predicted, max_distance=MAX_DISTANCE)
    pairs = dict(matching.pairs)
    verdicts = []
    for index, target in enumerate(labelled):
        rows, columns = _pixels(label_numbers, target, index + 1)
        peak = float(probability[rows, columns].max())
        kept = {d.applies_to: _in_patches(d, rows, columns) for d in prediction.decisions}
        keep = {stage: best for stage, (best, _) in kept.items()}
        lost_at = next((stage for stage, (_, any_kept) in kept.items() if not any_kept), None)
        touching = set(mask_numbers[rows, columns].tolist()) - {0}
        verdict: Verdict
        iou = math.nan
        if index in pairs:
            verdict, distance = "found", _distance(target, predicted[pairs[index]])
            shared = int(np.count_nonzero(mask_numbers[rows, columns] == pairs[index] + 1))
            iou = shared / (target.area + predicted[pairs[index]].area - shared)
        elif lost_at is not None:
            verdict, distance = "dropped_3" if lost_at == 3 else "dropped_2", math.nan
        elif not touching:
            verdict, distance = "faint", math.nan
        else:
            marked = [_pixels(mask_numbers, predicted[number - 1], number) for number in touching]
            reached = set(np.concatenate([label_numbers[pixels] for pixels in marked]).tolist())
            verdict = "merged" if reached - {0, index + 1} else "off"
            distance = min(_distance(target, predicted[number - 1]) for number in touching)
        verdicts.append(Diagnosis(verdict, target, peak, keep, distance, lost_at, iou))
    centres = np.array([(target.x, target.y) for target in labelled]).reshape(-1, 2)
    for index in matching.false:
        target = predicted[index]
        rows, columns = _pixels(mask_numbers, target, index + 1)
        keep = {d.applies_to: _in_patches(d, rows, columns)[0] for d in prediction.decisions}
        distance = float(np.hypot(*(centres - (target.x, target.y)).T).min()) if labelled else math.nan
        verdicts.append(Diagnosis("false", target, target.score, keep, distance))
    return tuple(verdicts)


def totals(verdicts: Iterable[Diagnosis]) -> dict[Verdict, int]:
    """How many there are of each verdict, all of them named."""
    counted = Counter(one.verdict for one in verdicts)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def lost(counts: Mapping[Verdict, int]) -> tuple[int, int]:
    """Of the counts by verdict: targets lost to sparsity, and to the segmentation."""
    to_sparsity, to_segmentation = (sum(counts[one] for one in kinds) for kinds in (SPARSITY, SEGMENTATION))
    return to_sparsity, to_segmentation


CSV_COLUMNS = ("frame", "verdict", "x", "y", "area", "peak", "keep_3", "keep_2", "distance", "iou")


def csv_rows(frame: str, verdicts: Sequence[Diagnosis]) -> list[tuple[str, ...]]:
    """Rows of a table with ``CSV_COLUMNS``; what is not known is empty."""
    return [
        (
            frame,
            one.verdict,
            f"{one.target.x:.2f}",
            f"{one.target.y:.2f}",
            str(one.target.area),
            f"{one.peak:.4f}",
            *(f"{one.keep[stage]:.4f}" if stage in one.keep else "" for stage in (3, 2)),
            "" if math.isnan(one.distance) else f"{one.distance:.2f}",
            "" if math.isnan(one.iou) else f"{one.iou:.4f}",
        )
        for one in verdicts
    ]


def _pixels(numbers: NDArray[np.int32], target: Target, number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    x, y, width, height = target.bbox
    rows, columns = np.nonzero(numbers[y : y + height, x : x + width] == number)
    return rows + y, columns + x


def _in_patches(decision: Decision, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> tuple[float, bool]:
    """Of the patches that hold the pixels: the largest keep probability, and whether any was kept."""
    r = np.searchsorted(decision.row_edges, rows, side="right") - 1
    c = np.searchsorted(decision.column_edges, columns, side="right") - 1
    return float(decision.keep_probability[r, c].max()), bool(decision.kept[r, c].any())


def _distance(one: Target, other: Target) -> float:
    return math.hypot(one.x - other.x, one.y - other.y)
