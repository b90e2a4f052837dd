"""Masks half a pixel beside their targets are noticed, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.training.offsets import masks_lie_beside

Frame = tuple[NDArray[np.float32], NDArray[np.bool_]]


def spot(seed: int, beside: tuple[float, float], *, radius: float = 2.2, strength: float = 20.0) -> Frame:
    """A Gaussian spot in noise; its mask is a disc with the given offset from its centre."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :32].astype(np.float64)
    y, x = 16 + random.integers(-4, 5) - beside[0], 16 + random.integers(-4, 5) - beside[1]
    values = strength * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * (0.7 * radius) ** 2))
    mask = np.hypot(rows - y - beside[0], columns - x - beside[1]) <= radius
    return (values + random.normal(0, 1, values.shape)).astype(np.float32), mask


@pytest.mark.parametrize("beside", [(-0.5, -0.5), (0.5, 0.0), (0.0, -0.5)])
@pytest.mark.parametrize("radius", [2.2, 3.0])
def test_half_a_pixel_is_noticed(beside: tuple[float, float], radius: float) -> None:
    assert masks_lie_beside([spot(seed, beside, radius=radius) for seed in range(20)])


@pytest.mark.parametrize("radius", [1.0, 2.2, 3.0, 5.0])
def test_centred_masks_are_no_habit(radius: float) -> None:
    assert not masks_lie_beside([spot(seed, (0.0, 0.0), radius=radius) for seed in range(20)])


def test_offsets_to_all_sides_are_no_habit() -> None:
    sides = [(-0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (0.5, -0.5)]
    assert not masks_lie_beside([spot(seed, sides[seed % 4]) for seed in range(40)])


def test_cold_targets_count_like_warm_ones() -> None:
    assert masks_lie_beside([spot(seed, (-0.5, -0.5), strength=-20.0) for seed in range(20)])


def test_few_targets_and_dim_ones_say_nothing() -> None:
    assert not masks_lie_beside([spot(seed, (-0.5, -0.5)) for seed in range(9)])
    assert masks_lie_beside([spot(seed, (-0.5, -0.5)) for seed in range(10)])
    assert not masks_lie_beside([spot(seed, (-0.5, -0.5), strength=1.0) for seed in range(20)])


def test_one_class_of_size_is_enough() -> None:
    centred = [spot(seed, (0.0, 0.0), radius=1.0) for seed in range(40)]
    assert masks_lie_beside(centred + [spot(seed, (-0.5, -0.5)) for seed in range(20)])


def test_frames_without_targets_or_filled_by_one_have_none() -> None:
    noise = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float16)
    assert not masks_lie_beside([])
    assert not masks_lie_beside([(noise, np.zeros((12, 12), np.bool_)), (noise, np.ones((12, 12), np.bool_))] * 12)
