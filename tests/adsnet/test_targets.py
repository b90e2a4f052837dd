"""Components, matching and the signal-to-clutter ratio, against values worked out by hand and brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from adsnet.targets import MatchingRule, Target, find_targets, label_components, match_targets, scr

masks = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9))


def drawn(*rows: str) -> NDArray[np.bool_]:
    return np.array([[c == "#" for c in row] for row in rows])


def at(*places: tuple[float, float]) -> list[Target]:
    return [Target(x, y, 1, (round(x), round(y), 1, 1)) for x, y in places]


def flood(mask: NDArray[np.bool_], connectivity: int) -> NDArray[np.int32]:
    """Components by the most direct means: from each first pixel on, everything that can be reached."""
    labels = np.zeros(mask.shape, np.int32)
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if connectivity == 8 or abs(a) + abs(b) == 1]
    number = 0
    for start in np.argwhere(mask):
        if labels[tuple(start)]:
            continue
        number += 1
        waiting = [tuple(int(v) for v in start)]
        while waiting:
            r, c = waiting.pop()
            if 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and mask[r, c] and not labels[r, c]:
                labels[r, c] = number
                waiting += [(r + a, c + b) for a, b in steps]
    return labels


@given(masks, st.sampled_from([4, 8]))
def test_components_equal_a_flood_fill_in_raster_order(mask: NDArray[np.bool_], connectivity: int) -> None:
    labels, count = label_components(mask, connectivity)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, flood(mask, connectivity))
    assert count == labels.max(initial=0)


@given(masks)
def test_targets_measure_their_components(mask: NDArray[np.bool_]) -> None:
    labels = flood(mask, 8)
    targets = find_targets(mask)
    assert sum(target.area for target in targets) == mask.sum()
    for number, target in enumerate(targets, start=1):
        rows, columns = np.nonzero(labels == number)
        assert target.area == len(rows)
        assert target.x == pytest.approx(columns.mean())
        assert target.y == pytest.approx(rows.mean())
        x, y, width, height = target.bbox
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width - 1, y + height - 1) == (columns.max(), rows.max())


def test_a_target_by_hand() -> None:
    mask = drawn(".....", ".##..", ".#...", "....#")
    first, second = find_targets(mask)
    assert first == Target(x=4 / 3, y=4 / 3, area=3, bbox=(1, 1, 2, 2), score=1.0)
    assert second == Target(x=4.0, y=3.0, area=1, bbox=(4, 3, 1, 1), score=1.0)


def test_corners_connect_with_eight_neighbours_only() -> None:
    mask = drawn("#..", ".#.", "..#")
    assert len(find_targets(mask)) == 1
    assert len(find_targets(mask, connectivity=4)) == 3


def test_the_score_is_the_largest_probability_inside() -> None:
    mask = drawn("##.#", "....")
    probability = np.array([[0.6, 0.75, 0.99, 0.5], [0.9, 0.9, 0.9, 0.9]], np.float32)
    assert [target.score for target in find_targets(mask, probability=probability)] == [0.75, 0.5]


def test_nothing_in_an_empty_mask() -> None:
    assert find_targets(np.zeros((4, 5), np.bool_)) == ()
    assert find_targets(np.zeros((0, 5), np.bool_)) == ()


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        find_targets(np.zeros((4, 5), np.bool_), probability=np.zeros((5, 4)))
    with pytest.raises(ValueError, match="connectivity"):
        label_components(np.zeros((4, 5), np.bool_), 6)
    with pytest.raises(ValueError, match="rows and columns"):
        label_components(np.zeros(5, np.bool_))


# ---- matching -----------------------------------------------------------------------------------------------


def test_the_distance_is_strictly_below_the_limit() -> None:
    assert match_targets(at((0, 0)), at((3, 0))).pairs == ()
    assert match_targets(at((0, 0)), at((2.999, 0))).pairs == ((0, 0),)
    assert match_targets(at((0, 0)), at((3, 0)), max_distance=3.01).pairs == ((0, 0),)


def test_the_first_prediction_is_taken_not_the_nearest() -> None:
    matching = match_targets(at((0, 0)), at((2, 0), (0, 0)))
    assert matching.pairs == ((0, 0),)
    assert matching.false == (1,)
    assert match_targets(at((0, 0)), at((2, 0), (0, 0)), rule="optimal").pairs == ((0, 1),)


def test_a_prediction_serves_one_target_only() -> None:
    matching = match_targets(at((0, 0), (2, 0)), at((1, 0)))
    assert (matching.pairs, matching.missed, matching.false) == (((0, 0),), (1,), ())


def test_the_reference_rule_may_lose_a_pair_that_the_optimal_one_finds() -> None:
    labelled, predicted = at((0, 0), (4, 0)), at((2, 0), (-2, 0))
    assert match_targets(labelled, predicted).missed == (1,)
    assert match_targets(labelled, predicted, rule="optimal").pairs == ((0, 1), (1, 0))


def test_nothing_to_match() -> None:
    assert match_targets([], at((0, 0))).false == (0,)
    assert match_targets(at((0, 0)), []).missed == (0,)
    assert match_targets([], [], rule="optimal").pairs == ()


places = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=5).map(lambda p: at(*p))


def best_by_trial(labelled: Sequence[Target], predicted: Sequence[Target]) -> tuple[int, float]:
    """Most pairs and least sum of distances over all ways to pair."""
    best = (0, 0.0)
    slots = [*range(len(predicted)), *[None] * len(labelled)]
    for choice in set(itertools.permutations(slots, len(labelled))):
        lengths = [
            math.hypot(labelled[i].x - predicted[j].x, labelled[i].y - predicted[j].y)
            for i, j in enumerate(choice)
            if j is not None
        ]
        if all(length < 3 for length in lengths):
            best = min(best, (-len(lengths), sum(lengths)))
    return -best[0], best[1]


@given(places.filter(lambda p: len(p) <= 3), places.filter(lambda p: len(p) <= 3))
def test_the_optimal_rule_equals_trying_everything(labelled: list[Target], predicted: list[Target]) -> None:
    matching = match_targets(labelled, predicted, rule="optimal")
    total = sum(math.hypot(labelled[i].x - predicted[j].x, labelled[i].y - predicted[j].y) for i, j in matching.pairs)
    count, least = best_by_trial(labelled, predicted)
    assert len(matching.pairs) == count
    assert total == pytest.approx(least)


@given(places, places, st.sampled_from(["reference", "optimal"]))
def test_every_target_is_matched_missed_or_false_once(
    labelled: list[Target], predicted: list[Target], rule: MatchingRule
) -> None:
    matching = match_targets(labelled, predicted, rule=rule)
    assert sorted([i for i, _ in matching.pairs] + list(matching.missed)) == list(range(len(labelled)))
    assert sorted([j for _, j in matching.pairs] + list(matching.false)) == list(range(len(predicted)))
    for i, j in matching.pairs:
        assert math.hypot(labelled[i].x - predicted[j].x, labelled[i].y - predicted[j].y) < 3


# ---- signal-to-clutter ratio --------------------------------------------------------------------------------


def test_scr_by_hand() -> None:
    pixels = np.array([[1, 3, 1, 3, 90], [3, 12, 12, 1, 90], [1, 3, 1, 3, 90]], np.uint8)
    mask = drawn(".....", ".##..", ".....")
    # Around the target, margin 1: five pixels of 1 and five of 3, mean 2, deviation 1; the column of 90 is outside.
    assert scr(pixels, mask, margin=1) == pytest.approx(10.0)
    assert scr(255 - pixels, mask, margin=1) == pytest.approx(10.0)


def test_scr_leaves_out_what_is_to_be_ignored_and_stops_at_the_border() -> None:
    pixels = np.array([[9.0, 1.0, 3.0, 500.0]])
    mask, other = drawn("#..."), drawn("...#")
    assert scr(pixels, mask, margin=20, ignore=other) == pytest.approx(7.0)
    assert scr(pixels, mask, margin=20) < 1


def test_scr_without_clutter_target_or_surroundings() -> None:
    flat = np.full((3, 3), 5.0)
    mask = drawn("...", ".#.", "...")
    assert scr(flat, mask) == 0.0
    assert scr(flat + mask, mask) == math.inf
    assert math.isnan(scr(flat, np.zeros((3, 3), np.bool_)))
    assert math.isnan(scr(flat, np.ones((3, 3), np.bool_)))


def test_scr_does_not_wrap_unsigned_numbers() -> None:
    pixels = np.array([[60000, 60002, 100, 60000, 60002]], np.uint16)
    assert scr(pixels, drawn("..#..")) == pytest.approx(59901.0)


def test_scr_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError):
        scr(np.zeros((3, 3)), np.zeros((3, 4), np.bool_))
    with pytest.raises(ValueError):
        scr(np.zeros((3, 3)), np.zeros((3, 3), np.bool_), margin=0)
