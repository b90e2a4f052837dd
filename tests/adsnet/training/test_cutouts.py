"""A target is cut out without its background, and pasted where none is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet.training.cutouts import LARGEST, MARGIN, Cutout, cut_out, paste

SIZE = 64


def scene(top: int = 30, left: int = 20, *, slope: float = 0.02) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A sloped background with a target of 3×4 pixels, 5 above it."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    values = (slope * rows - slope * columns).astype(np.float32)
    mask = np.zeros((SIZE, SIZE), np.bool_)
    mask[top : top + 3, left : left + 4] = True
    values[mask] += 5
    return values, mask


def test_what_is_cut_out_is_what_the_target_adds() -> None:
    values, mask = scene()
    (cutout,) = cut_out(values, mask, compressed=False)
    assert cutout.mask.shape == cutout.values.shape == (3 + 2 * MARGIN, 4 + 2 * MARGIN)
    assert cutout.mask[MARGIN:-MARGIN, MARGIN:-MARGIN].all() and cutout.mask.sum() == 12
    assert cutout.values[cutout.mask] == pytest.approx(5, abs=0.1)
    assert np.abs(cutout.values[~cutout.mask]).max() < 0.1  # the slope stays behind
    assert not cutout.values[[0, -1]].any() and not cutout.values[:, [0, -1]].any()


def test_of_compressed_input_the_same_is_cut_out() -> None:
    values, mask = scene()
    (linear,), (compressed,) = (
        cut_out(values, mask, compressed=False),
        cut_out(np.arcsinh(values).astype(np.float16), mask, compressed=True),
    )
    assert compressed.values == pytest.approx(linear.values, abs=0.03)


def test_a_label_on_a_blank_frame_is_no_target() -> None:
    values, mask = scene()
    assert len(cut_out(values, mask, compressed=False)) == 1
    assert cut_out(np.zeros_like(values), mask, compressed=False) == []


@pytest.mark.parametrize(
    ("top", "left", "found"), [(MARGIN, MARGIN, 1), (MARGIN - 1, 20, 0), (20, SIZE - 4 - MARGIN, 1), (20, SIZE - 9, 0)]
)
def test_a_target_near_the_edge_stays(top: int, left: int, found: int) -> None:
    assert len(cut_out(*scene(top, left), compressed=False)) == found


def test_neighbours_and_large_targets_stay() -> None:
    values, mask = scene()
    mask[30, 20 + 4 + MARGIN - 1] = True
    assert not cut_out(values, mask, compressed=False)
    wide = np.zeros((90, 90), np.bool_)
    wide[20:22, 20 : 20 + LARGEST] = True
    assert len(cut_out(wide.astype(np.float32), wide, compressed=False)) == 1
    wide[20, 20 + LARGEST] = True
    assert not cut_out(wide.astype(np.float32), wide, compressed=False)


@given(st.integers(0, 10_000), st.booleans())
def test_a_target_is_pasted_inside_with_its_mask(seed: int, compressed: bool) -> None:
    (cutout,) = cut_out(*scene(), compressed=False)
    values, label = np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.bool_)
    paste(values, label, cutout, np.random.default_rng(seed), compressed=compressed)
    added = np.sinh(values) if compressed else values
    assert label.sum() == cutout.mask.sum()
    assert 0.69 * 4.9 < added[label].min() and added[label].max() < 1.31 * 5.1
    assert np.abs(added[~label]).max() < 0.2


def test_targets_are_pasted_everywhere_but_on_others() -> None:
    (cutout,) = cut_out(*scene(), compressed=False)
    random = np.random.default_rng(1)
    rows, columns = set(), set()
    for _ in range(400):
        values, label = np.zeros((24, 24), np.float32), np.zeros((24, 24), np.bool_)
        paste(values, label, cutout, random, compressed=False)
        place = np.argwhere(label)[0]
        rows.add(int(place[0]))
        columns.add(int(place[1]))
    assert rows == set(range(MARGIN, 24 - MARGIN - 2)) and columns == set(range(MARGIN, 24 - MARGIN - 3))
    taken = np.ones((24, 24), np.bool_)
    paste(values := np.zeros((24, 24), np.float32), taken, cutout, random, compressed=False)
    assert not values.any()


def test_a_target_that_is_larger_than_the_crop_is_left_out() -> None:
    cutout = Cutout(np.ones((20, 40), np.float32), np.ones((20, 40), np.bool_), top=0, left=0, contrast=1.0)
    values, label = np.zeros((32, 32), np.float32), np.zeros((32, 32), np.bool_)
    paste(values, label, cutout, np.random.default_rng(0), compressed=False)
    assert not values.any() and not label.any()
