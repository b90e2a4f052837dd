"""What is laid over a frame, as RGBA images.

All results are (h, w, 4) uint8, red, green, blue and straight (not premultiplied) opacity. The functions take
slices of masks as well as whole ones, so that only the changed rectangle is coloured again after an edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from adsnet.prediction import BoolMap, Decision, FloatMap
from adsnet.targets import Target, locate_targets, match_targets
from app.imaging.colours import FALSE_ALARM, FOUND, MISSED, RGB
from app.imaging.colours import colour_map as table_of
from app.imaging.raster import Box, box_slices

Rgba = NDArray[np.uint8]


def _alpha(opacity: float) -> int:
    return round(255 * min(max(float(opacity), 0.0), 1.0))


def _paint(shown: BoolMap, colour: RGB, opacity: float) -> Rgba:
    table = np.zeros((2, 4), np.uint8)
    table[1] = (*colour, _alpha(opacity))
    # Four bytes at a time: one lookup for each pixel.
    packed = table.view(np.uint32)[:, 0][shown.view(np.uint8)]
    return packed.view(np.uint8).reshape(*shown.shape, 4)


def mask_rgba(mask: BoolMap, *, colour: RGB, opacity: float) -> Rgba:
    """The set pixels of an (h, w) mask in one colour, the others clear."""
    return _paint(np.ascontiguousarray(mask), colour, opacity)


def outline_rgba(mask: BoolMap, *, colour: RGB, opacity: float) -> Rgba:
    """The set pixels of an (h, w) mask that touch an unset one, by 4-neighbours; the array border is not unset.

    Targets of a few pixels are all outline; ``raster.outline`` draws between the pixels instead.
    """
    padded = np.pad(mask, 1, constant_values=True)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return _paint(mask & ~inner, colour, opacity)


def dropped_rgba(decision: Decision, *, shape: tuple[int, int], colour: RGB, opacity: float) -> Rgba:
    """Shades what the next stage does not compute.

    Args:
        decision: its ``kept`` patches stay clear.
        shape: (H, W) of the frame.
        colour, opacity: of the dropped patches.
    """
    dropped = np.zeros(shape, np.bool_)
    rows = np.repeat(~decision.kept, np.diff(decision.row_edges), axis=0)
    patches = np.repeat(rows, np.diff(decision.column_edges), axis=1)[: shape[0], : shape[1]]
    dropped[: patches.shape[0], : patches.shape[1]] = patches
    return _paint(dropped, colour, opacity)


def patch_lines(decision: Decision) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the borders of the patches lie in image coordinates: y of the row borders, x of the column borders."""
    return decision.row_edges.astype(np.float64) - 0.5, decision.column_edges.astype(np.float64) - 0.5


def spread(
    values: FloatMap, *, padded_shape: tuple[int, int], shape: tuple[int, int], smooth: bool = False
) -> FloatMap:
    """A stage map at the resolution of the frame.

    Args:
        values: (h, w) float32 over the padded frame; may be empty.
        padded_shape: (Hp, Wp) that ``values`` covers.
        shape: (H, W) of the frame, the top left part of the padded one.
        smooth: interpolate between the middles of cells; else each pixel shows the cell it lies in.

    Returns:
        (H, W) float32; zeros when ``values`` is empty.
    """
    if values.size == 0:
        return np.zeros(shape, np.float32)
    positions = [
        (np.arange(side, dtype=np.float64) + 0.5) * cells / padded
        for side, cells, padded in zip(shape, values.shape, padded_shape, strict=True)
    ]
    if not smooth:
        rows, columns = (
            np.minimum(p.astype(np.int64), cells - 1) for p, cells in zip(positions, values.shape, strict=True)
        )
        nearest: FloatMap = values[rows[:, None], columns]
        return nearest
    down = _between(values, positions[0])
    return np.ascontiguousarray(_between(down.T, positions[1]).T)


def _between(values: FloatMap, positions: NDArray[np.float64]) -> FloatMap:
    """Rows of ``values`` interpolated at ``positions``, where row r has its middle at r + 0.5."""
    last = values.shape[0] - 1
    place = np.clip(positions - 0.5, 0, last)
    lower = place.astype(np.int64)
    upper = np.minimum(lower + 1, last)
    part = (place - lower).astype(np.float32)[:, None]
    between: FloatMap = values[lower] * (1 - part) + values[upper] * part
    return between


