"""Frames scored at many thresholds of the probability, kept in a few kilobytes each. Torch-free.

This is what a curve of Pd over Fa, and measures that follow a threshold at once, are made of when the probability maps
of a whole folder are too many to keep. The measures are those of ``adsnet.metrics``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.conventions import STANDARD, Conventions, count
from adsnet.metrics import CurvePoint, FrameScore, niou_of, ratio, score_of

THRESHOLDS: tuple[float, ...] = (0.01, 0.02, *(round(0.05 * k, 2) for k in range(1, 20)), 0.98, 0.99)
"""Close together where masks change most: near 0 and 1."""


@dataclass(frozen=True)
class Sweep:
    """One frame.

    Attributes:
        thresholds: at which it was scored, rising.
        pixels: of the frame.
        scores: at each threshold.
        found: (thresholds, targets) bool, which targets of the label are matched, in raster order.
        intersections, unions: pixels at each threshold.
    """

    thresholds: tuple[float, ...]
    pixels: int
    scores: tuple[FrameScore, ...]
    found: NDArray[np.bool_]
    intersections: tuple[int, ...]
    unions: tuple[int, ...]


def sweep(
    probability: NDArray[Any],
    label: NDArray[np.bool_],
    thresholds: Sequence[float] = THRESHOLDS,
    conventions: Conventions = STANDARD,
) -> Sweep:
    """Score one frame at many thresholds.

    Args:
        probability: (H, W) float in 0..1.
        label: (H, W) bool.
        thresholds: rising; a pixel is predicted above (strictly).
        conventions: how it is counted; their threshold is not used.

    Raises:
        ValueError: the shapes differ.
    """
    if probability.shape != label.shape:
        raise ValueError(f"probability {probability.shape} and label {label.shape} are not one frame")
    scores: list[tuple[FrameScore, int, int]] = []
    found: list[NDArray[np.bool_]] = []
    before = -1
    for threshold in thresholds:
        predicted = probability > threshold
        size = int(np.count_nonzero(predicted))
        if size == before:  # masks lie in each other: as many pixels are the same pixels
            scores.append(scores[-1])
            found.append(found[-1])
            continue
        before = size
        counted = count(predicted, label, conventions)
        row = np.zeros(len(counted.labelled), np.bool_)
        row[[i for i, _ in counted.matching.pairs]] = True
        scores.append(score_of(counted, predicted, label))
        found.append(row)
    return Sweep(
        tuple(thresholds),
        label.size,
        tuple(score for score, _, _ in scores),
        np.array(found),
        tuple(intersection for _, intersection, _ in scores),
        tuple(union for _, _, union in scores),
    )


@dataclass(frozen=True)
class Measures:
    """The measures of some frames at one threshold, as in ``adsnet.metrics``; NaN where undefined."""

    threshold: float
    frames: int
    targets: int
    found: int
    false: int
    niou: float
    pd: float
    fa: float
    iou: float


def measure(sweeps: Sequence[Sweep], at: int, conventions: Conventions = STANDARD) -> Measures:
    """The measures of frames at threshold number ``at``; all have the same thresholds, and there is one at least."""
    scores = [one.scores[at] for one in sweeps]
    targets, found = sum(s.targets for s in scores), sum(s.found for s in scores)
    return Measures(
        threshold=sweeps[0].thresholds[at],
        frames=len(sweeps),
        targets=targets,
        found=found,
        false=sum(s.false for s in scores),
        niou=niou_of(scores, conventions.empty),
        pd=ratio(found, targets),
        fa=ratio(sum(s.false_pixels for s in scores), sum(one.pixels for one in sweeps)),
        iou=ratio(sum(one.intersections[at] for one in sweeps), sum(one.unions[at] for one in sweeps)),
    )


def nearest(thresholds: Sequence[float], threshold: float) -> int:
    """The number of the threshold that is nearest."""
    return int(np.argmin(np.abs(np.array(thresholds) - threshold)))


class Curve:
    """Pd over Fa of a set of frames that grows and changes; adding a frame costs no look at the others."""

    def __init__(self, thresholds: Sequence[float], sweeps: Iterable[Sweep] = ()) -> None:
        self._thresholds = tuple(thresholds)
        self._targets = self._pixels = 0
        self._found = np.zeros(len(self._thresholds), np.int64)
        self._false = np.zeros(len(self._thresholds), np.int64)
        for one in sweeps:
            self.add(one)

    def add(self, one: Sweep, sign: int = 1) -> None:
        """Add a frame, or with ``sign`` -1 take one away that was added."""
        assert one.thresholds == self._thresholds, "sweeps of different thresholds"
        self._targets += sign * one.scores[0].targets
        self._pixels += sign * one.pixels
        self._found += sign * np.array([score.found for score in one.scores], np.int64)
        self._false += sign * np.array([score.false_pixels for score in one.scores], np.int64)

    def points(self) -> tuple[CurvePoint, ...]:
        """By threshold."""
        return tuple(
            CurvePoint(threshold, ratio(int(found), self._targets), ratio(int(false), self._pixels))
            for threshold, found, false in zip(self._thresholds, self._found, self._false, strict=True)
        )
