"""What is kept of a frame at many thresholds gives the measures that the frame itself would give."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from adsnet.conventions import Conventions, count
from adsnet.metrics import Evaluation
from adsnet.sweep import THRESHOLDS, Sweeps, measure, nearest, sweep

Frame = tuple[NDArray[np.float32], NDArray[np.bool_]]


def frame(seed: int) -> Frame:
    """Blobs of all heights, some of them labelled, with labels that nothing is predicted at."""
    rng = np.random.default_rng(seed)
    shape = (24 + seed % 7, 32)
    probability = np.clip(ndimage.gaussian_filter(rng.random(shape), 1.0) * 4 - 1.5, 0, 1).astype(np.float32)
    label = (probability > 0.6) & (ndimage.gaussian_filter(rng.random(shape), 2.0) > 0.5)
    label[rng.integers(0, 20), rng.integers(0, 30)] = True
    return probability, label


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_the_measures_are_those_of_the_evaluation_at_every_threshold(seeds: list[int]) -> None:
    frames = [frame(seed) for seed in seeds]
    sweeps = [sweep(*one) for one in frames]
    whole = Evaluation(thresholds=THRESHOLDS)
    for one in frames:
        whole.add(*one)
    assert Sweeps(THRESHOLDS, sweeps).points() == whole.metrics().curve
    for k, threshold in enumerate(THRESHOLDS):
        evaluation = Evaluation(Conventions(threshold=threshold))
        for one in frames:
            evaluation.add(*one)
        expected, got = evaluation.metrics(), measure(sweeps, k)
        assert (got.frames, got.targets, got.found, got.false) == (
            expected.images, expected.targets, expected.found, expected.false_components,
        )  # fmt: skip
        assert all(same(getattr(got, name), getattr(expected, name)) for name in ("niou", "pd", "fa", "iou"))
        assert got.threshold == threshold


def test_found_says_which_targets_are_matched() -> None:
    probability, label = frame(3)
    made = sweep(probability, label)
    for k, threshold in enumerate(THRESHOLDS):
        pairs = count(probability > threshold, label).matching.pairs
        assert np.flatnonzero(made.found[k]).tolist() == [i for i, _ in pairs]
    assert made.found.any() and not made.found.all()


def test_frames_are_put_in_place_of_others_and_counted_alone() -> None:
    first, second, third = (sweep(*frame(seed)) for seed in (1, 2, 3))
    sweeps = Sweeps(THRESHOLDS, [first, second])
    sweeps.put(2, None)
    assert len(sweeps) == 3 and sweeps.scored == 2
    assert sweeps.points() == Sweeps(THRESHOLDS, [first, second]).points() != Sweeps(THRESHOLDS, [first]).points()
    sweeps.put(1, third)
    sweeps.put(2, second)
    for at in (0, 11, 22):
        assert sweeps.measures(at) == measure([first, third, second], at)
        assert sweeps.measures(at, np.array([2, 0])) == measure([second, first], at)
    sweeps.put(1, None)
    assert sweeps.points() == Sweeps(THRESHOLDS, [first, second]).points()
    assert sweeps.measures(11, np.array([1])) is None and Sweeps(THRESHOLDS).measures(11) is None
    for name in ("targets", "found", "false", "iou"):
        column = sweeps.column(name, 11)
        assert math.isnan(column[1])
        assert column[[0, 2]].tolist() == [getattr(one.scores[11], name) for one in (first, second)]


def test_many_frames_are_added_without_looking_at_the_others() -> None:
    one, sweeps = sweep(*frame(4)), Sweeps(THRESHOLDS)
    for place in range(300):
        sweeps.put(place, one)
    got, expected = sweeps.measures(11), measure([one], 11)
    assert got is not None and (got.frames, got.targets, got.pd) == (300, 300 * expected.targets, expected.pd)
    assert len(sweeps.column("iou", 11)) == 300
    with pytest.raises(AssertionError, match="left out"):
        sweeps.put(302, one)


def test_masks_without_targets_and_empty_frames() -> None:
    empty = sweep(np.zeros((8, 8), np.float32), np.zeros((8, 8), np.bool_))
    got = measure([empty], 3)
    assert (got.targets, got.found, got.false, got.fa) == (0, 0, 0, 0.0) and math.isnan(got.pd) and math.isnan(got.niou)
    assert empty.found.shape == (len(THRESHOLDS), 0)
    with pytest.raises(ValueError, match="are not one frame"):
        sweep(np.zeros((8, 8)), np.zeros((8, 9), np.bool_))


def test_the_nearest_threshold() -> None:
    assert THRESHOLDS == tuple(sorted(THRESHOLDS))
    assert [THRESHOLDS[nearest(THRESHOLDS, t)] for t in (0.0, 0.5, 0.52, 0.53, 1.0)] == [0.01, 0.5, 0.5, 0.55, 0.99]
