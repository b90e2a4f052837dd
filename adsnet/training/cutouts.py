"""Targets cut out of their frames, to be pasted into crops of others: more scenes with a target than were recorded."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adsnet.targets import label_components

MARGIN = 6
"""Pixels around the mask of a target that are cut out with it."""

LARGEST = 48
"""Side of a mask in pixels above which a target stays where it is."""


class Cutout(NamedTuple):
    """One target without its background."""

    values: NDArray[np.float32]  # (h, w): what it adds to its background; 0 at the edge
    mask: NDArray[np.bool_]  #     (h, w)
    top: int  #                    where it was cut out
    left: int
    contrast: float  #             what it adds at its mask, the mean

    def at(self, top: int, left: int) -> tuple[slice, slice]:
        """Its place in an image."""
        return slice(top, top + self.mask.shape[0]), slice(left, left + self.mask.shape[1])


def cut_out(values: NDArray[Any], mask: NDArray[np.bool_], *, compressed: bool) -> list[Cutout]:
    """The targets of a frame that stand alone, with all of their margin in the frame.

    What a target adds is what it has above a smooth background that is drawn in from around it: all of that up to two
    pixels from its mask, nothing from five on.

    Args:
        values: network input (H, W).
        mask: label (H, W).
        compressed: whether the input is the inverse hyperbolic sine of something linear, or that itself.
    """
    labels, _ = label_components(mask)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        rows, columns = (slice(side.start - MARGIN, side.stop + MARGIN) for side in box)
        inside = min(rows.start, columns.start) >= 0 and rows.stop <= mask.shape[0] and columns.stop <= mask.shape[1]
        if not inside or max(side.stop - side.start for side in box) > LARGEST:
            continue
        own, part = labels[rows, columns] == number, values[rows, columns].astype(np.float32)
        if not np.array_equal(own, mask[rows, columns]):
            continue
        linear = np.sinh(part) if compressed else part
        near = ndimage.binary_dilation(own, iterations=2)
        weight = ndimage.gaussian_filter((~near).astype(np.float32), 2.0)
        behind = ndimage.gaussian_filter(np.where(near, np.float32(0), linear), 2.0) / np.maximum(weight, 1e-3)
        kept = np.clip((MARGIN - 1 - ndimage.distance_transform_edt(~own)) / 3, 0.0, 1.0)
        adds = ((linear - behind) * kept).astype(np.float32)
        if contrast := float(adds[own].mean()):  # a label on a blank frame marks nothing
            found.append(Cutout(adds, own, rows.start, columns.start, contrast))
    return found


def add(part: NDArray[np.float32], values: NDArray[np.float32], *, compressed: bool) -> None:
    """Add what a target adds to a part of an image, in place. ``compressed``: as in ``cut_out``."""
    part[...] = np.arcsinh(np.sinh(part) + values) if compressed else part + values


def paste(
    values: NDArray[np.float32],
    label: NDArray[np.bool_],
    cutout: Cutout,
    random: np.random.Generator,
    *,
    compressed: bool,
) -> None:
    """Add a target at a random place of a crop, by 0.7 to 1.3 of its strength; not where there is one already.

    Args:
        values, label: (S, S), changed in place.
        cutout: the target.
        random: draws the place and the strength.
        compressed: as in ``cut_out``.
    """
    height, width = cutout.mask.shape
    if max(height, width) > min(values.shape):
        return
    strength = np.float32(random.uniform(0.7, 1.3))
    top, left = int(random.integers(len(values) - height + 1)), int(random.integers(len(values) - width + 1))
    window = cutout.at(top, left)
    if label[window].any():
        return
    add(values[window], strength * cutout.values, compressed=compressed)
    label[window] |= cutout.mask
