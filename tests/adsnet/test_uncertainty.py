"""The uncertainty of a frame is the mean binary entropy in and around its mask."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adsnet.uncertainty import NEAR, uncertainty


def entropy(p: float) -> float:
    return 0.0 if p in (0.0, 1.0) else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def test_sure_and_unsure_ends() -> None:
    sure = np.zeros((20, 20), np.float32)
    sure[5:8, 5:8] = 1.0
    assert uncertainty(sure) == 0.0
    assert uncertainty(np.full((9, 9), 0.5, np.float32)) == pytest.approx(1.0)
    assert uncertainty(np.zeros((4, 4), np.float32)) == 0.0


def test_only_pixels_near_the_mask_count() -> None:
    probability = np.full((40, 50), 0.1, np.float32)
    probability[30:, :] = 0.5  # unsure, but far away and not above the threshold
    probability[10:13, 20:22] = 0.9
    side = (3 + 2 * NEAR) * (2 + 2 * NEAR)
    expected = (6 * entropy(0.9) + (side - 6) * entropy(0.1)) / side
    assert uncertainty(probability) == pytest.approx(expected, abs=1e-6)


def test_without_a_mask_the_highest_probability_counts() -> None:
    probability = np.zeros((20, 20), np.float32)
    probability[0, 0] = 0.4
    assert uncertainty(probability) == pytest.approx(entropy(0.4) / (NEAR + 1) ** 2, abs=1e-6)


def test_the_threshold_moves_the_mask() -> None:
    probability = np.full((20, 20), 0.01, np.float32)
    probability[3, 3], probability[15, 15] = 0.6, 0.95
    assert uncertainty(probability, threshold=0.9) < uncertainty(probability, threshold=0.5)
