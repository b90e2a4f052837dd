"""Frames scored at many thresholds of the probability, kept in a few kilobytes each. Torch-free.

This is what a curve of Pd over Fa, and measures that follow a threshold at once, are made of when the probability maps
of a whole folder are too many to keep. The measures are those of ``adsnet.metrics``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adsnet.conventions import STANDARD, Conventions, count
from adsnet.metrics import CurvePoint, FrameScore, mean_iou, ratio, score_of

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


def nearest(thresholds: Sequence[float], threshold: float) -> int:
    """The number of the threshold that is nearest."""
    return int(np.argmin(np.abs(np.array(thresholds) - threshold)))


_COUNTED = ("found", "false", "false_pixels", "intersection", "union")


class Sweeps:
    """Many frames scored at the same thresholds, in columns: what is said of them takes one look at numbers.

    Frames have places from 0; one without a label has its place and counts nowhere.

    Args:
        thresholds: of all frames.
        sweeps: the first of them.
    """

    def __init__(self, thresholds: Sequence[float], sweeps: Iterable[Sweep] = ()) -> None:
        self._thresholds = tuple(thresholds)
        self._count = 0
        self._scored = np.zeros(0, np.bool_)
        self._targets = np.zeros(0, np.int64)
        self._pixels = np.zeros(0, np.int64)
        self._counts = np.zeros((0, len(_COUNTED), len(self._thresholds)), np.int32)
        for place, one in enumerate(sweeps):
            self.put(place, one)

    def __len__(self) -> int:
        return self._count

    @property
    def scored(self) -> int:
        """How many frames have a label."""
        return int(np.count_nonzero(self._scored))

    def put(self, place: int, one: Sweep | None) -> None:
        """Add a frame at the first free place, or put another in place of one; None has no label."""
        assert place <= self._count, "a place is left out"
        self._count = max(self._count, place + 1)
        self._scored = with_room(self._scored, self._count)
        self._targets = with_room(self._targets, self._count)
        self._pixels = with_room(self._pixels, self._count)
        self._counts = with_room(self._counts, self._count)
        self._scored[place] = one is not None
        self._targets[place] = self._pixels[place] = self._counts[place] = 0
        if one is not None:
            assert one.thresholds == self._thresholds, "sweeps of different thresholds"
            self._targets[place], self._pixels[place] = one.scores[0].targets, one.pixels
            scores = ((score.found, score.false, score.false_pixels) for score in one.scores)
            self._counts[place] = *zip(*scores, strict=True), one.intersections, one.unions

    def measures(
        self, at: int, places: NDArray[np.intp] | None = None, conventions: Conventions = STANDARD
    ) -> Measures | None:
        """The measures at threshold number ``at``.

        Args:
            at: which threshold.
            places: of which frames; of all by default.
            conventions: say what becomes of frames with neither target nor prediction.

        Returns:
            None without a single frame that has a label.
        """
        chosen = np.flatnonzero(self._scored) if places is None else places[self._scored[places]]
        if not chosen.size:
            return None
        found, false, false_pixels, intersections, unions = self._counts[chosen, :, at].T.astype(np.int64)
        targets, any_pixels = int(self._targets[chosen].sum()), unions > 0
        ious = intersections[any_pixels] / unions[any_pixels]
        return Measures(
            threshold=self._thresholds[at],
            frames=len(chosen),
            targets=targets,
            found=int(found.sum()),
            false=int(false.sum()),
            niou=mean_iou(ious.tolist(), len(chosen), conventions.empty),
            pd=ratio(int(found.sum()), targets),
            fa=ratio(int(false_pixels.sum()), int(self._pixels[chosen].sum())),
            iou=ratio(int(intersections.sum()), int(unions.sum())),
        )

    def points(self) -> tuple[CurvePoint, ...]:
        """Pd over Fa of all frames, by threshold."""
        sums = self._counts[: self._count].sum(axis=0, dtype=np.int64)
        targets, pixels = int(self._targets.sum()), int(self._pixels.sum())
        found, false = (sums[_COUNTED.index(name)] for name in ("found", "false_pixels"))
        return tuple(
            CurvePoint(threshold, ratio(int(f), targets), ratio(int(p), pixels))
            for threshold, f, p in zip(self._thresholds, found, false, strict=True)
        )

    def column(self, name: Literal["targets", "found", "false", "iou"], at: int) -> NDArray[np.float64]:
        """(frames,) one figure of each frame at threshold number ``at``; NaN where there is none."""
        count = self._count
        if name == "iou":
            intersections, unions = (self._counts[:count, _COUNTED.index(n), at] for n in ("intersection", "union"))
            ious: NDArray[np.float64] = np.full(count, np.nan)
            np.divide(intersections, unions, out=ious, where=unions > 0)
            return ious
        counted = self._targets[:count] if name == "targets" else self._counts[:count, _COUNTED.index(name), at]
        values = counted.astype(np.float64)
        values[~self._scored[:count]] = np.nan
        return values


def with_room(values: NDArray[Any], count: int) -> NDArray[Any]:
    """The array, with rows of zeros at its end where it has fewer than ``count``: twice as many, for those to come."""
    if count <= len(values):
        return values
    more = np.zeros((max(count, 2 * len(values)) - len(values), *values.shape[1:]), values.dtype)
    return np.concatenate([values, more])


def measure(sweeps: Sequence[Sweep], at: int, conventions: Conventions = STANDARD) -> Measures:
    """The measures of frames at threshold number ``at``; all have the same thresholds, and there is one at least."""
    measures = Sweeps(sweeps[0].thresholds, sweeps).measures(at, conventions=conventions)
    assert measures is not None
    return measures
