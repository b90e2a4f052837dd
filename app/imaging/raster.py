"""Pixel-exact shapes: what a tool covers, as a box and a boolean array clipped to the frame.

Image coordinates have x to the right and y down, and the centre of a pixel is at whole numbers: pixel
(row r, column c) covers [c - 0.5, c + 0.5) × [r - 0.5, r + 0.5). Masks and pixels are (rows, columns).
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BoolArray = NDArray[np.bool_]
Box = tuple[int, int, int, int]
"""(x, y, w, h): first column, first row, columns, rows; whole pixels."""
Shape = tuple[int, int]
"""(rows, columns) of the frame."""

MAX_BRUSH = 256
_EIGHT = np.ones((3, 3), np.bool_)
_REACH = 32  # pixels around a position where its component is looked for first
_SPARSE = 16  # of so many pixels around all targets less than one is set: then only those are looked at
_FOUR = ndimage.generate_binary_structure(2, 1).astype(np.uint8)


class Footprint(NamedTuple):
    """The pixels that a shape covers.

    Attributes:
        box: (x, y, w, h) inside the frame; w or h is 0 when the shape lies outside it.
        pixels: (h, w) bool, True where the shape covers a pixel.
    """

    box: Box
    pixels: BoolArray

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is covered."""
        return not self.pixels.any()


def clip_box(box: Box, shape: Shape) -> Box:
    """The part of ``box`` inside a frame of ``shape``; w or h is 0 where nothing is left."""
    x, y, w, h = box
    left, top = min(max(x, 0), shape[1]), min(max(y, 0), shape[0])
    right, bottom = min(max(x + w, left), shape[1]), min(max(y + h, top), shape[0])
    return left, top, right - left, bottom - top


def join_boxes(first: Box | None, second: Box) -> Box:
    """The smallest box that holds both; empty boxes and None count for nothing."""
    if first is None or first[2] == 0 or first[3] == 0:
        return second
    if second[2] == 0 or second[3] == 0:
        return first
    x, y = min(first[0], second[0]), min(first[1], second[1])
    right = max(first[0] + first[2], second[0] + second[2])
    bottom = max(first[1] + first[3], second[1] + second[3])
    return x, y, right - x, bottom - y


def box_slices(box: Box) -> tuple[slice, slice]:
    """(rows, columns) of the box for indexing an array."""
    x, y, w, h = box
    return slice(y, y + h), slice(x, x + w)


def set_pixels(mask: BoolArray, box: Box, changed: BoolArray, values: BoolArray) -> None:
    """Set the ``changed`` pixels of a box of a mask (H, W) to their ``values``, (h, w) both, in place.

    By bits: to choose pixel by pixel takes ten times as long.
    """
    part = mask[box_slices(box)]
    part &= ~changed
    part |= values & changed


