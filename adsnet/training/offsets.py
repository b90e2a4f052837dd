"""Whether the masks of a data set lie beside its targets by half a pixel, so that its crops must not be turned.

In NUDT-SIRST the mask of a target of middle size lies half a pixel up and left of it (docs/training.md). A network can
learn that, unless crops are turned: then the mask lies to every side of the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adsnet.targets import label_components

AREAS = (1, 10, 40)
"""Areas in pixels from which a target is of the next class of size; a habit of one class is enough."""

BESIDE = 0.35
"""Median offset of a class, in pixels, from which its masks count as half a pixel beside their targets."""

CLEAR = 4.0
"""Contrast, in deviations of its surroundings, from which a target's place is known."""

FEW = 10
"""Clear targets below which a class says nothing."""


def masks_lie_beside(frames: Sequence[tuple[NDArray[Any], NDArray[np.bool_]]]) -> bool:
    """Whether they do in any class of size, by the median over its clear targets.

    Args:
        frames: network input (H, W) of any float type, and label (H, W), of all frames of the set.
    """
    offsets: dict[int, list[NDArray[np.float64]]] = {area: [] for area in AREAS}
    for values, mask in frames:
        for area, offset in _offsets(values, mask):
            offsets[max(least for least in AREAS if area >= least)].append(offset)
    return any(len(found) >= FEW and np.abs(np.median(found, axis=0)).max() > BESIDE for found in offsets.values())


def _offsets(values: NDArray[Any], mask: NDArray[np.bool_]) -> list[tuple[int, NDArray[np.float64]]]:
    """Area of every clear target, and rows and columns from the centre of what stands out to that of the mask."""
    labels, _ = label_components(mask)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        around = tuple(slice(max(0, side.start - 4), side.stop + 4) for side in box)
        own, part = labels[around] == number, values[around].astype(np.float64)
        near = ndimage.binary_dilation(own, iterations=2)
        ring = ndimage.binary_dilation(near, iterations=2) & ~near & ~mask[around]
        if not ring.any():
            continue
        level, spread = np.median(part[ring]), part[ring].std()
        stands_out = np.where(near, np.maximum(np.abs(part - level) - spread, 0.0), 0.0)
        if abs(part[own].mean() - level) > CLEAR * spread and stands_out.any():
            offset = np.subtract(ndimage.center_of_mass(own), ndimage.center_of_mass(stands_out))
            found.append((int(own.sum()), offset))
    return found
