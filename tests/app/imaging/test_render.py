"""Levels that can always be used, and rendering that is right and fast."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.imaging import colours, render
from app.imaging.render import Levels

any_float = st.floats(width=64, allow_nan=True, allow_infinity=True)


@given(any_float, any_float)
def test_safe_levels_are_always_usable(low: float, high: float) -> None:
    levels = render.safe_levels(low, high)
    assert math.isfinite(levels.low) and math.isfinite(levels.high)
    assert np.float32(levels.low) < np.float32(levels.high)
    ends = np.array([[levels.low, levels.high]], np.float32)
    first, last = render.to_index(ends, levels)[0].tolist()
    assert first <= 5 and last >= 250  # float32 rounds large limits


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("value", [0, 7, 200])
def test_constant_frames_have_levels(dtype: type, value: int) -> None:
    pixels: NDArray[Any] = np.full((5, 4), value, dtype)
    for levels in (render.min_max_levels(pixels), render.percentile_levels(pixels)):
        assert levels.low < value < levels.high
        assert render.to_index(pixels, levels).tolist() == [[128] * 4] * 5


def test_not_finite_values_are_ignored() -> None:
    pixels = np.array([[np.nan, np.inf, -np.inf, 2.0, 4.0]], np.float32)
    assert render.min_max_levels(pixels) == (2.0, 4.0)
    assert render.to_index(pixels, Levels(2, 4)).tolist() == [[0, 255, 0, 0, 255]]
    nothing = np.full((3, 3), np.nan, np.float32)
    assert render.min_max_levels(nothing) == render.percentile_levels(nothing) == (0.0, 1.0)
    counts, edges = render.histogram(nothing)
    assert counts.sum() == 0 and np.isfinite(edges).all()


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=50), st.floats(0, 40), st.floats(60, 100))
def test_percentiles_of_whole_numbers_are_values_of_the_frame(values: list[int], low: float, high: float) -> None:
    pixels = np.array([values], np.uint16)
    levels = render.percentile_levels(pixels, low=low, high=high)
    expected = np.percentile(pixels, [low, high], method="lower")
    assert levels == render.safe_levels(*expected)


def test_percentiles_ignore_a_glowing_pixel_but_min_max_does_not() -> None:
    pixels = np.tile(np.arange(100, 200, dtype=np.uint16), (100, 1))
    pixels[0, 0] = 65535
    assert render.percentile_levels(pixels).high < 200
    assert render.min_max_levels(pixels).high == 65535


@pytest.mark.parametrize("gamma", [1.0, 0.5, 2.2])
def test_tables_and_arithmetic_agree(gamma: float) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (40, 50)).astype(np.uint16)
    levels = Levels(1000.0, 50000.0)
    by_table = render.to_index(pixels, levels, gamma=gamma)
    by_arithmetic = render.to_index(pixels.astype(np.float32), levels, gamma=gamma)
    np.testing.assert_array_equal(by_table, by_arithmetic)
    exact = np.clip((pixels - 1000.0) / 49000.0, 0, 1) ** (1 / gamma) * 255
    assert np.abs(by_table - exact).max() < 0.51


def test_rgba_is_the_table_looked_up() -> None:
    pixels = np.array([[0, 128, 255]], np.uint8)
    shown = render.to_rgba(pixels, Levels(0, 255), colour_map="ironbow")
    table = colours.colour_map("ironbow")
    assert shown.dtype == np.uint8
    assert shown[0].tolist() == [[*table[v].tolist(), 255] for v in (0, 128, 255)]


def test_gamma_must_be_positive() -> None:
    with pytest.raises(ValueError, match="gamma"):
        render.to_index(np.zeros((1, 1), np.uint8), Levels(0, 1), gamma=0.0)


def test_a_frame_of_640_by_512_renders_well_within_a_display_tick() -> None:
    pixels = np.random.default_rng(1).integers(6000, 10000, (512, 640)).astype(np.uint16)
    levels = render.percentile_levels(pixels)
    times = []
    for _ in range(15):
        start = time.perf_counter()
        render.to_rgba(pixels, levels, colour_map="white_hot")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005


@pytest.mark.parametrize("name", colours.COLOUR_MAPS)
def test_colour_maps_are_complete_and_cannot_be_changed(name: str) -> None:
    table = colours.colour_map(name)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0
    brightness = table @ np.array([0.299, 0.587, 0.114])
    steps = np.diff(brightness if name != "black_hot" else brightness[::-1])
    assert (steps > -0.6).all(), "a brighter pixel must never look darker"
    assert abs(brightness[-1] - brightness[0]) > 150


def test_unknown_colour_map_is_named() -> None:
    with pytest.raises(ValueError, match="jet"):
        colours.colour_map("jet")


def test_overlay_colours_differ() -> None:
    shown_together = [colours.LABEL, colours.PREDICTION, colours.FOUND, colours.MISSED, colours.FALSE_ALARM]
    for i, first in enumerate(shown_together):
        for second in shown_together[i + 1 :]:
            assert sum(abs(a - b) for a, b in zip(first, second, strict=True)) > 100


def test_sigma_levels_are_mean_and_deviation() -> None:
    pixels = np.array([[1, 2], [3, 6]], np.uint16)  # mean 3, squares 4 + 1 + 0 + 9: deviation √3.5
    low, high = render.sigma_levels(pixels, sigmas=2.0)
    assert (low, high) == pytest.approx((3 - 2 * 3.5**0.5, 3 + 2 * 3.5**0.5))
    broken = np.array([[np.nan, 5.0], [np.inf, 7.0]], np.float32)
    assert render.sigma_levels(broken, sigmas=1.0) == pytest.approx((5.0, 7.0))
    assert render.sigma_levels(np.full((2, 2), np.nan, np.float32)).low < 1.0
