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
from adsnet.sweep import THRESHOLDS, Curve, measure, nearest, sweep

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
    assert Curve(THRESHOLDS, sweeps).points() == whole.metrics().curve
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


def test_a_frame_that_was_taken_away_is_as_if_it_had_never_been_added() -> None:
    first, second = sweep(*frame(1)), sweep(*frame(2))
    curve = Curve(THRESHOLDS, [first, second])
    curve.add(second, sign=-1)
    assert curve.points() == Curve(THRESHOLDS, [first]).points() != Curve(THRESHOLDS, [second]).points()


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
