"""A region of a frame as a landscape: native values are heights, seen from a direction, drawn from far to near."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.imaging.raster import Box, box_slices
from app.imaging.thumbnail import strongest

MOST_POINTS = 40
"""Points along the longer side at most, so that turning stays fluent."""

RELIEF = 0.7
"""Height of the largest value over the smallest one, in lengths of the longer side."""

Points = NDArray[np.float64]


class View(NamedTuple):
    """Where the landscape is seen from, in degrees: turned about the vertical, and above the horizon."""

    azimuth: float = 30.0
    elevation: float = 35.0

    def turned(self, azimuth: float, elevation: float) -> View:
        """By so many degrees more; never from below, and never straight from above, where heights are not seen."""
        return View((self.azimuth + azimuth) % 360.0, min(max(self.elevation + elevation, 10.0), 80.0))


class Mesh(NamedTuple):
    """What is drawn.

    Attributes:
        quads: (n, 4, 2) float64, corners (x, y) on the screen, y down, in lengths of the longer side; from far to near.
        cells: (n, 2) intp, row and column of each quad among the faces.
        floor: (4, 2) float64, the corners of the ground at the smallest value.
        top: (4, 2) float64, those at the largest one.
        low, high: these two in native values.
    """

    quads: Points
    cells: NDArray[np.intp]
    floor: Points
    top: Points
    low: float
    high: float


def heights_in(pixels: NDArray[Any], box: Box) -> tuple[Points, int]:
    """The native values of a region.

    Args:
        pixels: (H, W) uint8, uint16 or float32.
        box: (x, y, w, h) in pixels; what lies outside the frame is left out.

    Returns:
        (h, w) float64 without NaN, which takes the smallest value; of a large region the largest value of each block of
        n × n pixels, so that no target is lost; and n.
    """
    x, y, w, h = box
    left, top = max(x, 0), max(y, 0)
    region = pixels[box_slices((left, top, max(x + w - left, 0), max(y + h - top, 0)))]
    if region.size == 0:
        return np.zeros((0, 0)), 1
    block = max(1, math.ceil(max(region.shape) / MOST_POINTS))
    values = strongest(region, MOST_POINTS).astype(np.float64, order="C")
    finite = np.isfinite(values)
    values[~finite] = values[finite].min() if finite.any() else 0.0
    return values, block


def faces_of(heights: Points) -> Points:
    """The mean of the four corners of every face: (h - 1, w - 1) for (h, w) heights."""
    return (heights[:-1, :-1] + heights[:-1, 1:] + heights[1:, :-1] + heights[1:, 1:]) / 4


def mesh_of(heights: Points, view: View) -> Mesh:
    """Look at heights from a direction, in parallel projection.

    Args:
        heights: (h, w) finite, at least 2 × 2; rows run towards the viewer at azimuth 0.
        view: from where.

    Raises:
        ValueError: there are less than 2 × 2 heights.
    """
    rows, columns = heights.shape
    if rows < 2 or columns < 2:
        raise ValueError(f"{rows} × {columns} heights have no surface; at least 2 × 2 are needed")
    low, high = float(heights.min()), float(heights.max())
    relief = (heights - low) * (RELIEF / (high - low) if high > low else 0.0)
    longest = max(rows, columns) - 1
    x = (np.arange(columns) - (columns - 1) / 2) / longest
    y = (np.arange(rows) - (rows - 1) / 2) / longest
    across, along = np.meshgrid(x, y)
    screen, depth = _project(across, along, relief, view)
    corners = [screen[:-1, :-1], screen[:-1, 1:], screen[1:, 1:], screen[1:, :-1]]
    quads = np.stack(corners, axis=2).reshape(-1, 4, 2)
    far_first = np.argsort((depth[:-1, :-1] + depth[1:, 1:]).ravel(), kind="stable")
    cells = np.stack(np.divmod(far_first, columns - 1), axis=1)
    edge_x, edge_y = x[[0, -1, -1, 0]], y[[0, 0, -1, -1]]
    floor, _ = _project(edge_x, edge_y, np.zeros(4), view)
    top, _ = _project(edge_x, edge_y, np.full(4, RELIEF if high > low else 0.0), view)
    return Mesh(quads[far_first], cells, floor, top, low, high)


def _project(x: Points, y: Points, z: Points, view: View) -> tuple[Points, Points]:
    """Points in space to (..., 2) on the screen, y down, and how near they are."""
    turn, tilt = math.radians(view.azimuth), math.radians(view.elevation)
    right = x * math.cos(turn) - y * math.sin(turn)
    near = x * math.sin(turn) + y * math.cos(turn)
    return np.stack([right, near * math.sin(tilt) - z * math.cos(tilt)], axis=-1), near
