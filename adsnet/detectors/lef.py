"""LEF, local energy factor (Xia et al., GRSL 2020): dissimilarity and brightness of a cell among eight others.

Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.detectors.parameters import check_parameters, parameter
from adsnet.detectors.windows import AROUND, Map, above_lowest, box_sum, is_flat, shifted


@dataclass(frozen=True)
class Lef:
    """LEF at the cell sides 1, 3, 5 … ``largest``.

    Both cues are scaled to 0..1 over the frame, so that the map is the same for 8 bits, 16 bits and any other gain
    and offset of the pixels.
    """

    h: float = parameter(
        0.2, least=0.05, most=2.0, help="How far from the best of both cues a pixel may be; smaller is stricter."
    )
    a: float = parameter(
        0.5, least=0.0, most=1.0, help="Weight of the dissimilarity; the brightness difference has the rest."
    )
    largest: int = parameter(9, least=1, most=31, odd=True, help="Side of the largest cell in pixels, P in the paper.")

    def __post_init__(self) -> None:
        check_parameters(self)

    def saliency(self, pixels: NDArray[Any]) -> Map:
        """S = max over L of exp(−[a (s̃ − 1)² + (1 − a)(d̃ − 1)²] / 2h²).

        Around every pixel lie 3 × 3 cells of L × L. With E the sum over the places in a cell of the squared
        deviations of the nine values there from their mean, and E′ the same of the eight outer ones,
        s = 1 − (9/8) E′/E, from −1/8 to 1, and 0 where all nine cells are equal. d is the pixel less the mean of
        the outer cells. s̃ and d̃ are s and d scaled to 0..1 over all pixels and scales together. Beyond its border
        the frame is mirrored, the outermost pixels included.

        Args:
            pixels: (H, W) native values of any real type, finite.

        Returns:
            (H, W) float64 in 0..1; all 0 for a flat frame.
        """
        if is_flat(pixels):
            return np.zeros(pixels.shape)
        values = above_lowest(pixels)
        cues = [_cues(values, side) for side in range(1, self.largest + 1, 2)]
        dissimilarity = _below_best([s for s, _ in cues], 1.0)
        difference = _below_best([d for _, d in cues], float(values.max()))
        distances = [self.a * s * s + (1.0 - self.a) * d * d for s, d in zip(dissimilarity, difference, strict=True)]
        # The exponential falls with the distance: the largest over the scales is that of the smallest distance.
        saliency: Map = np.exp(reduce(np.minimum, distances) / (-2.0 * self.h**2))
        return saliency


def _cues(values: Map, side: int) -> tuple[Map, Map]:
    """s and d of one scale, both (H, W).

    The nine values at one place are taken relative to that of the centre cell: with y the eight differences,
    S = Σ y and Q = Σ y², their squared deviations are (9 Q − S²)/9 and, without the centre, (8 Q − S²)/8. As S² is
    at most 8 Q, the first cannot cancel: it is exactly 0 where the cells are equal, and E′/E loses no digits.
    """
    reach = side // 2
    padded = np.pad(values, side + reach, mode="symmetric")
    centre = shifted(padded, side, 0, 0)
    total, squares = np.zeros_like(centre), np.zeros_like(centre)
    difference = np.empty_like(centre)
    for down, right in AROUND:
        np.subtract(shifted(padded, side, side * down, side * right), centre, out=difference)
        total += difference
        np.multiply(difference, difference, out=difference)
        squares += difference
    outer = box_sum(np.maximum(8.0 * squares - total * total, 0.0), side)
    nine = box_sum(9.0 * squares - total * total, side)
    equal = nine <= 0.0
    s = 1.0 - (81.0 / 64.0) * outer / np.where(equal, 1.0, nine)
    s[equal] = 0.0
    around = (box_sum(total, side) + 8.0 * box_sum(centre, side)) / (8.0 * side * side)
    d: Map = values - around
    return s, d


def _below_best(scales: list[Map], unit: float) -> list[Map]:
    """1 − x̃ of each scale, x̃ being x scaled to 0..1 over all scales together; 1 where nothing varies.

    ``unit`` is how large x can be: less than the rounding of it is no variation, as in a frame of two pixels.
    """
    low, high = min(float(x.min()) for x in scales), max(float(x.max()) for x in scales)
    if high - low <= 1e-12 * unit:
        return [np.ones_like(x) for x in scales]
    return [(high - x) / (high - low) for x in scales]