def box_of(mask: BoolArray) -> Box | None:
    """The smallest box that holds all True pixels of an (H, W) mask, or None when there is none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1])
    columns = np.flatnonzero(mask[top : bottom + 1].any(axis=0))
    left, right = int(columns[0]), int(columns[-1])
    return left, top, right - left + 1, bottom - top + 1


@functools.lru_cache(maxsize=MAX_BRUSH)
def disk(diameter: int) -> BoolArray:
    """The footprint of the brush: pixels of a d × d square whose centre is within d / 2 of its middle; read-only.

    A diameter of 1 is one pixel, 2 is 2×2, 3 is 3×3, 4 is 4×4 without its corners.

    Raises:
        ValueError: the diameter is not within 1..256.
    """
    if not 1 <= diameter <= MAX_BRUSH:
        raise ValueError(f"a brush of {diameter} pixels is not possible; it must be 1 to {MAX_BRUSH}")
    # Doubled distances keep even diameters, whose middle is a pixel corner, in whole numbers.
    offsets = 2 * np.arange(diameter) - (diameter - 1)
    footprint: BoolArray = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= diameter**2
    footprint.setflags(write=False)
    return footprint


def _corner(position: float, diameter: int) -> int:
    """First row or column of the brush square at a position: the square whose middle is nearest, ties upwards."""
    return math.floor(position - (diameter - 1) / 2 + 0.5)


def _stamp(into: BoolArray, piece: BoolArray, row: int, column: int) -> None:
    """OR ``piece`` with its corner at (row, column), clipped, into ``into``."""
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + piece.shape[0], into.shape[0]), min(column + piece.shape[1], into.shape[1])
    if top < bottom and left < right:
        into[top:bottom, left:right] |= piece[top - row : bottom - row, left - column : right - column]


def brush(x: float, y: float, *, diameter: int, shape: Shape) -> Footprint:
    """The brush at a position: exactly what a click paints, so the cursor shows this too."""
    return line(x, y, x, y, diameter=diameter, shape=shape)


def line(x0: float, y0: float, x1: float, y1: float, *, diameter: int, shape: Shape) -> Footprint:
    """The brush moved from one position to another without gaps: the union of its footprints on the way."""
    piece = disk(diameter)
    column0, row0 = _corner(x0, diameter), _corner(y0, diameter)
    column1, row1 = _corner(x1, diameter), _corner(y1, diameter)
    wanted = (min(column0, column1), min(row0, row1), abs(column1 - column0) + diameter, abs(row1 - row0) + diameter)
    box = clip_box(wanted, shape)
    pixels = np.zeros((box[3], box[2]), np.bool_)
    if pixels.size == 0:
        return Footprint(box, pixels)
    steps = max(abs(column1 - column0), abs(row1 - row0), 1)
    for step in range(steps + 1):
        # Whole-number rounding: the same line has the same pixels wherever it lies.
        row = row0 + (2 * step * (row1 - row0) + steps) // (2 * steps)
        column = column0 + (2 * step * (column1 - column0) + steps) // (2 * steps)
        _stamp(pixels, piece, row - box[1], column - box[0])
    return Footprint(box, pixels)


def rectangle(x0: float, y0: float, x1: float, y1: float, *, shape: Shape) -> Footprint:
    """All pixels from the one under (x0, y0) to the one under (x1, y1), both included, in any order of corners."""
    left, right = sorted((math.floor(x0 + 0.5), math.floor(x1 + 0.5)))
    top, bottom = sorted((math.floor(y0 + 0.5), math.floor(y1 + 0.5)))
    box = clip_box((left, top, right - left + 1, bottom - top + 1), shape)
    return Footprint(box, np.ones((box[3], box[2]), np.bool_))


def polygon(vertices: NDArray[Any], *, shape: Shape) -> Footprint:
    """The pixels whose centre is inside or exactly on a closed polygon, by the even-odd rule.

    Args:
        vertices: (N, 2) finite numbers, x and y; the last vertex is joined to the first. Fewer than three vertices
            cover only the pixel centres that the points or the line go through exactly.
        shape: (H, W) of the frame.

    Raises:
        ValueError: the vertices are not (N, 2) or not finite.
    """
    points = np.asarray(vertices, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError("polygon vertices must be finite and of shape (N, 2)")
    if len(points) == 0:
        return Footprint((0, 0, 0, 0), np.zeros((0, 0), np.bool_))
    low, high = np.ceil(points.min(axis=0)), np.floor(points.max(axis=0))
    # Far vertices would overflow whole numbers; nothing beyond the frame matters.
    left, top = (int(v) for v in np.clip(low, 0, (shape[1], shape[0])))
    right, bottom = (int(v) for v in np.clip(high, -1, (shape[1] - 1, shape[0] - 1)))
    box = (left, top, max(right - left + 1, 0), max(bottom - top + 1, 0))
    pixels = np.zeros((box[3], box[2]), np.bool_)
    if pixels.size == 0:
        return Footprint(box, pixels)
    # One extra column takes the crossings to the right of the box.
    toggles = np.zeros((box[3], box[2] + 1), np.bool_)
    on_outline = np.zeros_like(pixels)
    for (xa, ya), (xb, yb) in zip(points - (left, top), np.roll(points, -1, axis=0) - (left, top), strict=True):
        _scan_edge(xa, ya, xb, yb, toggles=toggles, on_outline=on_outline)
    pixels = np.logical_xor.accumulate(toggles, axis=1)[:, :-1] | on_outline
    return Footprint(box, pixels)


def _scan_edge(xa: float, ya: float, xb: float, yb: float, *, toggles: BoolArray, on_outline: BoolArray) -> None:
    """Flip ``toggles`` where each row crosses the edge and mark the pixel centres that lie on it."""
    height, width = on_outline.shape
    if ya == yb:
        if ya == math.floor(ya) and 0 <= ya < height:
            first, last = max(math.ceil(min(xa, xb)), 0), min(math.floor(max(xa, xb)), width - 1)
            on_outline[int(ya), first : max(last + 1, first)] = True
        return
    if ya > yb:
        xa, ya, xb, yb = xb, yb, xa, ya
    rows = np.arange(max(math.ceil(ya), 0), min(math.floor(yb), height - 1) + 1)
    if rows.size == 0:
        return
    crossings = xa + (rows - ya) * (xb - xa) / (yb - ya)  # this order is exact for whole numbers
    exact = (crossings == np.floor(crossings)) & (crossings >= 0) & (crossings < width)
    on_outline[rows[exact], crossings[exact].astype(np.int64)] = True
    inside = rows < yb  # half open, so that two edges meeting in a row cross it once
    columns = np.clip(np.ceil(crossings[inside]), 0, width).astype(np.int64)
    toggles[rows[inside], columns] ^= True


def component_at(mask: BoolArray, x: float, y: float, *, within: int | None = None) -> Footprint | None:
    """The 8-connected target of an (H, W) mask under a position, or None where the mask is not set.

    ``within``: also None where it reaches farther than so many rows or columns, at least ``_REACH``: to follow one over
    the whole of a large frame takes long.
    """
    row, column = math.floor(y + 0.5), math.floor(x + 0.5)
    if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]) or not mask[row, column]:
        return None
    reach = _REACH
    while True:
        # A component that does not touch the border of a window is the whole one: no need to look at a large frame.
        top, left = max(row - reach, 0), max(column - reach, 0)
        window = mask[top : row + reach + 1, left : column + reach + 1]
        found = _component(window, row - top, column - left, left=left, top=top)
        x, y, w, h = found.box
        beyond = (
            (x == left and left > 0)
            or (y == top and top > 0)
            or (x + w == left + window.shape[1] and x + w < mask.shape[1])
            or (y + h == top + window.shape[0] and y + h < mask.shape[0])
        )
        if not beyond:
            return found
        if within is not None and reach >= within:
            return None
        reach *= 4


def _component(mask: BoolArray, row: int, column: int, *, left: int, top: int) -> Footprint:
    labels, _ = ndimage.label(mask, structure=_EIGHT)
    chosen: BoolArray = labels == labels[row, column]
    x, y, w, h = box_of(chosen) or (0, 0, 0, 0)
    return Footprint((x + left, y + top, w, h), np.ascontiguousarray(chosen[y : y + h, x : x + w]))


def half_height(pixels: NDArray[Any], x: float, y: float) -> float:
    """The tolerance that cuts half way between the clicked pixel and its surroundings.

    Args:
        pixels: (H, W) uint8, uint16 or float32.
        x, y: a position inside the frame; one outside counts as the nearest pixel.

    Returns:
        Half the distance between the pixel and the median of the 21 × 21 window around it, at least 0.
    """
    row, column = _nearest(pixels, x, y)
    window = pixels[max(row - 10, 0) : row + 11, max(column - 10, 0) : column + 11]
    return abs(float(pixels[row, column]) - float(np.median(window))) / 2


def wand(
    pixels: NDArray[Any],
    x: float,
    y: float,
    *,
    tolerance: float | None = None,
    hot: bool = True,
    reach: int = 64,
) -> Footprint:
    """The 8-connected pixels around a click that have a similar value.

    Args:
        pixels: (H, W) uint8, uint16 or float32.
        x, y: the click; one outside the frame gives an empty footprint.
        tolerance: in pixel values; None takes ``half_height``.
        hot: take pixels of at least the clicked value minus the tolerance, as a hot target is brighter in its
            middle; else pixels within the tolerance to both sides.
        reach: the farthest row or column from the click that is looked at.
    """
    row, column = math.floor(y + 0.5), math.floor(x + 0.5)
    if not (0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]):
        return Footprint((0, 0, 0, 0), np.zeros((0, 0), np.bool_))
    allowed = half_height(pixels, x, y) if tolerance is None else max(float(tolerance), 0.0)
    top, left = max(row - reach, 0), max(column - reach, 0)
    window = pixels[top : row + reach + 1, left : column + reach + 1].astype(np.float64)
    seed = window[row - top, column - left]
    similar = window >= seed - allowed if hot else np.abs(window - seed) <= allowed
    return _component(similar, row - top, column - left, left=left, top=top)


def _nearest(pixels: NDArray[Any], x: float, y: float) -> tuple[int, int]:
    row = min(max(math.floor(y + 0.5), 0), pixels.shape[0] - 1)
    column = min(max(math.floor(x + 0.5), 0), pixels.shape[1] - 1)
    return row, column


def grow(mask: BoolArray) -> BoolArray:
    """The mask with every 4-neighbour of its pixels added; a new (H, W) array."""
    return _morph(mask, growing=True)


def shrink(mask: BoolArray) -> BoolArray:
    """The mask without the pixels that have a 4-neighbour outside it; a new (H, W) array.

    The frame border does not count as outside, so a target cut by the border keeps its pixels there.
    """
    return _morph(mask, growing=False)


def _morph(mask: BoolArray, *, growing: bool) -> BoolArray:
    """What is beyond the border of the frame changes nothing: OpenCV's own rule where no other is named."""
    import cv2  # the window starts without it

    if mask.size == 0:
        return mask.copy()
    kind = cv2.MORPH_DILATE if growing else cv2.MORPH_ERODE
    changed = cv2.morphologyEx(np.ascontiguousarray(mask).view(np.uint8), kind, _FOUR)
    return np.asarray(changed, np.uint8).view(np.bool_)


