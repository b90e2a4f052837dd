"""Where a network is wrong in the frames that it is trained further on.

Most of a frame is background that no target crop shows, and the few places in it that look like targets are seldom
drawn. Training that goes on there is known as bootstrapping (Sung and Poggio 1998) or hard negative mining.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adsnet.conventions import STANDARD, count
from adsnet.data.datasets import Dataset
from adsnet.errors import AdsnetError, FrameError, Interrupted
from adsnet.evaluation import PredictFrame
from adsnet.processes import ALONE, Processes
from adsnet.targets import label_components

SUSPECTED = 0.2
"""Probability above which what touches no target is a mistake: less than the mask asks for, to catch what is near."""

Place = tuple[int, int]
"""Row and column of a pixel."""


def find_mistakes(
    dataset: Dataset,
    predict: PredictFrame,
    processes: Processes = ALONE,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    skipped: Callable[[str], None] = lambda text: None,
) -> list[list[Place]]:
    """The mistakes in every frame of a data set; several ``processes`` share the frames and all get the whole list.

    None are known of a frame that cannot be read or predicted; ``skipped`` is told why it could not be predicted.

    Raises:
        Interrupted: stopped; ``should_stop`` is asked after every frame.
    """
    mine: list[list[Place]] = []
    frames = len(dataset.samples)
    for first in range(0, frames, processes.count):
        if processes.any(should_stop()):
            raise Interrupted("stopped before the first step of the training; start it again, with --resume")
        if first + processes.rank < frames:
            mine.append(_in_frame(dataset, first + processes.rank, predict, skipped))
    return processes.all(mine)


def _in_frame(dataset: Dataset, index: int, predict: PredictFrame, skipped: Callable[[str], None]) -> list[Place]:
    try:
        pixels, label = dataset.read(index)
    except AdsnetError:  # told when its crops are made
        return []
    try:
        return mistakes_in(predict(pixels).probability, label)
    except FrameError as error:
        skipped(f"{dataset.samples[index].frame.stem}: {error}; it is trained on all the same")
        return []


def mistakes_in(probability: NDArray[Any], label: NDArray[np.bool_]) -> list[Place]:
    """Targets that are missed, by the matching of the metric, and what is suspected where none is.

    Each is given by its most probable pixel. ``probability``: (H, W) float in 0..1. ``label``: (H, W) bool.
    """
    missed = count(probability > STANDARD.threshold, label, STANDARD).matching.missed
    targets, _ = label_components(label, STANDARD.connectivity)
    suspected, many = label_components(probability > SUSPECTED)
    false = np.setdiff1d(np.arange(1, many + 1), suspected[label])
    return _peaks(probability, targets, [number + 1 for number in missed]) + _peaks(probability, suspected, false)


def _peaks(probability: NDArray[Any], components: NDArray[np.int32], numbers: Any) -> list[Place]:
    """The most probable pixel of each of the numbered components."""
    if not len(numbers):
        return []
    return [(int(row), int(column)) for row, column in ndimage.maximum_position(probability, components, numbers)]
