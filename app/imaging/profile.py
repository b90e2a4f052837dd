"""Values of a frame along a line, and how wide the peak in them is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LEAST_SIGMAS = 3.0  # a peak stands out from the rest of its line by more than this
_MAD_TO_SIGMA = 1.4826  # of a normal distribution

Samples = NDArray[np.float64]


class Profile(NamedTuple):
    """Samples along a line, (n,) each: positions in image coordinates, pixels from the start, native values."""

    x: Samples
    y: Samples
    distance: Samples
    values: Samples


class Peak(NamedTuple):
    """The largest deviation from the rest of a profile.

    ``at``, ``left`` and ``right`` are distances from the start of the line in pixels: of the peak, and of the two
    places where the profile crosses half of its height. ``base`` is the median of the profile, ``value`` that of the
    peak, in native values; a dark target has a value below the base.
    """

    at: float
    value: float
    base: float
    left: float
    right: float

    @property
    def height(self) -> float:
        """Value of the peak − base."""
        return self.value - self.base

    @property
    def fwhm(self) -> float:
        """Full width at half maximum, in pixels."""
        return self.right - self.left


def profile_along(pixels: NDArray[Any], start: tuple[int, int], end: tuple[int, int]) -> Profile:
    """Sample a frame along a line between the centres of two pixels.

    There is one sample for each pixel along the longer side of the line. Horizontal, vertical and diagonal lines hit
    the centres of pixels only and give native values; others are interpolated between the two nearest pixels across.

    Args:
        pixels: (H, W) uint8, uint16 or float32.
        start, end: (x, y) of pixels in the frame; the same pixel twice gives one sample.

    Raises:
        ValueError: an end is outside the frame.
    """
    height, width = pixels.shape
    for x, y in (start, end):
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"the pixel ({x}, {y}) is not in a frame of {width} × {height}")
    (x0, y0), (x1, y1) = start, end
    count = max(abs(x1 - x0), abs(y1 - y0)) + 1
    # Rounded, so that what should be a whole number is one.
    x_at, y_at = np.round(np.linspace(x0, x1, count), 9), np.round(np.linspace(y0, y1, count), 9)
    column, row = np.floor(x_at).astype(np.intp), np.floor(y_at).astype(np.intp)
    values = pixels[row, column].astype(np.float64)
    for share, next_row, next_column in ((x_at - column, row, column + 1), (y_at - row, row + 1, column)):
        between = np.flatnonzero(share > 0)
        beside = pixels[next_row[between], next_column[between]].astype(np.float64)
        values[between] += share[between] * (beside - values[between])
    return Profile(x_at, y_at, np.hypot(x_at - x0, y_at - y0), values)


def peak_of(profile: Profile) -> Peak | None:
    """The peak of a profile, bright or dark, or None.

    It is the largest deviation from the median of the line. It counts when it exceeds three standard deviations of
    the rest (from the median of the absolute deviations, which a small target does not change) and falls to half of
    its height on both sides within the line; between samples the crossing is found on a straight line.
    """
    distance, values = profile.distance, profile.values
    if not np.isfinite(values).all() or values.size < 3:
        return None
    base = float(np.median(values))
    deviation = values - base
    place = int(np.argmax(np.abs(deviation)))
    height = float(deviation[place])
    if abs(height) <= _LEAST_SIGMAS * _MAD_TO_SIGMA * float(np.median(np.abs(deviation))) or height == 0.0:
        return None
    share = deviation / height
    left = _crossing(distance[: place + 1][::-1], share[: place + 1][::-1])
    right = _crossing(distance[place:], share[place:])
    if left is None or right is None:
        return None
    return Peak(float(distance[place]), float(values[place]), base, left, right)


def _crossing(distance: Samples, share: Samples) -> float | None:
    """Where the share falls from 1, its first sample, below one half."""
    below = np.flatnonzero(share < 0.5)
    if not below.size:
        return None
    i = int(below[0])
    fraction = float((share[i - 1] - 0.5) / (share[i - 1] - share[i]))
    return float(distance[i - 1] + fraction * (distance[i] - distance[i - 1]))


def as_table(profile: Profile) -> str:
    """The samples as text with tabs, for a spreadsheet: x, y, distance and value, one line each."""
    lines = ["x\ty\tdistance\tvalue"]
    lines += ["\t".join(f"{number:.7g}" for number in sample) for sample in zip(*profile, strict=True)]
    return "\n".join(lines) + "\n"
