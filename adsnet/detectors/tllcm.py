"""TLLCM, tri-layer local contrast (Han et al., GRSL 2020): a smoothed centre against the brightest of eight cells.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adsnet.detectors.parameters import check_parameters, parameter
from adsnet.detectors.windows import AROUND, Map, box_sum, is_flat, native, shifted
from adsnet.errors import ConfigError


@dataclass(frozen=True)
class Tllcm:
    """TLLCM over several cell sides.

    The saliency has the unit of the pixels: another gain scales the whole map, so 16 bits need no scaling to 0..255.
    It is a ratio, however, so that an offset matters: 0 must mean no radiation. A frame with negative values is
    lifted until its lowest value is 0.
    """

    sides: tuple[int, ...] = parameter(
        (3, 5, 7, 9), least=3, most=15, odd=True, help="Sides of the cells in pixels, about those of targets."
    )
    brightest: int = parameter(
        9, least=1, most=49, help="How many of the brightest pixels of an outer cell count, K in the paper."
    )

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.brightest > self.sides[0] ** 2:
            raise ConfigError(
                f"brightest is {self.brightest}; it must not be above the {self.sides[0] ** 2} pixels of a cell of "
                f"side {self.sides[0]}"
            )

    def saliency(self, pixels: NDArray[Any]) -> Map:
        """S = max over L of [G²/B − G]₊.

        G is the frame smoothed by the 3 × 3 Gaussian (1 2 1)ᵀ(1 2 1)/16. Around every pixel lie 3 × 3 cells of
        L × L; B is the largest of the eight means of the K brightest pixels of an outer cell. Beyond its border the
        frame is mirrored, the outermost pixels included: zeros there, as in the authors' code, could only lower B and
        so make false targets of the border. Where B is 0, the smallest B of the frame above 0 takes its place: a
        target before perfect black stands out as much as anything can, but not infinitely.

        Args:
            pixels: (H, W) native values of any real type, finite.

        Returns:
            (H, W) float64, 0 or more; all 0 for a flat frame.
        """
        if is_flat(pixels):
            return np.zeros(pixels.shape)
        values = native(pixels)  # only order matters for the brightest pixels
        if values.min() < 0:
            values = values.astype(np.float64) - float(values.min())
        cells = [_brightest_cell(values, side, self.brightest) for side in self.sides]
        # The contrast falls with B: the largest over the scales is that of the smallest B.
        around: Map = reduce(np.minimum, cells).copy()
        around[around == 0.0] = min(float(b.min(where=b > 0.0, initial=np.inf)) for b in cells)
        weights = np.array([0.25, 0.5, 0.25])
        smooth = np.asarray(
            cv2.sepFilter2D(values.astype(np.float64), cv2.CV_64F, weights, weights, borderType=cv2.BORDER_REFLECT),
            np.float64,
        )
        saliency: Map = np.maximum(smooth * smooth / around - smooth, 0.0)
        return saliency


def _brightest_cell(values: NDArray[Any], side: int, brightest: int) -> Map:
    """The largest of the means of the ``brightest`` pixels of the eight outer cells, (H, W)."""
    padded = np.pad(values, side + side // 2, mode="symmetric")
    means = top_means(padded, side, brightest)  # of the cells around all pixels and ``side`` beyond the border
    brightest_cell: Map = reduce(np.maximum, (shifted(means, side, side * y, side * x) for y, x in AROUND))
    return brightest_cell


def top_means(padded: NDArray[Any], side: int, count: int) -> Map:
    """The mean of the ``count`` largest of all windows of side × side in (H + side − 1, W + side − 1): (H, W).

    The windows of all pixels are sorted at once: a list of arrays holds the largest, second largest … of each window,
    and windows are made of two smaller ones that do not overlap, first down, then across. The rows lie one behind
    the other, so that both are slices without gaps; windows that go round a row's end are made too and cut off.
    """
    if count == side * side:
        return box_sum(padded.astype(np.float64), side) / count
    rows, columns = padded.shape[0] - side + 1, padded.shape[1]
    down = _windows([np.ascontiguousarray(padded).ravel()], side, columns, count)
    largest = _windows(down, side, 1, count)
    total = np.zeros(rows * columns)
    for one in largest:
        total[: one.size] += one
    total /= count
    return total.reshape(rows, columns)[:, : columns - side + 1]


def _windows(lists: list[NDArray[Any]], length: int, step: int, keep: int) -> list[NDArray[Any]]:
    """Descending lists of the ``keep`` largest of ``length`` neighbours ``step`` apart, from a list of each place."""
    made = {1: lists}

    def window(size: int) -> list[NDArray[Any]]:
        if size not in made:
            first = 1 << (size - 1).bit_length() - 1  # the largest power of two below: the halves serve again
            places = lists[0].size - (size - 1) * step
            made[size] = merged(
                [one[:places] for one in window(first)],
                [one[first * step : first * step + places] for one in window(size - first)],
                keep,
            )
        return made[size]

    return window(length)


def merged(a: Sequence[NDArray[Any]], b: Sequence[NDArray[Any]], keep: int) -> list[NDArray[Any]]:
    """The ``keep`` largest of two descending lists, descending: Batcher's odd-even merge without what is not kept.

    Args:
        a, b: arrays of one shape; at every place each list descends.
        keep: at least 1.
    """
    if not a or not b:
        return [*a, *b][:keep]
    if len(a) == len(b) == 1:
        return [np.maximum(a[0], b[0]), np.minimum(a[0], b[0])] if keep > 1 else [np.maximum(a[0], b[0])]
    odd = merged(a[0::2], b[0::2], keep // 2 + 1)
    even = merged(a[1::2], b[1::2], keep // 2) if keep > 1 else []
    result = [odd[0]]
    for x, y in zip_longest(odd[1:], even):
        if x is None or y is None:
            result.append(y if x is None else x)
        else:
            result.append(np.maximum(x, y))
            if len(result) < keep:
                result.append(np.minimum(x, y))
    return result[:keep]
