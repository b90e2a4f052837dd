"""The measures, against cases worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from adsnet.conventions import Conventions
from adsnet.metrics import Evaluation, Metrics
from adsnet.targets import find_targets


def blank() -> NDArray[np.bool_]:
    return np.zeros((20, 30), np.bool_)


def box(top: int, left: int, height: int, width: int) -> NDArray[np.bool_]:
    mask = blank()
    mask[top : top + height, left : left + width] = True
    return mask


def of(*frames: tuple[NDArray[np.bool_], NDArray[np.bool_]], evaluation: Evaluation | None = None) -> Metrics:
    """The measures of (prediction, label) pairs."""
    evaluation = evaluation or Evaluation()
    for predicted, label in frames:
        evaluation.add_mask(predicted, label)
    return evaluation.metrics()


def test_two_frames_by_hand() -> None:
    evaluation = Evaluation()
    # Frame 1: a target of 2×4 found as 2×3 one column further left; a false component of 5 pixels.
    first = evaluation.add_mask(box(4, 4, 2, 4) | box(15, 20, 1, 5), box(4, 5, 2, 4))
    # Frame 2: two targets, one missed.
    second = evaluation.add_mask(box(2, 2, 3, 3), box(2, 2, 3, 3) | box(10, 10, 1, 1))
    assert (first.targets, first.found, first.false, first.false_pixels) == (1, 1, 1, 5)
    assert first.iou == pytest.approx(6 / (8 + 8 - 6 + 5))
    assert (second.targets, second.found, second.false) == (2, 1, 0)
    assert second.iou == pytest.approx(9 / 10)
    metrics = evaluation.metrics()
    assert (metrics.images, metrics.pixels, metrics.targets, metrics.found) == (2, 1200, 3, 2)
    assert metrics.iou == pytest.approx((6 + 9) / (15 + 10))
    assert metrics.niou == pytest.approx((6 / 15 + 9 / 10) / 2)
    assert metrics.pd == pytest.approx(2 / 3)
    assert metrics.fa == pytest.approx(5 / 1200)
    assert metrics.pixel_fa == pytest.approx((2 + 5) / 1200)
    assert metrics.fpr == pytest.approx(7 / (1200 - 8 - 10))
    assert metrics.false_components == 1
    assert metrics.false_per_image == 0.5


def test_wrong_pixels_of_a_matched_component_are_no_false_alarm() -> None:
    metrics = of((box(4, 4, 5, 5), box(5, 5, 1, 1)))
    assert metrics.pd == 1.0
    assert metrics.fa == 0.0
    assert metrics.pixel_fa == pytest.approx(24 / 600)


def test_a_false_component_counts_even_with_the_area_of_a_matched_one() -> None:
    metrics = of((box(4, 4, 2, 2) | box(12, 20, 2, 2), box(4, 4, 2, 2)))
    assert metrics.fa == pytest.approx(4 / 600)


def test_overlap_without_near_centroids_is_a_miss_and_a_false_alarm() -> None:
    metrics = of((box(4, 0, 1, 12), box(4, 0, 1, 4)))
    assert metrics.pd == 0.0
    assert metrics.fa == pytest.approx(12 / 600)


def test_a_merged_prediction_finds_one_target_and_a_split_one_leaves_false_pixels() -> None:
    two = box(4, 4, 1, 1) | box(4, 6, 1, 1)
    merged = of((box(4, 4, 1, 3), two))
    assert (merged.pd, merged.fa) == (0.5, 0.0)
    split = of((two, box(4, 4, 1, 3)))
    assert split.pd == 1.0
    assert split.fa == pytest.approx(1 / 600)


def test_the_threshold_is_strict() -> None:
    evaluation = Evaluation()
    probability = np.where(box(4, 4, 1, 2), 0.5, 0.0)
    probability[4, 5] = np.nextafter(0.5, 1.0)
    evaluation.add(probability, box(4, 4, 1, 2))
    assert evaluation.metrics().iou == 0.5


def test_frames_with_nothing_in_them() -> None:
    empty_hit = (blank(), blank())
    false_alarm = (box(1, 1, 2, 3), blank())
    missed = (blank(), box(1, 1, 2, 3))
    metrics = of(empty_hit, false_alarm, missed)
    assert (metrics.empty_images, metrics.niou, metrics.iou, metrics.pd) == (1, 0.0, 0.0, 0.0)
    assert metrics.fa == pytest.approx(6 / 1800)
    good = (box(1, 1, 2, 3), box(1, 1, 2, 3))
    assert of(empty_hit, good).niou == 1.0
    assert of(empty_hit, good, evaluation=Evaluation(Conventions(empty="zero"))).niou == 0.5
    assert of(empty_hit, missed, evaluation=Evaluation(Conventions(empty="one"))).niou == 0.5


def test_backgrounds_alone_have_no_pd_and_no_iou() -> None:
    metrics = of((blank(), blank()))
    assert math.isnan(metrics.pd) and math.isnan(metrics.iou) and math.isnan(metrics.auc)
    assert metrics.fa == 0.0
    assert of((box(1, 1, 1, 1), blank())).iou == 0.0


def test_without_frames_nothing_has_a_value() -> None:
    values = Evaluation().metrics().to_dict()
    assert (values["images"], values["targets"]) == (0, 0)
    assert all(values[key] is None for key in ("iou", "niou", "pd", "fa", "fpr", "pixel_fa", "auc", "false_per_image"))


def test_the_dictionary_is_ready_for_json() -> None:
    values = of((blank(), blank())).to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["pd"] is None
    assert {"images", "targets", "iou", "niou", "pd", "fa", "pixel_fa", "auc", "false_components"} <= set(values)


def test_optimal_matching_is_an_option() -> None:
    label = box(4, 4, 1, 1) | box(4, 8, 1, 1)
    predicted = box(3, 6, 1, 1) | box(5, 2, 1, 1)
    assert of((predicted, label)).pd == 0.5
    assert of((predicted, label), evaluation=Evaluation(Conventions(matching="optimal"))).pd == 1.0


def test_the_curve_of_pd_and_fa_by_threshold() -> None:
    evaluation = Evaluation(thresholds=(0.1, 0.5, 0.8))
    probability = np.where(box(4, 4, 2, 2), 0.7, 0.0) + np.where(box(15, 20, 1, 3), 0.3, 0.0)
    evaluation.add(probability, box(4, 4, 2, 2))
    curve = evaluation.metrics().curve
    assert [(point.threshold, point.pd, point.fa) for point in curve] == [
        (0.1, 1.0, pytest.approx(3 / 600)),
        (0.5, 1.0, 0.0),
        (0.8, 0.0, 0.0),
    ]
    assert evaluation.metrics().to_dict()["curve"][0] == {"threshold": 0.1, "pd": 1.0, "fa": pytest.approx(3 / 600)}


def test_auc_by_hand() -> None:
    evaluation = Evaluation()
    label = np.array([[True, True, False, False]])
    evaluation.add(np.array([[0.9, 0.4, 0.4, 0.1]]), label)
    # Pairs (target, other): 0.9 beats both; 0.4 ties with 0.4 and beats 0.1: (2 + 1 + ½) / 4.
    assert evaluation.metrics().auc == pytest.approx(3.5 / 4)


def test_roc_runs_from_corner_to_corner() -> None:
    roc = of((box(1, 1, 2, 2), box(1, 1, 1, 2))).roc
    assert roc.shape == (1002, 2)
    assert roc[0].tolist() == [0.0, 0.0]
    assert roc[-1].tolist() == [1.0, 1.0]
    assert (np.diff(roc, axis=0) >= 0).all()


@given(
    arrays.arrays(np.float32, (4, 5), elements=st.integers(0, 1000).map(lambda k: np.float32(k / 1000))),
    arrays.arrays(np.bool_, (4, 5)),
)
def test_auc_equals_the_share_of_pairs_in_order(probability: NDArray[np.float32], label: NDArray[np.bool_]) -> None:
    evaluation = Evaluation()
    evaluation.add(probability, label)
    auc = evaluation.metrics().auc
    if label.all() or not label.any():
        assert math.isnan(auc)
        return
    # The bins are open at their lower end, so that 32-bit numbers just above a threshold belong above it.
    bins = np.ceil(probability.astype(np.float64) * 1000)
    inside, outside = bins[label][:, None], bins[~label][None, :]
    assert auc == pytest.approx(((inside > outside) + 0.5 * (inside == outside)).mean())


@given(arrays.arrays(np.bool_, (8, 9)))
def test_a_label_predicted_exactly_is_perfect(label: NDArray[np.bool_]) -> None:
    metrics = of((label, label))
    assert metrics.fa == metrics.pixel_fa == 0.0
    if label.any():
        assert metrics.iou == metrics.niou == 1.0
        assert metrics.targets == len(find_targets(label))


@given(st.lists(st.tuples(arrays.arrays(np.bool_, (6, 7)), arrays.arrays(np.bool_, (6, 7))), max_size=4))
def test_shares_stay_within_their_limits_and_frames_may_come_in_any_order(
    frames: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
) -> None:
    forward, backward = of(*frames).to_dict(), of(*frames[::-1]).to_dict()
    for key, value in forward.items():
        assert value == pytest.approx(backward[key]) if isinstance(value, float) else value == backward[key]
    for key in ("iou", "niou", "pd", "fa", "fpr", "pixel_fa", "auc"):
        assert forward[key] is None or 0.0 <= forward[key] <= 1.0
    assert forward["fa"] is None or forward["pixel_fa"] is None or forward["found"] <= forward["targets"]


@pytest.mark.parametrize(
    ("probability", "label"),
    [
        (np.zeros((3, 4)), np.zeros((4, 3), np.bool_)),
        (np.zeros((0, 4)), np.zeros((0, 4), np.bool_)),
        (np.full((3, 4), np.nan), np.zeros((3, 4), np.bool_)),
        (np.full((3, 4), 1.5), np.zeros((3, 4), np.bool_)),
        (np.full((3, 4), -0.1), np.zeros((3, 4), np.bool_)),
    ],
)
def test_what_is_no_probability_map_is_refused(probability: NDArray[np.float64], label: NDArray[np.bool_]) -> None:
    evaluation = Evaluation()
    with pytest.raises(ValueError):
        evaluation.add(probability, label)
    assert evaluation.metrics().images == 0