def outline(mask: BoolArray) -> NDArray[np.float32]:
    """The borders between set and unset pixels as straight pieces, for drawing at any zoom.

    Returns:
        (N, 2, 2) float32: start and end of each piece, x and y each, in image coordinates (pixel edges are at halves).
        Pieces along one row or column edge are joined. Empty (0, 2, 2) for an empty mask.
    """
    box = box_of(mask)
    if box is None:
        return np.zeros((0, 2, 2), np.float32)
    x, y, w, h = box
    padded = np.pad(mask[box_slices(box)], 1)
    # Edges between rows, and between columns: (line, first, end).
    if np.count_nonzero(padded) * _SPARSE < w * h:
        across, down = _sparse_runs(padded)
    else:
        across, down = _runs(padded[1:, :] != padded[:-1, :]), _runs((padded[:, 1:] != padded[:, :-1]).T)
    pieces = np.empty((len(across) + len(down), 2, 2), np.float32)
    shift_x, shift_y = x - 0.5, y - 0.5
    # Row edge i of the padded box is the upper border of its inner row i; its columns start one before the box.
    pieces[: len(across), 0] = np.column_stack([across[:, 1] - 1 + shift_x, across[:, 0] + shift_y])
    pieces[: len(across), 1] = np.column_stack([across[:, 2] - 1 + shift_x, across[:, 0] + shift_y])
    pieces[len(across) :, 0] = np.column_stack([down[:, 0] + shift_x, down[:, 1] - 1 + shift_y])
    pieces[len(across) :, 1] = np.column_stack([down[:, 0] + shift_x, down[:, 2] - 1 + shift_y])
    return pieces


