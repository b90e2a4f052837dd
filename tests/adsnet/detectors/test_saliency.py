"""The traditional methods against their definitions and against maps worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet.detectors.aadcdd import Aadcdd
from adsnet.detectors.lef import Lef
from adsnet.detectors.protocol import SaliencyMethod
from adsnet.detectors.tllcm import Tllcm, merged, top_means
from adsnet.detectors.tophat import TopHat
from adsnet.detectors.windows import box_sum, shifted
from tests.adsnet.detectors import by_definition

DTYPES = (np.uint8, np.uint16, np.float32, np.float64)
METHODS: dict[str, SaliencyMethod] = {"tophat": TopHat(), "lef": Lef(), "aadcdd": Aadcdd(), "tllcm": Tllcm()}
DEFINITIONS: dict[str, Callable[[NDArray[Any]], NDArray[np.float64]]] = {
    "tophat": lambda pixels: by_definition.tophat(pixels, 5),
    "lef": lambda pixels: by_definition.lef(pixels, 0.2, 0.5, 9),
    "aadcdd": lambda pixels: by_definition.aadcdd(pixels, (3, 5, 7, 9), 19),
    "tllcm": lambda pixels: by_definition.tllcm(pixels, (3, 5, 7, 9), 9),
}

every_method = pytest.mark.parametrize("name", METHODS)


def frame(height: int, width: int, dtype: Any, seed: int, levels: int = 0) -> NDArray[Any]:
    """Noise over the range of the type, or of few ``levels`` so that much of it is equal; floats around 0 too."""
    random = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.floating):
        return random.normal(3.0, 4.0, (height, width)).round(1 if levels else 9).astype(dtype)
    return random.integers(0, levels or np.iinfo(dtype).max + 1, (height, width)).astype(dtype)


def single(size: int, background: float, value: float) -> NDArray[np.float32]:
    """One pixel in the middle of a flat frame."""
    pixels = np.full((size, size), background, np.float32)
    pixels[size // 2, size // 2] = value
    return pixels


def assert_close(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.dtype == np.float64 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * max(float(expected.max()), 1e-300))


# ---- the definitions ----------------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_fast_form_is_the_definition(name: str, dtype: Any) -> None:
    pixels = frame(13, 16, dtype, seed=1)
    saliency = METHODS[name].saliency(pixels)
    assert_close(saliency, DEFINITIONS[name](pixels))
    assert len(np.unique(saliency)) > 15  # of mostly zeros, too, it is many values that are compared


@every_method
@settings(max_examples=25)
@given(
    height=st.integers(1, 7), width=st.integers(1, 7), dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999), levels=st.sampled_from([0, 2, 3]),
)  # fmt: skip
def test_also_of_frames_smaller_than_the_windows(
    name: str, height: int, width: int, dtype: Any, seed: int, levels: int
) -> None:
    pixels = frame(height, width, dtype, seed, levels)
    expected = np.zeros(pixels.shape) if pixels.min() == pixels.max() else DEFINITIONS[name](pixels)
    assert_close(METHODS[name].saliency(pixels), expected)


@pytest.mark.parametrize("side", [3, 5, 7, 9])
def test_every_scale_by_itself(side: int) -> None:
    """In the maximum over the scales the larger ones seldom show on noise."""
    rows, columns = np.mgrid[:17, :15]
    blob = 60 * np.exp(-((rows - 8) ** 2 + (columns - 6) ** 2) / (2 * (side / 3) ** 2))
    pixels = np.rint(frame(17, 15, np.uint8, seed=side, levels=30) + blob).astype(np.uint8)
    for method, expected in (
        (Aadcdd(inner=(side,)), by_definition.aadcdd(pixels, (side,), 19)),
        (Tllcm(sides=(side,)), by_definition.tllcm(pixels, (side,), 9)),
    ):
        saliency = method.saliency(pixels)
        assert_close(saliency, expected)
        assert np.count_nonzero(saliency) > 3
    for name in ("aadcdd", "tllcm"):
        assert_close(METHODS[name].saliency(pixels), DEFINITIONS[name](pixels))


@pytest.mark.parametrize("dtype", DTYPES)
def test_also_with_other_parameters(dtype: Any) -> None:
    pixels = frame(11, 9, dtype, seed=2)
    assert_close(TopHat(7).saliency(pixels), by_definition.tophat(pixels, 7))
    assert_close(Lef(h=0.4, a=0.2, largest=3).saliency(pixels), by_definition.lef(pixels, 0.4, 0.2, 3))
    assert_close(Aadcdd(inner=(5, 9), outer=11).saliency(pixels), by_definition.aadcdd(pixels, (5, 9), 11))
    assert_close(Tllcm(sides=(5, 11), brightest=4).saliency(pixels), by_definition.tllcm(pixels, (5, 11), 4))


# ---- by hand ------------------------------------------------------------------------------------------------


def test_tophat_keeps_what_is_narrower_than_the_square() -> None:
    pixels = np.full((20, 20), 7, np.uint8)
    pixels[8:12, 3:13] = 57  # 4 rows: too low for the square
    pixels[13:18, 3:13] = 57  # 5 rows: the square fits in
    pixels[:3, 15:] = 57  # of a square in the corner of the frame only 3 rows are visible
    expected = np.zeros((20, 20))
    expected[8:12, 3:13] = 50
    np.testing.assert_array_equal(TopHat().saliency(pixels), expected)


def test_tophat_of_the_whole_range_does_not_wrap() -> None:
    pixels = np.zeros((9, 9), np.uint16)
    pixels[4, 4] = 65535
    assert TopHat().saliency(pixels)[4, 4] == 65535 == TopHat().saliency(pixels).sum()


def test_lef_of_a_single_pixel() -> None:
    saliency = Lef().saliency(single(41, 5.0, 13.0))
    # There s = 1 and d = v, both the best of the frame. Where the pixel lies in one of the outer cells E′/E is
    # (7/8)/(8/9), so that s = 1 − (9/8)(63/64) = −55/512, the worst; the worst d is −v/8, beside it at L = 1.
    assert saliency[20, 20] == 1.0
    # Far from it s = 0 and d = 0: s̃ = 55/567 and d̃ = 1/9.
    far = math.exp(-(0.5 * (512 / 567) ** 2 + 0.5 * (8 / 9) ** 2) / 0.08)
    assert saliency[0, 0] == pytest.approx(far, rel=1e-12)
    # Beside it the centre cell of L = 3 holds it: s = 1, but d = 0.
    assert saliency[20, 21] == pytest.approx(math.exp(-0.5 * (8 / 9) ** 2 / 0.08), rel=1e-12)


@pytest.mark.parametrize("pixels", [np.array([[9, 4]], np.uint8), np.array([[3.50292088], [2.47158055]])])
def test_lef_where_one_cue_is_the_same_everywhere(pixels: NDArray[Any]) -> None:
    """s is equal at both pixels and all scales and must not be scaled to 0..1 by its rounding: s̃ = 0, d̃ = 1 and 0."""
    saliency = Lef().saliency(pixels).ravel()
    assert saliency[0] == pytest.approx(math.exp(-0.5 / 0.08), rel=1e-9)
    assert saliency[1] < saliency[0] / 10


def test_aadcdd_of_a_single_pixel() -> None:
    saliency = Aadcdd().saliency(single(25, 4.0, 22.0))
    # L = 3: (v/9)² · v with v = 18; beside it a derivative is negative.
    assert saliency[12, 12] == pytest.approx(18.0**3 / 81)
    saliency[12, 12] = 0
    assert not saliency.any()


def test_aadcdd_of_a_square_takes_the_window_that_fits() -> None:
    pixels = np.zeros((31, 31), np.uint8)
    pixels[13:18, 13:18] = 6
    # L = 5: 6² · 3 · 6 = 648. L = 7: (25/49 · 6)² · 3 · 6 is less. L = 3: no derivative, the next pixel is as bright.
    assert Aadcdd().saliency(pixels)[15, 15] == pytest.approx(648)
    assert Aadcdd(inner=(3,)).saliency(pixels)[15, 15] == 0


def test_tllcm_of_a_single_pixel() -> None:
    saliency = Tllcm().saliency(single(31, 4.0, 20.0))
    # G = 4 + 16/4 = 8, 4 + 16/8 = 6 and 4 + 16/16 = 5; no outer cell at L = 3 sees the pixel: B = 4, G²/B − G.
    np.testing.assert_allclose(saliency[14:17, 14:17], np.array([[1.25, 3, 1.25], [3, 8, 3], [1.25, 3, 1.25]]))
    saliency[14:17, 14:17] = 0
    assert not saliency.any()


def test_tllcm_before_perfect_black() -> None:
    """The smallest B above 0 is that of the pixel in a cell, v/9: G = v/4, S = 9 v/16 − v/4."""
    assert Tllcm().saliency(single(41, 0.0, 16.0))[20, 20] == pytest.approx(5.0)


def test_tllcm_lifts_negative_values_only() -> None:
    lifted = Tllcm().saliency(single(31, 0.0, 16.0))
    np.testing.assert_array_equal(Tllcm().saliency(single(31, -50.0, -34.0)), lifted)
    assert not np.allclose(Tllcm().saliency(single(31, 1.0, 17.0)), lifted)


# ---- what all have in common --------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0, 1 / 3, 251])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (24, 27)])
def test_a_flat_frame_holds_nothing(name: str, dtype: Any, value: float, shape: tuple[int, int]) -> None:
    saliency = METHODS[name].saliency(np.full(shape, value, dtype))
    assert saliency.shape == shape and saliency.dtype == np.float64 and not saliency.any()


@every_method
def test_the_input_is_not_changed(name: str) -> None:
    pixels = frame(12, 12, np.float64, seed=3)
    before = pixels.copy()
    METHODS[name].saliency(pixels)
    np.testing.assert_array_equal(pixels, before)


@every_method
def test_memory_order_makes_no_difference(name: str) -> None:
    pixels = frame(12, 15, np.uint8, seed=4)
    views = (np.asfortranarray(pixels), pixels[::-1].copy()[::-1], np.repeat(pixels, 2, axis=1)[:, ::2])
    for view in views:
        np.testing.assert_array_equal(METHODS[name].saliency(view), METHODS[name].saliency(pixels))


@pytest.mark.parametrize(("name", "degree"), [("tophat", 1), ("lef", 0), ("aadcdd", 3), ("tllcm", 1)])
def test_16_bits_need_no_scaling(name: str, degree: int) -> None:
    """Another gain scales the map by its power and so changes no mask of a rule without unit."""
    pixels = frame(20, 20, np.uint8, seed=5)
    wide = METHODS[name].saliency(pixels.astype(np.uint16) * np.uint16(257))
    np.testing.assert_allclose(wide, METHODS[name].saliency(pixels) * 257.0**degree, rtol=1e-9)


@pytest.mark.parametrize("name", ["tophat", "lef", "aadcdd"])
def test_an_offset_changes_nothing(name: str) -> None:
    pixels = frame(20, 20, np.uint8, seed=6)
    lifted = METHODS[name].saliency(pixels.astype(np.uint16) + np.uint16(40_000))
    np.testing.assert_allclose(lifted, METHODS[name].saliency(pixels), rtol=1e-9)
    fine = pixels / 2.0**20  # so are small differences of float64 on a large offset, whose sums would be rounded
    np.testing.assert_allclose(METHODS[name].saliency(fine + 2.0**24), METHODS[name].saliency(fine), rtol=1e-9)


@every_method
def test_mirrored_frames_have_mirrored_maps(name: str) -> None:
    pixels = frame(14, 17, np.uint16, seed=7)
    saliency = METHODS[name].saliency(pixels)
    for turn in (np.flipud, np.fliplr, np.transpose):
        np.testing.assert_allclose(METHODS[name].saliency(turn(pixels).copy()), turn(saliency), rtol=1e-9)


@pytest.mark.parametrize("name", ["lef", "aadcdd", "tllcm"])
def test_a_flat_part_of_a_float_frame_is_exactly_flat(name: str) -> None:
    """Rounding of a bright place must not reach where all is equal, least where it is divided by rounding."""
    pixels = np.full((60, 40), np.float32(0.1))
    pixels[:8] = np.random.default_rng(8).uniform(0, 1e9, (8, 40))
    calm = METHODS[name].saliency(pixels)[40:]
    assert len(np.unique(calm)) == 1


def test_a_frame_has_rows_and_columns() -> None:
    for shape in [(4,), (0, 5), (2, 2, 3)]:
        with pytest.raises(ValueError, match="rows and columns"):
            TopHat().saliency(np.zeros(shape))


# ---- the parts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, 3, 5, 15])
def test_box_sums(side: int) -> None:
    padded = frame(7 + side - 1, 5 + side - 1, np.float64, seed=9)
    sums = box_sum(padded, side)
    expected = np.array([[padded[y : y + side, x : x + side].sum() for x in range(5)] for y in range(7)])
    np.testing.assert_allclose(sums, expected, rtol=1e-12)


def test_shifted_views() -> None:
    padded = np.arange(7 * 9).reshape(7, 9)
    np.testing.assert_array_equal(shifted(padded, 2, 0, 0), padded[2:-2, 2:-2])
    np.testing.assert_array_equal(shifted(padded, 2, -2, 1), padded[:3, 3:8])


@given(st.data())
def test_merged_lists(data: st.DataObject) -> None:
    values = st.lists(st.integers(0, 9), max_size=12)
    a, b = (sorted(data.draw(values), reverse=True) for _ in range(2))
    keep = data.draw(st.integers(1, 14))
    found = merged([np.array([x]) for x in a], [np.array([x]) for x in b], keep)
    assert [int(x[0]) for x in found] == sorted([*a, *b], reverse=True)[:keep]


@pytest.mark.parametrize("side", [3, 5, 7, 9, 11])
@pytest.mark.parametrize("count", [1, 2, 8, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_means_of_the_largest(side: int, count: int, dtype: Any) -> None:
    padded = frame(6 + side - 1, 8 + side - 1, dtype, seed=10)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side)).reshape(6, 8, -1)
    expected = np.sort(windows.astype(np.float64))[..., -count:].mean(axis=-1)
    np.testing.assert_allclose(top_means(padded, side, count), expected, rtol=1e-12)
