"""A frame is taken apart and put together with its background mirrored and its targets upright."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.training.cutouts import MARGIN, Cutout, cut_out
from adsnet.training.scenes import Scene, put_together, take_apart

HEIGHT, WIDTH = 60, 80
UPRIGHT = np.array([[1, 1, 1], [1, 0, 0]], np.bool_)
"""A target that is not its own mirror image."""


def frame(*corners: tuple[int, int], compressed: bool = False) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """A sloped background with a target 5 above it at each of ``corners``."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    values, mask = 0.02 * rows - 0.01 * columns, np.zeros((HEIGHT, WIDTH), np.bool_)
    for top, left in corners:
        mask[top : top + 2, left : left + 3] = UPRIGHT
    values = values + 5 * mask
    return (np.arcsinh(values) if compressed else values).astype(np.float16), mask


def apart(values: NDArray[np.float16], mask: NDArray[np.bool_], *, compressed: bool) -> Scene | None:
    return take_apart(values, mask, cut_out(values, mask, compressed=compressed), compressed=compressed)


def sides(
    scene_frame: tuple[NDArray[np.float16], NDArray[np.bool_]], *, compressed: bool
) -> list[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Every outcome that a hundred random numbers give."""
    scene = apart(*scene_frame, compressed=compressed)
    assert scene is not None
    found = {}
    for seed in range(100):
        values, label = put_together(scene, [], 0.0, np.random.default_rng(seed), compressed=compressed)
        found[label.tobytes()] = (values, label)
    return list(found.values())


@pytest.mark.parametrize("compressed", [False, True])
def test_the_background_has_no_target_and_both_together_are_the_frame(compressed: bool) -> None:
    values, mask = frame((30, 20), (12, 50), compressed=compressed)
    scene = apart(values, mask, compressed=compressed)
    assert scene is not None
    empty, _ = frame(compressed=compressed)
    assert scene.background == pytest.approx(empty, abs=0.1)
    assert scene.background.dtype == np.float16
    as_they_are = [outcome for outcome in sides((values, mask), compressed=compressed) if (outcome[1] == mask).all()]
    assert len(as_they_are) == 1
    assert as_they_are[0][0] == pytest.approx(values, abs=0.01)


@pytest.mark.parametrize("compressed", [False, True])
def test_targets_stand_upright_where_their_surroundings_are_mirrored_to(compressed: bool) -> None:
    outcomes = sides(frame((30, 20), compressed=compressed), compressed=compressed)
    corners = set()
    for values, label in outcomes:
        top, left = np.argwhere(label).min(0)
        corners.add((int(top), int(left)))
        assert (label[top : top + 2, left : left + 3] == UPRIGHT).all() and label.sum() == 4
        down, right = top != 30, left != 20
        ground, _ = frame(compressed=compressed)
        ground = ground[:: -1 if down else 1, :: -1 if right else 1]
        linear, expected = (np.sinh(a.astype(np.float32)) if compressed else a for a in (values, ground))
        assert linear == pytest.approx(expected + 5 * label, abs=0.2)
    assert corners == {(r, c) for r in (30, HEIGHT - 32) for c in (20, WIDTH - 23)}


def test_a_frame_whose_targets_cannot_all_be_cut_out_stays_whole() -> None:
    values, mask = frame((30, 20), (1, 50))
    assert apart(values, mask, compressed=False) is None
    empty = apart(*frame(), compressed=False)
    assert empty is not None and not empty.targets


def other(height: int, width: int, contrast: float) -> Cutout:
    """A rectangle."""
    mask = np.zeros((height + 2 * MARGIN, width + 2 * MARGIN), np.bool_)
    mask[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    return Cutout(contrast * mask.astype(np.float32), mask, top=0, left=0, contrast=contrast)


def test_a_target_changes_for_one_that_covers_its_place_with_the_same_contrast() -> None:
    scene = apart(*frame((30, 20)), compressed=False)
    assert scene is not None
    others = [
        other(3, 4, 8.0),
        other(1, 3, 5.0),
        other(2, 2, 5.0),
        other(30, 4, 5.0),
        other(3, 4, 20.0),
        other(3, 4, -5.0),
    ]
    for seed in range(20):
        random = np.random.default_rng(seed)
        values, label = put_together(scene, others, 1.0, random, compressed=False)
        assert label.sum() == 12  # the first one
        above = values[label].mean() - values[~label].mean()
        assert above == pytest.approx(5, abs=0.6)
        top, left = np.argwhere(label).min(0)
        assert top in (30, 29, 28, 27) and left in (19, 20, 57, 56)


def test_a_larger_one_at_the_edge_stays_inside_and_without_any_like_it_a_target_stays() -> None:
    scene = apart(*frame((MARGIN, WIDTH - MARGIN - 3)), compressed=False)
    assert scene is not None
    for seed in range(20):
        _, label = put_together(scene, [other(4, 6, 5.0)], 1.0, np.random.default_rng(seed), compressed=False)
        assert label.sum() == 24
        _, label = put_together(scene, [other(1, 1, 5.0)], 1.0, np.random.default_rng(seed), compressed=False)
        assert label.sum() == 4


@pytest.mark.parametrize("compressed", [False, True])
def test_targets_that_fade_keep_part_of_their_contrast_and_their_mask(compressed: bool) -> None:
    scene = apart(*frame((30, 20), compressed=compressed), compressed=compressed)
    assert scene is not None
    left = []
    for seed in range(60):
        whole, label = put_together(scene, [], 0.0, np.random.default_rng(seed), compressed=compressed)
        random = np.random.default_rng(seed)
        faint, same = put_together(scene, [], 0.0, random, compressed=compressed, faded=0.5)
        assert np.array_equal(label, same) and label.sum() == 4
        full, part = ((np.sinh(values) if compressed else values)[label].mean() for values in (whole, faint))
        left.append((part - full) / 5 + 1)
    assert min(left) > 0.38 and max(left) == pytest.approx(1, abs=1e-3)
    kept = sum(abs(part - 1) < 1e-3 for part in left)
    assert 15 < kept < 45 and np.ptp(left) > 0.5
