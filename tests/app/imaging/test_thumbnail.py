"""Small pictures show the values of the maps that they are of."""

from __future__ import annotations

import numpy as np
import pytest

from app.imaging.colours import PREDICTION, colour_map
from app.imaging.thumbnail import SIDE, decision_rgba, frame_rgba, map_rgba, mask_rgba, strongest
from tests.app.imaging.test_overlay import decision


@pytest.mark.parametrize("shape", [(7, 5), (161, 20), (1000, 640), (333, 1)])
def test_no_maximum_is_lost(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).random(shape)
    small = strongest(values)
    assert max(small.shape) <= SIDE and small.max() == values.max()
    step = -(-max(shape) // SIDE)
    assert small[-1, -1] == values[(small.shape[0] - 1) * step :, (small.shape[1] - 1) * step :].max()


def test_a_map_is_coloured_by_its_values() -> None:
    rgba = map_rgba(np.array([[0.2, 0.3], [0.25, 0.6]], np.float32))
    table = colour_map("inferno")
    assert (rgba[0, 0, :3] == table[0]).all() and (rgba[1, 1, :3] == table[255]).all()
    assert (rgba[0, 1, :3] == table[round(0.25 * 255)]).all() and (rgba[..., 3] == 255).all()
    assert map_rgba(np.full((2, 2), 0.4, np.float32)).shape == (2, 2, 4)  # flat


def test_dropped_patches_are_dark() -> None:
    kept = np.array([[True, False]])
    rgba = decision_rgba(decision(kept, [0, 16], [0, 16, 32]))
    table = colour_map("inferno")
    assert (rgba[0, 0, :3] == table[255]).all()
    assert (rgba[0, 1, :3] == (table[0] * 0.3).astype(np.uint8)).all()


def test_a_target_of_one_pixel_is_in_the_picture() -> None:
    mask = np.zeros((2000, 1500), np.bool_)
    mask[1234, 777] = True
    rgba = mask_rgba(mask)
    assert (rgba[..., :3] == PREDICTION).all(axis=2).sum() == 1


def test_the_frame_is_shown_as_it_is_displayed() -> None:
    pixels = np.array([[100, 200]], np.uint16)
    from app.imaging.render import Levels

    rgba = frame_rgba(pixels, Levels(100.0, 200.0), colour_map="black_hot", gamma=1.0)
    assert rgba[0, 0, 0] == 255 and rgba[0, 1, 0] == 0


@pytest.mark.parametrize("shape", [(320, 320), (333, 500), (161, 1)])
def test_blocks_are_what_reduceat_says(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(2).integers(0, 65535, shape).astype(np.uint16)
    step = -(-max(shape) // SIDE)
    rows = np.maximum.reduceat(values, np.arange(0, shape[0], step), axis=0)
    expected = np.maximum.reduceat(rows, np.arange(0, shape[1], step), axis=1)
    assert np.array_equal(strongest(values), expected)
