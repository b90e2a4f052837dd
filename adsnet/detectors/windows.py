"""What the traditional detectors are built from: frames as float64, shifted copies and box sums. Torch-free."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float64]

AROUND = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0))
"""The eight directions, (down, right), of the cells around the centre cell."""


def is_flat(pixels: NDArray[Any]) -> bool:
    """Whether all pixels of a frame are equal: no method sees anything there.

    Args:
        pixels: (H, W), real and finite, at least one pixel.

    Raises:
        ValueError: another shape.
    """
    if pixels.ndim != 2 or not pixels.size:
        raise ValueError(f"a frame has rows and columns: {pixels.shape}")
    return bool(pixels.min() == pixels.max())


def native(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W) pixels in the type they have where OpenCV filters it, else as float64.

    Where only order matters, 8 and 16 bits are several times faster than float64.
    """
    return pixels if pixels.dtype in (np.uint8, np.uint16, np.float32) else pixels.astype(np.float64)


def above_lowest(pixels: NDArray[Any]) -> Map:
    """(H, W) native pixels as float64, the lowest becomes 0.

    For methods that see differences alone. Sums and squares keep more digits without a large common offset, and
    taking away a value of the frame itself, unlike its mean, is exact for all native types.
    """
    values = pixels.astype(np.float64)
    values -= values.min()
    return values


def shifted(padded: NDArray[Any], margin: int, down: int, right: int) -> NDArray[Any]:
    """The view of (H + 2 margin, W + 2 margin) that holds at (y, x) the pixel (y + down, x + right), (H, W)."""
    height, width = padded.shape[0] - 2 * margin, padded.shape[1] - 2 * margin
    row, column = margin + down, margin + right
    return padded[row : row + height, column : column + width]


def box_sum(padded: Map, side: int) -> Map:
    """Sums of all windows of side × side that lie inside (H + side − 1, W + side − 1): (H, W).

    Each window is added up by itself: a running sum would carry the rounding of bright places into dark ones.
    """
    ones = np.ones(side)
    reach = side // 2
    sums = np.asarray(cv2.sepFilter2D(padded, cv2.CV_64F, ones, ones, borderType=cv2.BORDER_REPLICATE), np.float64)
    return sums[reach : sums.shape[0] - reach, reach : sums.shape[1] - reach]
