"""The measures of infrared small-target detection, defined once.

Definitions, version 1, with the standard conventions; ``adsnet.conventions`` has those of others. A pixel is predicted
where its probability is above 0.5 (strictly). Everything is counted at native resolution.

- ``iou``: sum of intersections / sum of unions over all frames.
- ``niou``: mean of the IoU of the frames; a frame with neither target nor prediction is left out (and counted).
- ``pd``: matched targets / targets. Components are 8-connected and match by their unweighted centroids, nearer than
  3 pixels (strictly); see ``adsnet.targets.match_targets``. Overlap is not required.
- ``fa``: pixels of the predicted components without a match / all pixels. Wrong pixels at the rim of a matched
  component do not count. A share, usually quoted in units of 10⁻⁶.
- ``fpr``: wrongly predicted pixels / pixels outside targets; ``pixel_fa``: the same / all pixels.
- ``precision``, ``recall``: rightly predicted pixels / predicted ones, / those of targets; ``f1``: their harmonic mean.
- ``hiou``: mean IoU of the matched pairs of components × matched / (matched + missed + false components).
- ``auc``: area under the pixel ROC over the whole set, thresholds 0, 0.001 … 1, trapezoids from (0, 0) to (1, 1).

What has no value (no target at all, say) is NaN, and None in ``to_dict``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.conventions import STANDARD, Conventions, Counted, EmptyRule, count

METRICS_VERSION = 1


@dataclass(frozen=True)
class FrameScore:
    """The score of one frame.

    Attributes:
        targets: label targets.
        found: those that were matched.
        false: predicted components without a match.
        false_pixels: their pixels.
        iou: intersection over union; None with neither target nor prediction.
        pair_iou: sum of the IoU of the matched components.
    """

    targets: int
    found: int
    false: int
    false_pixels: int
    iou: float | None
    pair_iou: float = 0.0


@dataclass(frozen=True)
class CurvePoint:
    """Pd and Fa at another threshold of the probability."""

    threshold: float
    pd: float
    fa: float


@dataclass(frozen=True)
class Metrics:
    """The measures of a set of frames; see the definitions of the module.

    Attributes:
        images, pixels: number of frames and of all their pixels.
        empty_images: frames with neither target nor prediction.
        targets, found, false_components: over all frames.
        iou, niou, pd, fa, fpr, pixel_fa, auc, precision, recall, f1, hiou: shares 0..1, NaN where undefined; ``fa`` may
            be more where the conventions give the frame fewer pixels than it has.
        false_per_image: predicted components without a match per frame.
        roc: (steps + 2, 2) float64, (false positive rate, true positive rate) of pixels, from (0, 0) to (1, 1).
        curve: Pd and Fa at the thresholds that were asked for.
    """

    images: int
    pixels: int
    empty_images: int
    targets: int
    found: int
    false_components: int
    iou: float
    niou: float
    pd: float
    fa: float
    fpr: float
    pixel_fa: float
    auc: float
    precision: float
    recall: float
    f1: float
    hiou: float
    false_per_image: float
    roc: NDArray[np.float64] = field(repr=False, compare=False)
    curve: tuple[CurvePoint, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: the numbers with NaN as None, the curve as a list, without the ROC points."""
        values: dict[str, Any] = {"version": METRICS_VERSION}
        for name in self.__dataclass_fields__:
            if name not in ("roc", "curve"):
                values[name] = _or_none(getattr(self, name))
        values["curve"] = [
            {"threshold": point.threshold, "pd": _or_none(point.pd), "fa": _or_none(point.fa)} for point in self.curve
        ]
        return values


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def ratio(part: float, whole: float) -> float:
    """A share, NaN of nothing."""
    return part / whole if whole else math.nan


def score_of(counted: Counted, predicted: NDArray[np.bool_], label: NDArray[np.bool_]) -> tuple[FrameScore, int, int]:
    """The score of a frame from its targets, counted in these masks (H, W); intersection and union in pixels."""
    intersection = int(np.count_nonzero(predicted & label))
    union = int(np.count_nonzero(predicted | label))
    score = FrameScore(
        len(counted.labelled),
        len(counted.matching.pairs),
        len(counted.matching.false),
        counted.false_pixels,
        intersection / union if union else None,
        math.fsum(counted.overlaps),
    )
    return score, intersection, union


def mean_iou(ious: list[float], frames: int, empty: EmptyRule) -> float:
    """The mean over frames of the IoU that some of them have; ``empty`` says what becomes of those with none."""
    if empty != "exclude":
        ious = ious + [1.0 if empty == "one" else 0.0] * (frames - len(ious))
    return ratio(math.fsum(ious), len(ious))