def heat_rgba(
    values: FloatMap,
    *,
    padded_shape: tuple[int, int],
    shape: tuple[int, int],
    opacity: float,
    colour_map: str = "inferno",
    smooth: bool = False,
    clear_low: bool = True,
) -> Rgba:
    """An attention or probability map in colour over the frame.

    Args:
        values: (h, w) float32 in 0..1; what lies beyond is clipped, what is not finite counts as 0.
        padded_shape, shape, smooth: as in ``spread``.
        opacity: of the largest values.
        colour_map: one of ``COLOUR_MAPS``.
        clear_low: let the opacity rise with the value, so that the frame shows where the map is low.
    """
    # Colouring the few cells and spreading the result is cheaper than the other way round, unless smoothed.
    if smooth:
        values, padded_shape = spread(values, padded_shape=padded_shape, shape=shape, smooth=True), shape
    index: NDArray[np.uint8] = np.zeros(values.shape, np.uint8)
    if values.size:
        cv2.multiply(values, 255.0, dst=index, dtype=cv2.CV_8U)  # type: ignore[call-overload]
    table = np.empty((256, 4), np.uint8)
    table[:, :3] = table_of(colour_map)
    rise = np.linspace(0.0, 1.0, 256) if clear_low else np.ones(256)
    table[:, 3] = np.floor(_alpha(opacity) * rise + 0.5)
    packed = np.take(table.view(np.uint32)[:, 0], index)
    if index.size == 0:
        return np.zeros((*shape, 4), np.uint8)
    if not smooth:
        rows, columns = (
            ((2 * np.arange(side) + 1) * cells // (2 * padded)).clip(0, cells - 1)
            for side, cells, padded in zip(shape, index.shape, padded_shape, strict=True)
        )
        packed = packed[rows[:, None], columns]
    return np.ascontiguousarray(packed).view(np.uint8).reshape(*shape, 4)


class Marked(NamedTuple):
    """Targets of one verdict."""

    pixels: BoolMap  #         (H, W)
    boxes: tuple[Box, ...]  # around each of them


@dataclass(frozen=True)
class Verdicts:
    """A label and a prediction compared target by target, by the matching rule of ``adsnet.targets``.

    Attributes:
        found: predicted targets that match a labelled one.
        missed: labelled targets that nothing matches.
        false_alarm: predicted targets that match nothing.
    """

    found: Marked
    missed: Marked
    false_alarm: Marked

    @property
    def boxes(self) -> dict[str, tuple[Box, ...]]:
        """The boxes of each kind."""
        return {"found": self.found.boxes, "missed": self.missed.boxes, "false_alarm": self.false_alarm.boxes}

    @property
    def counts(self) -> dict[str, int]:
        """Number of targets of each kind."""
        return {kind: len(boxes) for kind, boxes in self.boxes.items()}


def verdicts(label: BoolMap, predicted: BoolMap) -> Verdicts:
    """Compare two (H, W) masks of one frame."""
    labelled, predictions = locate_targets(label), locate_targets(predicted)
    matching = match_targets(labelled[1], predictions[1])
    return Verdicts(
        found=_marked(*predictions, [prediction for _, prediction in matching.pairs]),
        missed=_marked(*labelled, matching.missed),
        false_alarm=_marked(*predictions, matching.false),
    )


def _marked(numbers: NDArray[np.int32], targets: Sequence[Target], wanted: Iterable[int]) -> Marked:
    """The targets with these positions. Nothing else is touched: in a large frame they take a thousandth of it."""
    pixels, boxes = np.zeros(numbers.shape, np.bool_), []
    for position in wanted:
        box = targets[position].bbox
        pixels[box_slices(box)] |= numbers[box_slices(box)] == position + 1
        boxes.append(box)
    return Marked(pixels, tuple(boxes))


def verdict_rgba(compared: Verdicts, *, opacity: float) -> Rgba:
    """Found, missed and false targets in their colours; a missed pixel lies over a false one."""
    image = np.zeros((*compared.found.pixels.shape, 4), np.uint8)
    layers = (compared.found, FOUND), (compared.false_alarm, FALSE_ALARM), (compared.missed, MISSED)
    for marked, colour in layers:
        for box in map(box_slices, marked.boxes):
            image[box][marked.pixels[box]] = (*colour, _alpha(opacity))
    return image
