"""The mistakes of a network: what it misses and what it takes for a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.prediction import Prediction
from adsnet.training.mistakes import SUSPECTED, mistakes_of


def predicted(probability: NDArray[np.float32]) -> Prediction:
    return Prediction(probability, (), (), probability.shape, 0.0, "test", "test", "test")


def test_a_missed_target_and_a_false_alarm_are_given_by_their_peaks() -> None:
    label = np.zeros((40, 50), np.bool_)
    label[3:6, 4:7] = True  # found
    label[20:23, 30:34] = True  # missed: only suspected
    label[35, 45] = True  # missed altogether
    probability = np.zeros(label.shape, np.float32)
    probability[3:6, 4:7] = 0.9
    probability[21, 31] = 0.4
    probability[30:32, 10:13] = SUSPECTED + 0.1  # a false alarm, though below the threshold of the mask
    probability[31, 12] = 0.45
    probability[10, 40] = SUSPECTED  # not quite

    def predict(pixels: NDArray[Any]) -> Prediction:
        assert pixels is frame
        return predicted(probability)

    frame = np.zeros(label.shape, np.uint16)
    assert mistakes_of(predict)(frame, label) == [(21, 31), (35, 45), (31, 12)]


def test_a_network_that_is_right_makes_none() -> None:
    label = np.zeros((20, 20), np.bool_)
    label[5:8, 5:8] = True
    for mask in (label, np.zeros_like(label)):
        find = mistakes_of(lambda pixels, mask=mask: predicted(mask.astype(np.float32)))  # type: ignore[misc]
        assert find(np.zeros(label.shape, np.uint8), mask) == []