def _runs(edges: BoolArray) -> NDArray[np.int64]:
    """Runs of True along the rows of ``edges``: (N, 3) of row, first column, column after the last."""
    height, width = edges.shape
    padded = np.zeros((height, width + 2), np.bool_)
    padded[:, 1:-1] = edges
    # Within a row a run begins and ends by turns; the search for them in one dimension is the fast one.
    rows, columns = np.divmod(np.flatnonzero(padded[:, 1:] != padded[:, :-1]), width + 1)
    return np.column_stack([rows[::2], columns[::2], columns[1::2]])


def _sparse_runs(padded: BoolArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same for both directions by a look at the set pixels alone, none of which lies at the border."""
    height, width = padded.shape
    flat = padded.ravel()
    pixels = np.flatnonzero(flat)
    # An edge between rows has the number of the pixel above it, one between columns of the pixel left of it.
    rows = np.concatenate([pixels[~flat[pixels - width]] - width, pixels[~flat[pixels + width]]])
    columns = np.concatenate([pixels[~flat[pixels - 1]] - 1, pixels[~flat[pixels + 1]]])
    down = np.divmod(columns, width)
    return _joined(rows, width), _joined(down[1] * height + down[0], height)


def _joined(edges: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Runs of edges that follow each other in lines of this length: (N, 3) of line, first place, place after the last.

    ``edges``: line · ``length`` + place of each, in any order; none at the end of a line, so that no run goes on there.
    """
    order = np.sort(edges)
    starts = np.flatnonzero(np.diff(order, prepend=-2) != 1)
    ends = np.append(starts[1:], len(order)) - 1
    line, first = np.divmod(order[starts], length)
    return np.column_stack([line, first, order[ends] - line * length + 1])
