"""Targets in masks: connected components, matching of label and prediction, and what is measured per target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MatchingRule = Literal["reference", "optimal"]

MAX_DISTANCE = 3.0
"""A prediction can only match a label target whose centroid is nearer than this, in pixels."""

SCR_MARGIN = 20
"""Pixels around the bounding box of a target that count as its surroundings."""


@dataclass(frozen=True)
class Target:
    """One connected component of a mask.

    Attributes:
        x, y: centroid of its pixels (unweighted), column and row; the centre of a pixel is a whole number.
        area: number of pixels.
        bbox: (x, y, width, height) in whole pixels.
        score: largest probability in it, 0..1; 1 where there is no probability.
    """

    x: float
    y: float
    area: int
    bbox: tuple[int, int, int, int]
    score: float = 1.0


@dataclass(frozen=True)
class Matching:
    """Which predicted target is which label target; the numbers are places in the two lists.

    Attributes:
        pairs: (label, prediction), by label.
        missed: label targets without a prediction.
        false: predictions without a label target.
    """

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    false: tuple[int, ...]


def label_components(mask: NDArray[np.bool_], connectivity: int = 8) -> tuple[NDArray[np.int32], int]:
    """Number the connected components of a mask in raster order of their first pixels.

    Args:
        mask: (H, W) bool.
        connectivity: 8, or 4 for components that touch at edges only.

    Returns:
        (H, W) int32, 0 outside and 1..n in the components; and n.

    Raises:
        ValueError: another connectivity, or not a matrix.
    """
    if connectivity not in (4, 8) or mask.ndim != 2:
        raise ValueError(f"connectivity is 4 or 8 and a mask has rows and columns: {connectivity}, {mask.shape}")
    labels = np.zeros(mask.shape, dtype=np.int32)
    # Small targets leave most rows empty. One empty row keeps what is above and below it apart as well as many do.
    near: NDArray[np.bool_] = np.asarray(mask.any(axis=1))
    near[1:] |= near[:-1].copy()
    near[:-1] |= near[1:].copy()
    if not near.any():
        return labels, 0
    numbers, count = ndimage.label(mask[near], ndimage.generate_binary_structure(2, 2 if connectivity == 8 else 1))
    labels[near] = numbers
    return labels, int(count)


def find_targets(
    mask: NDArray[np.bool_], *, probability: NDArray[Any] | None = None, connectivity: int = 8
) -> tuple[Target, ...]:
    """The targets of a mask in raster order of their first pixels: what ``locate_targets`` gives beside the numbers."""
    return locate_targets(mask, probability=probability, connectivity=connectivity)[1]


def locate_targets(
    mask: NDArray[np.bool_], *, probability: NDArray[Any] | None = None, connectivity: int = 8
) -> tuple[NDArray[np.int32], tuple[Target, ...]]:
    """Where the targets of a mask are, and what they are.

    Args:
        mask: (H, W) bool.
        probability: (H, W) float in 0..1, for the scores.
        connectivity: 8 or 4.

    Returns:
        (H, W) int32, 0 outside and 1..n in the targets; and the n targets in raster order of their first pixels.

    Raises:
        ValueError: the two differ in shape, or another connectivity.
    """
    if probability is not None and probability.shape != mask.shape:
        raise ValueError(f"mask and probability differ in shape: {mask.shape}, {probability.shape}")
    labels, count = label_components(mask, connectivity)
    if not count:
        return labels, ()
    # The search for pixels is many times faster in one dimension and among bits.
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    numbers = labels[rows, columns] - 1
    areas = np.bincount(numbers, minlength=count)
    x = np.bincount(numbers, weights=columns, minlength=count) / areas
    y = np.bincount(numbers, weights=rows, minlength=count) / areas
    scores = np.ones(count)
    if probability is not None:
        scores = np.full(count, -np.inf)
        np.maximum.at(scores, numbers, probability[rows, columns].astype(np.float64))
    left, top = np.full(count, mask.shape[1]), np.full(count, mask.shape[0])
    right, bottom = np.zeros(count, np.intp), np.zeros(count, np.intp)
    for least, most, places in ((left, right, columns), (top, bottom, rows)):
        np.minimum.at(least, numbers, places)
        np.maximum.at(most, numbers, places)
    targets = []
    for i in range(count):
        box = (int(left[i]), int(top[i]), int(right[i] - left[i]) + 1, int(bottom[i] - top[i]) + 1)
        targets.append(Target(float(x[i]), float(y[i]), int(areas[i]), box, float(scores[i])))
    return labels, tuple(targets)


def _distances(labelled: Sequence[Target], predicted: Sequence[Target]) -> NDArray[np.float64]:
    a = np.array([(t.x, t.y) for t in labelled], dtype=np.float64).reshape(-1, 1, 2)
    b = np.array([(t.x, t.y) for t in predicted], dtype=np.float64).reshape(1, -1, 2)
    distances: NDArray[np.float64] = np.hypot(*np.moveaxis(a - b, 2, 0))
    return distances


def match_targets(
    labelled: Sequence[Target],
    predicted: Sequence[Target],
    *,
    max_distance: float = MAX_DISTANCE,
    rule: MatchingRule = "reference",
) -> Matching:
    """Match targets by the distance of their centroids, which must be below ``max_distance`` (strictly).

    ``"reference"`` is the rule of the published evaluation scripts: each label target in turn takes the first
    prediction, not the nearest, that is near enough and not yet taken. ``"optimal"`` makes as many pairs as
    possible and among those solutions the one of the smallest sum of distances.
    """
    near = _distances(labelled, predicted)
    pairs: list[tuple[int, int]] = []
    if rule == "optimal":
        # A pair that is too far costs more than all good pairs together, so that their number comes first.
        too_far = 1.0 + max_distance * (min(near.shape) + 1)
        # Imported here: it takes a tenth of the start of the window, which never asks for this rule.
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(np.where(near < max_distance, near, too_far))
        pairs = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if near[i, j] < max_distance]
    else:
        free = np.ones(len(predicted), dtype=np.bool_)
        for i in range(len(labelled)):
            candidates = np.flatnonzero(free & (near[i] < max_distance))
            if candidates.size:
                free[candidates[0]] = False
                pairs.append((i, int(candidates[0])))
    matched, used = {i for i, _ in pairs}, {j for _, j in pairs}
    return Matching(
        tuple(pairs),
        tuple(i for i in range(len(labelled)) if i not in matched),
        tuple(j for j in range(len(predicted)) if j not in used),
    )


@dataclass(frozen=True)
class LocalContrast:
    """A target against its surroundings, in the units of the pixels.

    Attributes:
        target: mean of the target; NaN without one.
        surroundings: mean around it; NaN without surroundings.
        clutter: standard deviation around it; NaN without surroundings.
    """

    target: float
    surroundings: float
    clutter: float

    @property
    def difference(self) -> float:
        """Mean of the target − mean of its surroundings: negative for a target that is darker."""
        return self.target - self.surroundings

    @property
    def scr(self) -> float:
        """Local signal-to-clutter ratio, |difference| / clutter.

        0 or more; infinite on perfectly flat surroundings, 0 if the target does not differ from them; NaN without
        target or without surroundings.
        """
        signal = abs(self.difference)
        if self.clutter == 0.0 and not math.isnan(signal):
            return math.inf if signal > 0.0 else 0.0
        return signal / self.clutter


def local_contrast(
    pixels: NDArray[Any],
    target_mask: NDArray[np.bool_],
    *,
    margin: int = SCR_MARGIN,
    ignore: NDArray[np.bool_] | None = None,
) -> LocalContrast:
    """Compare a target with its surroundings: its bounding box and ``margin`` pixels around it, without the target.

    Args:
        pixels: (H, W), any real type.
        target_mask: (H, W) bool, the pixels of one target.
        margin: in pixels, at least 1.
        ignore: (H, W) bool, pixels that are no surroundings either, for instance all other targets.

    Raises:
        ValueError: the arrays differ in shape, or ``margin`` is below 1.
    """
    if margin < 1 or pixels.shape != target_mask.shape or (ignore is not None and ignore.shape != pixels.shape):
        raise ValueError(f"margin {margin}, pixels {pixels.shape} and mask {target_mask.shape} do not go together")
    rows, columns = np.flatnonzero(target_mask.any(axis=1)), np.flatnonzero(target_mask.any(axis=0))
    if not rows.size:
        return LocalContrast(math.nan, math.nan, math.nan)
    window = (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )
    inside = target_mask[window]
    values = pixels[window].astype(np.float64)
    outside = ~inside if ignore is None else ~(inside | ignore[window])
    target = float(values[inside].mean())
    if not outside.any():
        return LocalContrast(target, math.nan, math.nan)
    return LocalContrast(target, float(values[outside].mean()), float(values[outside].std()))


def scr(
    pixels: NDArray[Any],
    target_mask: NDArray[np.bool_],
    *,
    margin: int = SCR_MARGIN,
    ignore: NDArray[np.bool_] | None = None,
) -> float:
    """Local signal-to-clutter ratio: ``LocalContrast.scr``. Arguments and errors as of ``local_contrast``."""
    return local_contrast(pixels, target_mask, margin=margin, ignore=ignore).scr
