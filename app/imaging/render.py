"""From native pixel values to what is shown: window and level, gamma, colour map.

Display never changes the pixels that are labelled, measured or sent to the network.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.imaging.colours import colour_map as table_of

_SAMPLE = 1_000_000
_LARGEST = 1e37  # above this the difference of two float32 limits can overflow
_SMALLEST = 1e-30  # below this its inverse can


class Levels(NamedTuple):
    """The pixel values shown as the two ends of the colour map; finite, ``low`` < ``high``."""

    low: float
    high: float


def safe_levels(low: float, high: float) -> Levels:
    """Limits that can always be used: finite, in order and apart, whatever comes in."""
    low = min(max(float(low), -_LARGEST), _LARGEST) if math.isfinite(low) else 0.0
    high = min(max(float(high), -_LARGEST), _LARGEST) if math.isfinite(high) else low
    if low > high:
        low, high = high, low
    # The gap must survive float32 arithmetic at the size of the values themselves.
    gap = max(abs(low) * 2e-5, abs(high) * 2e-5, _SMALLEST)
    if high - low <= gap:
        middle, half = (low + high) / 2, max(gap, 0.5)
        low, high = middle - half, middle + half
    return Levels(low, high)


def _sample(pixels: NDArray[Any]) -> NDArray[Any]:
    """At most about a million finite values, evenly spread, so that large frames cost no more than small ones."""
    step = math.isqrt(max(pixels.size // _SAMPLE, 1))
    values = pixels[::step, ::step].ravel()
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def min_max_levels(pixels: NDArray[Any]) -> Levels:
    """The smallest and largest finite value of an (H, W) uint8, uint16 or float32 array."""
    values = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    return safe_levels(float(values.min()), float(values.max())) if values.size else safe_levels(0.0, 1.0)


def percentile_levels(pixels: NDArray[Any], *, low: float = 0.5, high: float = 99.95) -> Levels:
    """Limits that ignore a few dead or glowing pixels, from percentiles of an (H, W) array.

    Args:
        pixels: (H, W) uint8, uint16 or float32; non-finite values are ignored.
        low, high: percentiles, 0..100. Targets are a handful of pixels, hence the high default.
    """
    values = _sample(pixels)
    if values.size == 0:
        return safe_levels(0.0, 1.0)
    if values.dtype.kind == "u":
        # Counting is several times faster than sorting and exact for whole numbers.
        below = np.cumsum(np.bincount(values))
        ranks = np.array([low, high]) / 100.0 * (values.size - 1)
        first, last = np.searchsorted(below, np.floor(ranks), side="right")
        return safe_levels(float(first), float(last))
    first, last = np.percentile(values, [low, high])
    return safe_levels(float(first), float(last))


def sigma_levels(pixels: NDArray[Any], *, sigmas: float = 3.0) -> Levels:
    """Mean ∓ ``sigmas`` standard deviations of the finite values of an (H, W) uint8, uint16 or float32 array."""
    values = _sample(pixels).astype(np.float64)
    if values.size == 0:
        return safe_levels(0.0, 1.0)
    middle, reach = float(values.mean()), sigmas * float(values.std())
    return safe_levels(middle - reach, middle + reach)


def _table(kind: np.dtype[Any], levels: Levels, gamma: float) -> NDArray[np.uint8]:
    """The index 0..255 of every value that the unsigned type ``kind`` can hold."""
    values = np.arange(np.iinfo(kind).max + 1, dtype=np.float32)
    return _scale(values, levels, gamma)


@functools.lru_cache(maxsize=8)
def _cached_table(kind: np.dtype[Any], levels: Levels, gamma: float) -> NDArray[np.uint8]:
    return _table(kind, levels, gamma)


def _scale(values: NDArray[np.float32], levels: Levels, gamma: float) -> NDArray[np.uint8]:
    """Values to 0..255; NaN becomes 0."""
    low, high = safe_levels(*levels)
    scaled = (values - np.float32(low)) * np.float32(1.0 / (high - low))
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    np.clip(scaled, 0.0, 1.0, out=scaled)
    if gamma != 1.0:
        np.power(scaled, np.float32(1.0 / gamma), out=scaled)
    scaled *= np.float32(255.0)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)


def to_index(pixels: NDArray[Any], levels: Levels, *, gamma: float = 1.0) -> NDArray[np.uint8]:
    """Positions in a 256-entry colour map.

    Args:
        pixels: (H, W) uint8, uint16 or float32.
        levels: the values for positions 0 and 255; values beyond are clipped.
        gamma: above 1 lifts the dark end; must be positive.

    Returns:
        (H, W) uint8, C-contiguous, never sharing memory with ``pixels``.
    """
    if not gamma > 0:
        raise ValueError(f"gamma is {gamma}; it must be positive")
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2:
        index: NDArray[np.uint8] = _cached_table(pixels.dtype, Levels(*levels), float(gamma))[pixels]
        return index
    return _scale(pixels.astype(np.float32), levels, gamma)


def to_rgba(pixels: NDArray[Any], levels: Levels, *, colour_map: str, gamma: float = 1.0) -> NDArray[np.uint8]:
    """The frame in colour: (H, W, 4) uint8, opaque. Arguments as in ``to_index``; ValueError for an unknown map."""
    colours = np.full((256, 4), 255, np.uint8)
    colours[:, :3] = table_of(colour_map)
    # Four bytes at a time: one lookup for each pixel instead of four.
    packed = colours.view(np.uint32)[:, 0][to_index(pixels, levels, gamma=gamma)]
    return packed.view(np.uint8).reshape(*pixels.shape, 4)


def histogram(pixels: NDArray[Any], *, bins: int = 256) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts of finite values, from a sample of large frames.

    Returns:
        counts (bins,) and edges (bins + 1,), finite and increasing.
    """
    values = _sample(pixels)
    levels = safe_levels(float(values.min()), float(values.max())) if values.size else safe_levels(0.0, 1.0)
    counts, edges = np.histogram(values, bins=bins, range=levels)
    return counts, edges.astype(np.float64)
