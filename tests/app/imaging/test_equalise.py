"""CLAHE for the eye: order and fine steps are kept, the limit holds, and the frame itself stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.imaging.equalise import equalise
from app.imaging.render import Levels, min_max_levels

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_the_frame_is_not_written_to_and_the_picture_is_its_own(kind: Any) -> None:
    pixels = RNG.integers(0, 200, (70, 90)).astype(kind)
    before = pixels.copy()
    pixels.setflags(write=False)
    picture = equalise(pixels, min_max_levels(pixels))
    assert picture.dtype == np.uint16 and picture.shape == pixels.shape
    assert np.array_equal(pixels, before) and not np.shares_memory(picture, pixels)


def test_a_faint_target_in_16_bits_stands_out_more() -> None:
    """A bright slope takes most of the levels; the target is 30 of 12,000 grey values above its surroundings."""
    pixels = np.linspace(5000, 17000, 256)[None, :] + RNG.normal(0, 5, (256, 256))
    pixels[100:103, 60:63] += 60
    frame = pixels.astype(np.uint16)
    levels = min_max_levels(frame)
    picture = equalise(frame, levels, limit=4.0) / 65535
    plain = (frame - levels.low) / (levels.high - levels.low)

    def contrast(values: np.ndarray[Any, Any]) -> float:
        return float(values[100:103, 60:63].mean() - values[104:107, 60:63].mean())

    assert contrast(plain) == pytest.approx(0.005, abs=0.001)
    assert contrast(picture) > 1.2 * contrast(plain)


def test_16_bits_are_not_cut_to_8() -> None:
    """Two halves 200 of 30,000 values apart with single steps inside: 8 bits would make two values of each half."""
    pixels = np.full((64, 64), 30000, np.uint16)
    pixels += np.arange(64, dtype=np.uint16)[None, :] * 2
    pixels[0, 0], pixels[0, 1] = 20000, 50000
    picture = equalise(pixels, Levels(29900.0, 30300.0), limit=3.0)
    assert len(np.unique(picture[40])) == 64
    assert (np.diff(picture[40].astype(int)) > 0).all(), "what is brighter stays brighter within a tile"


def test_the_limit_bounds_how_much_contrast_is_raised() -> None:
    """One tile: the picture is a function of the value, whose steepness is the contrast."""
    pixels = np.full((31, 31), 500, np.uint16)
    pixels += RNG.integers(0, 40, (31, 31)).astype(np.uint16)
    pixels[0, :2] = 0, 1000
    for limit in (1.0, 2.0, 4.0):
        picture = equalise(pixels, Levels(0.0, 1000.0), limit=limit)
        values, first = np.unique(pixels, return_index=True)
        outputs = picture.ravel()[first].astype(float) / 65535
        inner = (values >= 500) & (values < 540)
        rise = outputs[inner][-1] - outputs[inner][0]
        plain = (values[inner][-1] - values[inner][0]) / 1000
        assert rise <= (limit + 1) * plain
    assert rise > 2 * plain, "contrast is raised where it may be"


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (17, 16), (129, 257)])
def test_any_size_and_flat_or_broken_values(shape: tuple[int, int]) -> None:
    flat = np.full(shape, 7, np.uint16)
    assert np.ptp(equalise(flat, min_max_levels(flat))) == 0
    broken = RNG.normal(0, 1, shape).astype(np.float32)
    broken[0, 0] = np.nan
    broken[-1, -1] = np.inf
    assert equalise(broken, min_max_levels(broken)).shape == shape


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        equalise(np.zeros((4, 4), np.uint8), Levels(0.0, 1.0), limit=0.5)
