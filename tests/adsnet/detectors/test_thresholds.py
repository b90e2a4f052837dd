"""The rules from saliency to mask, and the score map, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from adsnet.detectors.thresholds import RULES, Threshold, score_map
from adsnet.errors import ConfigError

SALIENCY = np.array([[0.0, 0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 6.0, 12.0]])
"""Mean 2, standard deviation √(184/10 − 4) = √14.4 = 3.7947…, maximum 12."""

ALL = [
    Threshold("mean_std", 0.0),
    Threshold("dnanet"),
    Threshold("share_of_max", 0.0),
    Threshold("max_mean", 0.0),
    Threshold("fixed", 0.0),
]

maps = arrays.arrays(np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(0, 1e12))


@pytest.mark.parametrize(
    ("threshold", "level"),
    [
        (Threshold("mean_std", 2.0), 2 + 2 * 14.4**0.5),
        (Threshold("mean_std", 0), 2.0),
        (Threshold("dnanet"), 8.4),
        (Threshold("share_of_max", 0.25), 3.0),
        (Threshold("max_mean", 0.6), 8.0),
        (Threshold("fixed", 5.5), 5.5),
    ],
)
def test_levels_by_hand(threshold: Threshold, level: float) -> None:
    assert threshold.level(SALIENCY) == pytest.approx(level)
    mask = threshold.mask(SALIENCY)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, level + 1e-9 < SALIENCY)  # the level itself does not count


def test_dnanet_is_the_larger_of_two() -> None:
    """Many high values: mean + 0.5 std = 8 + 2 is above 0.7 · 12; one alone: it is below."""
    assert Threshold("dnanet").level(np.array([[4.0, 12.0]])) == pytest.approx(10.0)
    assert Threshold("dnanet").level(SALIENCY) == pytest.approx(8.4)


def test_a_fixed_level_alone_depends_on_the_unit() -> None:
    for threshold in (Threshold("mean_std", 1.0), Threshold("share_of_max", 0.4), Threshold("max_mean", 0.4)):
        assert threshold.mask(SALIENCY).any()
        np.testing.assert_array_equal(threshold.mask(SALIENCY * 1000), threshold.mask(SALIENCY))
    assert Threshold("fixed", 7.0).mask(SALIENCY).sum() < Threshold("fixed", 7.0).mask(SALIENCY * 1000).sum()


def test_every_rule_is_tested() -> None:
    assert {threshold.rule for threshold in ALL} == set(RULES)


@pytest.mark.parametrize("threshold", ALL, ids=lambda threshold: threshold.rule)
@pytest.mark.parametrize("value", [0.0, 0.1, 7.0, 1e300])
def test_a_constant_map_has_no_mask(threshold: Threshold, value: float) -> None:
    """Also where the sum of equal values, divided, is less than each of them."""
    for shape in [(1, 1), (3, 7), (64, 91)]:
        mask = threshold.mask(np.full(shape, value))
        assert mask.shape == shape and mask.dtype == np.bool_ and not mask.any()


@given(maps)
def test_scores_keep_the_order_and_fill_the_range(saliency: NDArray[np.float64]) -> None:
    scores = score_map(saliency)
    assert scores.shape == saliency.shape and scores.dtype == np.float32
    if saliency.min() == saliency.max():
        assert not scores.any()
    else:
        assert scores.min() == 0 and scores.max() == 1
        assert (np.diff(scores.ravel()[np.argsort(saliency.ravel())]) >= 0).all()


def test_scores_by_hand() -> None:
    np.testing.assert_array_equal(score_map(np.array([[2.0, 3.0], [6.0, 4.0]])), [[0, 0.25], [1, 0.5]])


@pytest.mark.parametrize(
    ("rule", "value", "text"),
    [
        ("otsu", 1.0, "the threshold rule is 'otsu'; it must be one of mean_std, dnanet, share_of_max"),
        ("mean_std", None, "the value of the threshold rule mean_std is None; it must be a number from 0 to 200"),
        ("mean_std", -0.1, "from 0 to 200"),
        ("mean_std", float("nan"), "from 0 to 200"),
        ("mean_std", "3", "from 0 to 200"),
        ("share_of_max", 1.01, "from 0 to 1"),
        ("max_mean", True, "from 0 to 1"),
        ("fixed", float("inf"), "from 0 to 1e"),
        ("dnanet", 0.7, "the threshold rule dnanet has no value; leave out 0.7"),
    ],
)
def test_what_is_wrong_is_said(rule: Any, value: Any, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        Threshold(rule, value)
    assert text in str(error.value)


def test_values_of_numpy_are_numbers() -> None:
    assert Threshold("mean_std", np.linspace(1, 2, 3)[1]).level(SALIENCY) == pytest.approx(2 + 1.5 * 14.4**0.5)
