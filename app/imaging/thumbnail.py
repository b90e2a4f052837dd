"""Small pictures of maps and masks, in which a target of one pixel is still there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.prediction import BoolMap, Decision, FloatMap
from app.imaging.colours import PREDICTION
from app.imaging.overlay import Rgba, heat_rgba
from app.imaging.render import Levels, to_rgba

SIDE = 160
"""Pixels of the longer side at most."""

_DROPPED_SHARE = 0.3  # of its brightness that a dropped patch has left


def strongest(values: NDArray[Any], side: int = SIDE) -> NDArray[Any]:
    """The largest value of each block of a map (h, w), at most ``side`` blocks along the longer side."""
    step = max(1, -(-max(values.shape) // side))
    return _largest(_largest(values, step).T, step).T


def _largest(values: NDArray[Any], step: int) -> NDArray[Any]:
    """The largest of every ``step`` rows; the last block may have fewer."""
    # A row at a time: many times faster than a reduction over blocks.
    largest = values[::step].copy()
    for first in range(1, step):
        rows = values[first::step]
        np.maximum(largest[: len(rows)], rows, out=largest[: len(rows)])
    return largest


def frame_rgba(pixels: NDArray[Any], levels: Levels, *, colour_map: str, gamma: float) -> Rgba:
    """A frame (H, W) of native values as it is displayed."""
    return to_rgba(np.ascontiguousarray(strongest(pixels)), levels, colour_map=colour_map, gamma=gamma)


def map_rgba(values: FloatMap) -> Rgba:
    """A map (h, w) of 0..1 in colour, opaque, with its own smallest and largest value at the ends."""
    blocks = strongest(values)
    low, high = float(blocks.min()), float(blocks.max())
    scaled = (blocks - low) / max(high - low, 1e-6)
    shape = (int(scaled.shape[0]), int(scaled.shape[1]))
    return heat_rgba(scaled.astype(np.float32), padded_shape=shape, shape=shape, opacity=1.0, clear_low=False)


def decision_rgba(decision: Decision) -> Rgba:
    """The keep probabilities of the patches, 0..1 in colour; dropped patches are dark."""
    keep = decision.keep_probability
    shape = (int(keep.shape[0]), int(keep.shape[1]))
    image = heat_rgba(keep, padded_shape=shape, shape=shape, opacity=1.0, clear_low=False)
    dropped = ~decision.kept
    image[dropped, :3] = (image[dropped, :3] * _DROPPED_SHARE).astype(np.uint8)
    return image


def mask_rgba(mask: BoolMap) -> Rgba:
    """A mask (H, W) on black; every target is at least one pixel large."""
    blocks = strongest(mask)
    image = np.zeros((*blocks.shape, 4), np.uint8)
    image[..., 3] = 255
    image[blocks, :3] = PREDICTION
    return image
