"""The mistakes of a network: what it misses and what it takes for a target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.data.datasets import open_dataset
from adsnet.errors import FrameError, TrainingError
from adsnet.prediction import Prediction
from adsnet.training.mistakes import SUSPECTED, find_mistakes, mistakes_in
from tests.adsnet.tiny import write_set


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
    assert mistakes_in(probability, label) == [(21, 31), (35, 45), (31, 12)]


def test_what_touches_a_target_is_told_by_the_target_alone() -> None:
    label = np.zeros((40, 50), np.bool_)
    label[5:8, 5:8] = label[5:8, 15:18] = True  # two that are found
    probability = np.where(label, 0.9, 0.0).astype(np.float32)
    probability[6, 8:15] = 0.3  # a bridge between them
    probability[8:20, 6] = 0.25  # a tail, whose centre is far away
    assert mistakes_in(probability, label) == []
    label[25:35, 30:40] = True
    probability[25:35, 38:42] = 0.8  # one side of it: missed, and once only
    probability[29, 39] = 0.85
    assert mistakes_in(probability, label) == [(29, 39)]


def test_a_network_that_is_right_makes_none() -> None:
    label = np.zeros((20, 20), np.bool_)
    assert mistakes_in(label.astype(np.float32), label) == []
    label[5:8, 5:8] = True
    assert mistakes_in(label.astype(np.float32), label) == []


def test_frames_are_asked_about_in_order_and_one_that_cannot_be_predicted_has_none(tmp_path: Path) -> None:
    dataset = open_dataset(write_set(tmp_path / "set", count=4))
    dataset.samples[0].frame.path.write_bytes(b"no picture")
    third = dataset.read(2)[0]
    told: list[str] = []

    def predict(pixels: NDArray[Any]) -> Prediction:
        if np.array_equal(pixels, third):
            raise FrameError("too large")
        probability = np.zeros(pixels.shape, np.float32)
        probability[1, 2] = 1
        return Prediction(probability, (), (), pixels.shape, 0.0, "test", "test", "test")

    label = dataset.read(1)[1]
    assert not label[1, 2]
    found = find_mistakes(dataset, predict, skipped=told.append)
    assert len(found) == 4 and found[0] == found[2] == [] and found[1][-1] == found[3][-1] == (1, 2)
    assert told == [f"{dataset.samples[2].frame.stem}: too large; it is trained on all the same"]
    with pytest.raises(TrainingError, match="stopped before the first step"):
        find_mistakes(dataset, predict, should_stop=lambda: True)
