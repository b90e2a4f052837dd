"""The rules that turn what a file stores into one channel of pixels, and the limits on its size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.errors import FrameError
from adsnet.storage.files import shown

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]

MAX_PIXELS = 64 * 2**20
"""Largest frame that is read, in pixels. Checked against the header, before anything is allocated."""


def check_size(path: Path, *, height: int, width: int) -> None:
    """Refuse a declared frame size that is empty or above ``MAX_PIXELS``.

    Raises:
        FrameError: with the numbers.
    """
    if height < 1 or width < 1:
        raise FrameError(f"{shown(path)} declares {width}×{height} pixels, so there is nothing to show: replace it.")
    if height * width > MAX_PIXELS:
        raise FrameError(
            f"{shown(path)} declares {width}×{height} pixels, above the limit of {MAX_PIXELS}: cut it into tiles."
        )


def luminance(colour: NDArray[Any]) -> NDArray[Any]:
    """One channel of a colour image: the channel itself where all three are equal, else BT.601 grey.

    Args:
        colour: (H, W, 3 or more), red, green, blue; further channels (alpha) are ignored.

    Returns:
        (H, W) of the same dtype; the grey of integer images is rounded.
    """
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(red)
    grey = red * np.float32(0.299)
    grey += green * np.float32(0.587)
    grey += blue * np.float32(0.114)
    if colour.dtype.kind in "ui":
        np.rint(grey, out=grey)
        # The weights add up to one only within rounding, which must not wrap the brightest value round to zero.
        np.minimum(grey, np.iinfo(colour.dtype).max, out=grey)
    return grey.astype(colour.dtype)


def one_channel(path: Path, values: NDArray[Any]) -> Pixels:
    """Pixels in one of the three supported types, C-contiguous, native byte order.

    uint8 and uint16 keep their values; bool becomes 0 and 255; every other integer or float type becomes float32.
    In floats, NaN and −inf become the smallest finite value of the frame, +inf the largest (0 without any finite
    value), so that ranges and percentiles are always defined.

    Args:
        path: for the message.
        values: (H, W), or (H, W, C) with C = 1, 2 (grey, alpha), 3 or 4.

    Raises:
        FrameError: the array is not an image of real numbers.
    """
    if values.ndim == 3:
        channels = values.shape[2]
        if channels > 4 or channels < 1:
            raise FrameError(f"{shown(path)} has {channels} channels, which is no picture: export it as one channel.")
        values = luminance(values) if channels >= 3 else values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise FrameError(f"{shown(path)} holds {values.ndim}-D {values.dtype} values, no picture: export it as grey.")
    check_size(path, height=values.shape[0], width=values.shape[1])
    if values.dtype.kind == "b":
        return np.ascontiguousarray(values).astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        native = values.dtype.newbyteorder("=")
        return np.ascontiguousarray(values, dtype=native)
    with np.errstate(over="ignore"):
        pixels = np.array(values, dtype=np.float32, order="C")
    finite = np.isfinite(pixels)
    if not finite.all():
        low, high = (float(pixels[finite].min()), float(pixels[finite].max())) if finite.any() else (0.0, 0.0)
        np.nan_to_num(pixels, copy=False, nan=low, posinf=high, neginf=low)
    return pixels
