"""Profiles against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imaging.profile import Profile, as_table, peak_of, profile_along

FRAME = np.array([[10, 20, 30, 40], [50, 60, 70, 80], [90, 100, 110, 65535]], np.uint16)
places = st.tuples(st.integers(0, 3), st.integers(0, 2))


def of(*values: float) -> Profile:
    """A level profile with these values."""
    at = np.arange(len(values), dtype=np.float64)
    return Profile(at, np.zeros_like(at), at, np.array(values, np.float64))


def test_level_upright_and_diagonal_lines_give_native_values() -> None:
    assert profile_along(FRAME, (0, 1), (3, 1)).values.tolist() == [50, 60, 70, 80]
    assert profile_along(FRAME, (2, 2), (2, 0)).values.tolist() == [110, 70, 30]
    diagonal = profile_along(FRAME, (1, 0), (3, 2))
    assert diagonal.values.tolist() == [20, 70, 65535]
    assert diagonal.distance == pytest.approx([0, math.sqrt(2), 2 * math.sqrt(2)])


def test_other_lines_are_interpolated_across_only() -> None:
    """From (0, 0) to (3, 1) the line is at the heights 0, 1/3, 2/3 and 1 in the four columns."""
    made = profile_along(FRAME, (0, 0), (3, 1))
    assert made.values == pytest.approx([10, 20 + 40 / 3, 30 + 80 / 3, 80])
    assert made.x.tolist() == [0, 1, 2, 3] and made.y == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert made.distance == pytest.approx(np.array([0, 1, 2, 3]) * math.sqrt(10) / 3)
    steep = profile_along(FRAME, (1, 0), (2, 2))
    assert steep.values == pytest.approx([20, 65, 110])


@given(places, places)
def test_the_way_back_has_the_same_values(start: tuple[int, int], end: tuple[int, int]) -> None:
    there, back = profile_along(FRAME, start, end), profile_along(FRAME, end, start)
    assert there.values == pytest.approx(back.values[::-1])
    assert there.values[0] == FRAME[start[1], start[0]] and there.values[-1] == FRAME[end[1], end[0]]
    assert there.distance[-1] == pytest.approx(math.dist(start, end))


def test_a_broken_pixel_beside_the_line_is_not_on_it() -> None:
    frame = np.array([[1.0, 2.0, 3.0], [np.nan, np.nan, np.nan]], np.float32)
    assert profile_along(frame, (0, 0), (2, 0)).values.tolist() == [1, 2, 3]
    assert peak_of(profile_along(frame, (0, 0), (2, 1))) is None


def test_an_end_outside_the_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="4, 0"):
        profile_along(FRAME, (0, 0), (4, 0))


def test_the_width_of_a_triangle_by_hand() -> None:
    """Base 10, peak 50: half of the height is at 30, which 10 → 50 crosses half way between two samples."""
    peak = peak_of(of(10, 10, 10, 10, 50, 10, 10, 10, 10))
    assert peak is not None
    assert (peak.at, peak.value, peak.base, peak.height) == (4, 50, 10, 40)
    assert (peak.left, peak.right, peak.fwhm) == (3.5, 4.5, 1.0)
    # A flank through 20 crosses 30 at two thirds of the way back: 4 - (50 - 30) / (50 - 20).
    wide = peak_of(of(10, 10, 10, 20, 50, 40, 10, 10, 10))
    assert wide is not None
    assert wide.left == pytest.approx(4 - 20 / 30) and wide.right == pytest.approx(5 + 10 / 30)


def test_the_width_of_a_gaussian_is_2_355_sigma() -> None:
    for sigma in (1.5, 3.0):
        x = np.arange(61, dtype=np.float64)
        values = 7000 + 900 * np.exp(-((x - 30) ** 2) / (2 * sigma**2))
        peak = peak_of(Profile(x, np.zeros(61), x, values))
        assert peak is not None and peak.fwhm == pytest.approx(2 * math.sqrt(2 * math.log(2)) * sigma, rel=0.02)


def test_a_dark_target_is_a_peak_downwards() -> None:
    peak = peak_of(of(90, 91, 90, 89, 20, 90, 91, 89, 90))
    assert peak is not None and peak.height == -70 and peak.fwhm == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    "values",
    [(5, 5, 5, 5, 5), (1, 2, 3, 4, 5, 6, 7, 8, 9), (50, 10, 10, 10, 10, 10), (1, 9), (10, 13, 9, 14, 8, 12, 11, 9)],
    ids=["flat", "a slope", "cut by the end of the line", "too short", "noise"],
)
def test_where_there_is_no_peak(values: tuple[float, ...]) -> None:
    assert peak_of(of(*values)) is None


def test_the_table_has_a_line_for_each_sample() -> None:
    assert as_table(profile_along(FRAME, (0, 0), (1, 0))).splitlines() == [
        "x\ty\tdistance\tvalue", "0\t0\t0\t10", "1\t0\t1\t20",
    ]  # fmt: skip
