"""Contrast-limited adaptive histogram equalisation (CLAHE; Zuiderveld, Graphics Gems IV, 1994), for the eye only.

It raises the contrast of each part of a frame by as much as its values allow. What comes out is a picture: nothing that
is measured, labelled or given to the network comes from here.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.imaging.render import Levels, safe_levels

EQUALISED = Levels(0.0, 65535.0)
"""The levels of what ``equalise`` returns."""

_TILES = 8
_LEAST_TILE = 16  # pixels along a side, so that the histogram of a tile means something
_BINS = 65536  # of OpenCV's histogram for 16 bits


def equalise(pixels: NDArray[Any], levels: Levels, *, limit: float = 3.0) -> NDArray[np.uint16]:
    """The frame with its local contrast evened out.

    OpenCV counts 16 bits in 65,536 bins. In the few hundred values that a frame uses of them its limit would leave the
    frame as it is, and 8 bits would draw steps where contrast is raised. Hence the values between ``levels`` are put
    on as many steps as a colour map has entries at the raised contrast, or on one for each native value if these are
    fewer; the limit is scaled so that it means the same for both.

    Args:
        pixels: (H, W) uint8, uint16 or float32; never written to.
        levels: native values at the two ends; values beyond are clipped, NaN is the lower end.
        limit: how many times the contrast may be raised, at least 1; what exceeds it is spread over all values, which
            adds at most the contrast of the frame itself once more.

    Returns:
        (H, W) uint16, to be shown between ``EQUALISED``.

    Raises:
        ValueError: the limit is below 1.
    """
    if not limit >= 1.0:
        raise ValueError(f"the limit of CLAHE is {limit}; it must be at least 1")
    if pixels.size == 0:
        return np.zeros(pixels.shape, np.uint16)
    low, high = safe_levels(*levels)
    steps = round(256 * limit)
    if pixels.dtype.kind == "u":
        steps = max(min(steps, round(high - low)), 1)
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2:
        table = _steps(np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float32), low, high, steps)
        stepped = table[pixels]
    else:
        stepped = _steps(pixels.astype(np.float32), low, high, steps)
    tiles = [max(1, min(_TILES, side // _LEAST_TILE)) for side in pixels.shape]
    clahe = cv2.createCLAHE(clipLimit=limit * _BINS / (steps + 1), tileGridSize=(tiles[1], tiles[0]))
    equalised: NDArray[Any] = clahe.apply(np.ascontiguousarray(stepped))
    return equalised.astype(np.uint16, copy=False)


def _steps(values: NDArray[np.float32], low: float, high: float, steps: int) -> NDArray[np.uint16]:
    """Values between the limits on ``steps + 1`` evenly spaced ones of 0..65535."""
    scaled = (values - np.float32(low)) * np.float32(1.0 / (high - low))
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    np.clip(scaled, 0.0, 1.0, out=scaled)
    scaled *= np.float32(steps)
    np.rint(scaled, out=scaled)
    scaled *= np.float32(65535.0 / steps)
    np.rint(scaled, out=scaled)
    return scaled.astype(np.uint16)
