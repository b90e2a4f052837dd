"""Frames taken apart into background and targets, and put together again with the background mirrored under them.

Crops of a set whose masks lie beside its targets must not be turned (``adsnet/training/offsets.py``), so a network
soon knows its few backgrounds by heart. Backgrounds alone can be mirrored: each target stays as it is, at the place
where its mirrored surroundings are, and its mask beside it as before. A target can also change for one of another
frame, of the same contrast: as many targets at places as plausible as in the data set, which pasted ones are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.targets import label_components
from adsnet.training.cutouts import Cutout, add

FAINTEST = 0.4
"""What is left of the contrast of a target that fades, at least."""


class Scene(NamedTuple):
    """One frame in its parts."""

    background: NDArray[Any]  # (H, W): network input without the targets
    targets: list[Cutout]


def take_apart(
    values: NDArray[Any], mask: NDArray[np.bool_], targets: list[Cutout], *, compressed: bool
) -> Scene | None:
    """The parts of a frame; None where a target is not among those that were cut out.

    ``targets``: what ``cut_out`` gives for the other arguments.
    """
    if len(targets) < label_components(mask)[1]:
        return None
    background = values.astype(np.float32)
    for target in targets:
        add(background[target.at(target.top, target.left)], -target.values, compressed=compressed)
    return Scene(background.astype(values.dtype), targets)


def put_together(
    scene: Scene,
    others: Sequence[Cutout],
    swapped: float,
    random: np.random.Generator,
    *,
    compressed: bool,
    faded: float = 0.0,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The frame (H, W) and its label, with the background mirrored up and down, left and right, both or not at all.

    Args:
        scene: the parts.
        others: what targets can change for.
        swapped: share of the targets that change.
        random: draws the side and the targets.
        compressed: as in ``cut_out``.
        faded: share of the targets of which ``FAINTEST`` to all of the contrast is left.
    """
    down, right = random.random(2) < 0.5
    values = scene.background[:: -1 if down else 1, :: -1 if right else 1].astype(np.float32)
    label = np.zeros(values.shape, dtype=np.bool_)
    for target in scene.targets:
        height, width = target.mask.shape
        top = len(values) - height - target.top if down else target.top
        left = values.shape[1] - width - target.left if right else target.left
        chosen = _other_like(target, others, random) if random.random() < swapped else target
        # Around the same centre, as far as that lies in the frame.
        top = _inside(top + (height - chosen.mask.shape[0]) // 2, chosen.mask.shape[0], len(values))
        left = _inside(left + (width - chosen.mask.shape[1]) // 2, chosen.mask.shape[1], values.shape[1])
        window = chosen.at(top, left)
        strength = target.contrast / chosen.contrast
        # Where none fades nothing is drawn for it: the crops of such a run are those that they always were.
        if faded and random.random() < faded:
            strength *= random.uniform(FAINTEST, 1.0)
        add(values[window], chosen.values * strength, compressed=compressed)
        label[window] |= chosen.mask
    return values, label


def _inside(start: int, size: int, whole: int) -> int:
    return max(0, min(start, whole - size))


def _other_like(target: Cutout, others: Sequence[Cutout], random: np.random.Generator) -> Cutout:
    """Another target that covers the place of this one and differs less than twofold in contrast; itself if none."""
    height, width = target.mask.shape
    like = [
        other
        for other in others
        if height <= other.mask.shape[0] <= 2 * height
        and width <= other.mask.shape[1] <= 2 * width
        and 0.5 < target.contrast / other.contrast < 2
    ]
    return like[random.integers(len(like))] if like else target
