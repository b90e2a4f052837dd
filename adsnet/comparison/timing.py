"""Times that can be compared: everything in turn on the same frame, round after round, and the median of each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.comparison.contestants import Contestant
from adsnet.detectors.networks import RIVALS, gflop
from adsnet.evaluation import PredictFrame
from adsnet.model.weights import load_any

SIDE = 256
ROUNDS = 15


class Cost(NamedTuple):
    """What a network costs for one 256×256 frame.

    ``gflop``: as it is computed; ``gflop_dense``: without dropped patches. A multiplication and an addition are two.
    """

    seconds: float
    parameters: int
    gflop: float
    gflop_dense: float


def costs(
    entries: Mapping[str, Contestant], progress: Callable[[int, int], object] = lambda done, count: None
) -> dict[str, Cost]:
    """The costs of the networks, each in the fastest type that is exact enough for it. Raises AdsnetError."""
    frame = scene()
    predictors = {name: entry.predict(precision="auto") for name, entry in entries.items()}
    seconds = interleaved({name: (predict, frame) for name, predict in predictors.items()}, progress)
    found = {}
    for name, entry in entries.items():
        assert entry.model is not None
        network, card = load_any(entry.model)
        parameters = sum(p.numel() for p in network.parameters())
        if card.detector in RIVALS:
            done = dense = gflop(network, SIDE)
        else:
            stages = predictors[name](frame).stages
            done, dense = sum(s.gflop_done for s in stages), sum(s.gflop_dense for s in stages)
        found[name] = Cost(seconds[name], parameters, done, dense)
    return found


def interleaved(
    cases: Mapping[str, tuple[PredictFrame, NDArray[np.uint16]]],
    progress: Callable[[int, int], object] = lambda done, count: None,
) -> dict[str, float]:
    """Median compute time of each case in seconds, of one round of warming up and ``ROUNDS`` more."""
    spent: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(ROUNDS + 1):
        for name, (predict, frame) in cases.items():
            seconds = predict(frame).seconds
            if number:
                spent[name].append(seconds)
        progress(number + 1, ROUNDS + 1)
    return {name: statistics.median(values) for name, values in spent.items()}


def scene() -> NDArray[np.uint16]:
    """The frame that is timed: a smooth 16-bit scene with noise and a few targets."""
    side = SIDE
    random = np.random.default_rng(side)
    y, x = np.mgrid[:side, :side]
    values = 8000 + 400 * np.sin(x / 37) * np.cos(y / 53) + random.normal(0, 25, (side, side))
    for row, column in random.integers(4, side - 4, (4, 2)):
        values += 1500 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 3.0)
    return np.asarray(values, np.uint16)
