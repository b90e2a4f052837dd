"""What the frame has at one place: its value there, and how a target there stands out from its surroundings."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.prediction import BoolMap
from adsnet.targets import SCR_MARGIN, LocalContrast, local_contrast
from app.imaging.raster import Box, component_at

_FARTHEST = 256  # a target that reaches farther from the pointer is measured as if there were none
_BLOCK = 1  # pixels around the pointer that are taken for a target where there is none


class Reading(NamedTuple):
    """The pixel at a place and the local contrast there, in native values.

    ``on_target``: the contrast is that of the target at this place; else that of the 3 × 3 pixels around it.
    """

    row: int
    column: int
    value: float
    contrast: LocalContrast
    on_target: bool


def contrast_of(pixels: NDArray[Any], box: Box, target: BoolMap) -> LocalContrast:
    """``local_contrast`` of a target that is given by its ``box`` = (x, y, w, h) and an (h, w) mask in it.

    It costs what the surroundings have in pixels, however large the frame (H, W) is.
    """
    x, y, w, h = box
    top, left = max(y - SCR_MARGIN, 0), max(x - SCR_MARGIN, 0)
    window = pixels[top : y + h + SCR_MARGIN, left : x + w + SCR_MARGIN]
    mask = np.zeros(window.shape, np.bool_)
    mask[y - top : y - top + h, x - left : x - left + w] = target
    return local_contrast(window, mask)


def read_at(pixels: NDArray[Any], x: float, y: float, *, masks: tuple[BoolMap | None, ...] = ()) -> Reading | None:
    """Read a frame at a position.

    Args:
        pixels: (H, W) uint8, uint16 or float32.
        x, y: image coordinates; the centre of a pixel is a whole number.
        masks: (H, W) each, of targets; the first one that has a target here says which pixels it has.

    Returns:
        None outside the frame.
    """
    row, column = math.floor(y + 0.5), math.floor(x + 0.5)
    height, width = pixels.shape
    if not (0 <= row < height and 0 <= column < width):
        return None
    value = float(pixels[row, column])
    for mask in masks:
        found = component_at(mask, x, y, within=_FARTHEST) if mask is not None and mask.shape == pixels.shape else None
        if found is not None:
            return Reading(row, column, value, contrast_of(pixels, found.box, found.pixels), True)
    top, left = max(row - _BLOCK, 0), max(column - _BLOCK, 0)
    w, h = min(column + _BLOCK + 1, width) - left, min(row + _BLOCK + 1, height) - top
    return Reading(row, column, value, contrast_of(pixels, (left, top, w, h), np.ones((h, w), np.bool_)), False)
