"""Where a network is wrong in the frames that it is trained further on.

Most of a frame is background that no target crop shows, and the few places in it that look like targets are seldom
drawn. Training that goes on there is known as bootstrapping (Sung and Poggio 1998) or hard negative mining.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.conventions import STANDARD, count
from adsnet.evaluation import PredictFrame
from adsnet.targets import label_components

SUSPECTED = 0.2
"""Probability above which a pixel without a target is a mistake: less than the mask asks for, to catch what is near."""


class Place(NamedTuple):
    """A pixel of a frame."""

    row: int
    column: int


FindMistakes = Callable[[NDArray[Any], NDArray[np.bool_]], list[Place]]
"""From a frame as it was read (H, W) and its label (H, W)."""


def mistakes_of(predict: PredictFrame) -> FindMistakes:
    """What a network is wrong about: targets that it misses and what it takes for one, by the matching of the metric.

    Each is given by its most probable pixel.
    """

    def find(pixels: NDArray[Any], label: NDArray[np.bool_]) -> list[Place]:
        probability = predict(pixels).probability
        missed = count(probability > STANDARD.threshold, label, STANDARD).matching.missed
        suspected = probability > SUSPECTED
        false = count(suspected, label, STANDARD).matching.false
        return _peaks(probability, label, missed) + _peaks(probability, suspected, false)

    return find


def _peaks(probability: NDArray[Any], mask: NDArray[np.bool_], chosen: tuple[int, ...]) -> list[Place]:
    """The most probable pixels of some components of a mask."""
    numbers, _ = label_components(mask)
    places = []
    for which in chosen:
        peak = int(np.argmax(np.where(numbers == which + 1, probability, -1.0)))
        places.append(Place(*(int(place) for place in np.unravel_index(peak, mask.shape))))
    return places
