"""What is said about the place under the pointer is what the definition gives for the whole frame."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from adsnet.targets import scr
from app.imaging.probe import contrast_of, read_at

RNG = np.random.default_rng(11)


def frame(kind: Any = np.uint16) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    pixels = RNG.normal(7000, 40, (90, 120)).astype(kind)
    mask = np.zeros((90, 120), np.bool_)
    for row, column in ((0, 0), (45, 60), (88, 117)):
        mask[row : row + 2, column : column + 3] = True
    pixels[mask] += np.array(500).astype(kind)
    return pixels, mask


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (61, 46), (119, 89)])
def test_on_a_target_it_is_the_scr_of_the_target(kind: Any, x: int, y: int) -> None:
    pixels, mask = frame(kind)
    reading = read_at(pixels, x, y, masks=(None, mask))
    assert reading is not None and reading.on_target
    one = np.zeros_like(mask)
    top, left = (0, 0) if y == 0 else (45, 60) if y == 46 else (88, 117)
    one[top : top + 2, left : left + 3] = True
    assert reading.contrast.scr == pytest.approx(scr(pixels, one), rel=1e-12)
    assert reading.value == float(pixels[y, x]) and (reading.row, reading.column) == (y, x)


def test_by_hand() -> None:
    """Around the 3 × 3 block are 43² − 9 = 1840 pixels, half 100 and half 104, but for nine at 110."""
    pixels = np.full((60, 60), 100, np.uint16)
    pixels[:, ::2] = 104
    pixels[29:32, 29:32] = 110
    reading = read_at(pixels, 30.4, 29.6)
    assert reading is not None and not reading.on_target
    columns = np.arange(9, 52)
    outside = np.repeat(np.where(columns % 2 == 0, 104.0, 100.0)[None], 43, axis=0)
    left_out = np.zeros((43, 43), np.bool_)
    left_out[20:23, 20:23] = True
    rest = outside[~left_out]
    assert rest.size == 1840
    assert reading.contrast.difference == pytest.approx(110 - rest.mean())
    assert reading.contrast.scr == pytest.approx((110 - rest.mean()) / rest.std())


def test_a_cold_target_has_a_negative_contrast_and_a_positive_ratio() -> None:
    pixels, mask = frame(np.float32)
    reading = read_at(2 * 7000 - pixels, 61, 46, masks=(mask,))
    assert reading is not None and reading.contrast.difference < -400 and reading.contrast.scr > 5


def test_outside_and_in_tiny_or_flat_frames() -> None:
    pixels = np.full((2, 2), 9, np.uint8)
    assert read_at(pixels, -0.6, 0) is None and read_at(pixels, 0, 1.6) is None
    reading = read_at(pixels, 0, 0)
    assert reading is not None and reading.value == 9.0 and math.isnan(reading.contrast.scr)
    flat = read_at(np.full((50, 50), 9, np.uint8), 20, 20)
    assert flat is not None and flat.contrast.scr == 0.0


def test_a_mask_of_another_size_is_left_aside() -> None:
    reading = read_at(np.zeros((50, 50), np.uint8), 20, 20, masks=(np.ones((10, 10), np.bool_),))
    assert reading is not None and not reading.on_target


def test_it_costs_the_surroundings_and_not_the_frame() -> None:
    """Cheap enough for every move of the mouse: on 4096² less than a few times of what 256² takes."""

    def seconds(side: int) -> float:
        pixels, mask = np.zeros((side, side), np.uint16), np.zeros((side, side), np.bool_)
        mask[100:104, 100:104] = True
        best = math.inf
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(10):
                read_at(pixels, 101, 101, masks=(mask,))
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(4096) < 5 * seconds(256)


def test_the_contrast_of_a_region_does_not_depend_on_the_frame_around() -> None:
    pixels, mask = frame()
    box = (60, 45, 3, 2)
    assert contrast_of(pixels, box, mask[45:47, 60:63]).scr == pytest.approx(
        scr(pixels, mask & (np.arange(120) < 70) & (np.arange(120) > 50))
    )
