"""Native pixels to network input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adsnet.config import Normalisation
from adsnet.normalise import normalise, pad_to_multiple

OWN = Normalisation()


def scene(seed: int = 0, shape: tuple[int, int] = (20, 30)) -> Any:
    return np.random.default_rng(seed).integers(0, 200, shape)


def test_asinh_is_the_formula() -> None:
    pixels = scene().astype(np.uint16)
    values = pixels.astype(np.float64)
    expected = np.arcsinh((values - values.mean()) / values.std())
    got = normalise(pixels, OWN)
    assert got.dtype == np.float32 and got.shape == pixels.shape
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_fixed_is_the_formula() -> None:
    got = normalise(scene().astype(np.uint8), Normalisation("fixed", mean=80.0, std=16.0))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, ((scene() - 80) / 16).astype(np.float32))


@given(st.integers(1, 300), st.integers(0, 5000), st.integers(0, 50))
def test_gain_and_offset_make_no_difference(gain: int, offset: int, seed: int) -> None:
    pixels = scene(seed)
    brighter = (pixels * gain + offset).astype(np.uint16 if 200 * gain + offset < 65536 else np.float32)
    np.testing.assert_allclose(normalise(brighter, OWN), normalise(pixels.astype(np.uint8), OWN), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64, np.bool_])
def test_the_type_of_the_pixels_makes_no_difference(dtype: Any) -> None:
    pixels = scene() > 100
    np.testing.assert_array_equal(normalise(pixels.astype(dtype), OWN), normalise(pixels, OWN))


@pytest.mark.parametrize("value", [0, 255, 0.1, 12345.678, 3e38, 1e-40, -1e-30])
@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (301, 299)])
def test_a_flat_frame_is_zero(value: float, shape: tuple[int, int]) -> None:
    assert not normalise(np.full(shape, value, np.float32), OWN).any()


@pytest.mark.parametrize(
    ("low", "high"),
    [(-3.4e38, 3.4e38), (0, 1e-44), (1.5e-45, 4.5e-45), (1e8, 1e8 + 8), (65534, 65535), (-3e38, -2.9e38)],
)
def test_extreme_values_stay_finite_and_apart(low: float, high: float) -> None:
    pixels = np.full((8, 8), low, np.float32)
    pixels[3, 4] = high
    values = normalise(pixels, OWN)
    assert np.isfinite(values).all()
    # One pixel in n lies sqrt(n - 1) deviations from the mean, whatever the unit.
    assert values[3, 4] == pytest.approx(np.arcsinh(np.sqrt(63)), rel=1e-4)


def test_the_input_is_left_alone() -> None:
    pixels = scene().astype(np.float32)
    before = pixels.copy()
    normalise(pixels, OWN)
    normalise(pixels, Normalisation("fixed"))
    assert np.array_equal(pixels, before)
    read_only = np.frombuffer(before.tobytes(), np.float32).reshape(before.shape)
    assert normalise(read_only, OWN).flags.writeable


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 4, 16]))
def test_padding_repeats_the_last_row_and_column(height: int, width: int, multiple: int) -> None:
    values = np.random.default_rng(0).normal(size=(height, width)).astype(np.float32)
    padded = pad_to_multiple(values, multiple)
    rows, columns = padded.shape
    assert rows % multiple == 0 and columns % multiple == 0
    assert rows - height < multiple and columns - width < multiple
    assert np.array_equal(padded[:height, :width], values) and padded.flags.c_contiguous
    assert (padded[height:, :width] == values[-1]).all()
    assert (padded[:, width:] == padded[:, width - 1 : width]).all()