class Evaluation:
    """Adds frames up to ``Metrics``.

    Args:
        conventions: how frames are counted.
        thresholds: thresholds in 0..1 for the Pd-Fa curve; each costs another pass over the components.
    """

    def __init__(self, conventions: Conventions = STANDARD, *, thresholds: Sequence[float] = ()) -> None:
        self._conventions = conventions
        self._thresholds = tuple(thresholds)
        self._curve_found = [0] * len(self._thresholds)
        self._curve_false = [0] * len(self._thresholds)
        self._scores: list[FrameScore] = []
        self._intersection = self._union = self._pixels = self._wrong = 0
        self._inside = np.zeros(conventions.roc_steps + 1, dtype=np.int64)
        self._outside = np.zeros(conventions.roc_steps + 1, dtype=np.int64)

    @property
    def conventions(self) -> Conventions:
        """How frames are counted."""
        return self._conventions

    def add(self, probability: NDArray[Any], label: NDArray[np.bool_]) -> FrameScore:
        """Add one frame and score it.

        Args:
            probability: (H, W) float in 0..1.
            label: (H, W) bool.

        Raises:
            ValueError: the shapes differ, or a probability is NaN or outside 0..1.
        """
        if probability.shape != label.shape or label.ndim != 2 or not label.size:
            raise ValueError(f"probability {probability.shape} and label {label.shape} are not one frame")
        if not (probability.min() >= 0 and probability.max() <= 1):
            raise ValueError("probabilities must be numbers from 0 to 1")
        predicted = probability > self._conventions.threshold
        score, intersection, union = score_of(count(predicted, label, self._conventions), predicted, label)
        for k, threshold in enumerate(self._thresholds):
            at = count(probability > threshold, label, self._conventions)
            self._curve_found[k] += len(at.matching.pairs)
            self._curve_false[k] += at.false_pixels
        # Of n steps, a pixel is above the thresholds 0 … i − 1 of bin i: p > t holds for t = k / n with k < n p.
        steps = self._conventions.roc_steps
        bins = np.ceil(probability.astype(np.float64) * steps).astype(np.intp)
        self._inside += np.bincount(bins[label], minlength=steps + 1)
        self._outside += np.bincount(bins[~label], minlength=steps + 1)
        self._intersection += intersection
        self._union += union
        self._wrong += int(np.count_nonzero(predicted & ~label))
        self._pixels += label.size
        self._scores.append(score)
        return score

    def add_mask(self, mask: NDArray[np.bool_], label: NDArray[np.bool_]) -> FrameScore:
        """Add one frame of which only the predicted mask (H, W) bool is known; its probability is 0 or 1.

        Raises:
            ValueError: the shapes differ.
        """
        return self.add(mask.astype(np.float32), label)

    def _roc(self) -> NDArray[np.float64]:
        true, false = (np.concatenate([[0], np.cumsum(counts[::-1])]) for counts in (self._inside, self._outside))
        if not true[-1] or not false[-1]:
            return np.full((len(true), 2), np.nan)
        return np.stack([false / false[-1], true / true[-1]], axis=1)

    def include(self, other: Evaluation) -> None:
        """Add all frames of another evaluation with the same options. The measures do not depend on their order."""
        self._combine(other, 1)
        self._scores += other._scores

    def exclude(self, other: Evaluation) -> None:
        """Take away all frames of an evaluation that was included."""
        self._combine(other, -1)
        for score in other._scores:
            self._scores.remove(score)

    def _combine(self, other: Evaluation, sign: int) -> None:
        options = self._conventions, self._thresholds
        assert options == (other._conventions, other._thresholds), "evaluations of different options"
        self._curve_found = [a + sign * b for a, b in zip(self._curve_found, other._curve_found, strict=True)]
        self._curve_false = [a + sign * b for a, b in zip(self._curve_false, other._curve_false, strict=True)]
        self._intersection += sign * other._intersection
        self._union += sign * other._union
        self._pixels += sign * other._pixels
        self._wrong += sign * other._wrong
        self._inside += sign * other._inside
        self._outside += sign * other._outside

    def metrics(self) -> Metrics:
        """The measures of all frames added so far."""
        scores = self._scores
        targets, found = sum(s.targets for s in scores), sum(s.found for s in scores)
        false = sum(s.false for s in scores)
        roc = self._roc()
        area = self._conventions.frame_pixels * len(scores) or self._pixels
        right, labelled = self._intersection, int(self._inside.sum())
        components = targets + false  # with those that were matched, which are among both, counted once
        return Metrics(
            images=len(scores),
            pixels=self._pixels,
            empty_images=sum(s.iou is None for s in scores),
            targets=targets,
            found=found,
            false_components=false,
            iou=ratio(self._intersection, self._union),
            niou=mean_iou([s.iou for s in scores if s.iou is not None], len(scores), self._conventions.empty),
            pd=ratio(found, targets),
            fa=ratio(sum(s.false_pixels for s in scores), area),
            fpr=ratio(self._wrong, int(self._outside.sum())),
            pixel_fa=ratio(self._wrong, self._pixels),
            auc=float(np.trapezoid(roc[:, 1], roc[:, 0])),
            precision=ratio(right, right + self._wrong),
            recall=ratio(right, labelled),
            f1=ratio(2 * right, right + self._wrong + labelled),
            hiou=ratio(math.fsum(s.pair_iou for s in scores), components),
            false_per_image=ratio(false, len(scores)),
            roc=roc,
            curve=tuple(
                CurvePoint(threshold, ratio(found_at, targets), ratio(false_at, area))
                for threshold, found_at, false_at in zip(
                    self._thresholds, self._curve_found, self._curve_false, strict=True
                )
            ),
        )


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """The first of the evaluations with the frames of all the others added to it."""
    for part in parts[1:]:
        parts[0].include(part)
    return parts[0]
