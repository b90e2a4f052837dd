"""Heights are native values, no target is lost in a large region, and near faces are drawn over far ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.imaging.surface import MOST_POINTS, RELIEF, View, faces_of, heights_in, mesh_of


def test_a_small_region_has_its_native_values() -> None:
    frame = np.arange(20, dtype=np.uint16).reshape(4, 5)
    heights, block = heights_in(frame, (1, 1, 3, 2))
    assert block == 1 and heights.tolist() == [[6, 7, 8], [11, 12, 13]]
    assert heights_in(frame, (-2, 3, 4, 9))[0].tolist() == [[15, 16]], "what is outside the frame is left out"
    assert heights_in(frame, (7, 7, 3, 3))[0].size == 0


def test_a_target_of_one_pixel_stays_in_a_large_region() -> None:
    frame = np.zeros((500, 700), np.uint16)
    frame[321, 654] = 999
    heights, block = heights_in(frame, (0, 0, 700, 500))
    assert max(heights.shape) <= MOST_POINTS and heights.max() == 999 and block == math.ceil(700 / MOST_POINTS)


def test_broken_pixels_lie_on_the_ground() -> None:
    heights, _ = heights_in(np.array([[np.nan, 5], [np.inf, 7]], np.float32), (0, 0, 2, 2))
    assert heights.tolist() == [[5, 5], [5, 7]]
    assert heights_in(np.full((2, 2), np.nan, np.float32), (0, 0, 2, 2))[0].tolist() == [[0, 0], [0, 0]]


def test_the_projection_by_hand() -> None:
    """Seen from 30° above, unturned: columns go right, rows come down by sin 30°, heights go up by cos 30°."""
    heights = np.array([[0.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 0.0]])
    mesh = mesh_of(heights, View(0.0, 30.0))
    assert (mesh.low, mesh.high) == (0.0, 8.0)
    first = mesh.quads[mesh.cells.tolist().index([0, 0])]
    up = RELIEF * math.cos(math.radians(30))
    assert first == pytest.approx(np.array([[-0.5, -0.25], [0.0, -0.25], [0.0, -up], [-0.5, 0.0]]))
    assert mesh.floor == pytest.approx(np.array([[-0.5, -0.25], [0.5, -0.25], [0.5, 0.25], [-0.5, 0.25]]))
    assert mesh.top == pytest.approx(mesh.floor - [0.0, up])
    assert faces_of(heights).tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 90.0, 200.0, 315.0])
def test_faces_are_drawn_from_far_to_near(azimuth: float) -> None:
    mesh = mesh_of(np.zeros((7, 5)), View(azimuth, 40.0))
    middles = mesh.quads.mean(axis=1)[:, 1]  # without heights, what is lower on the screen is nearer
    assert (np.diff(middles) > -1e-9).all()
    assert sorted(map(tuple, mesh.cells.tolist())) == [(r, c) for r in range(6) for c in range(4)]


def test_turning_has_limits_above_and_none_around() -> None:
    view = View().turned(-400, 1000)
    assert 0 <= view.azimuth < 360 and view.elevation == 80.0 and view.turned(0, -1000).elevation == 10.0


def test_flat_regions_and_too_small_ones() -> None:
    mesh = mesh_of(np.full((3, 3), 7.0), View())
    assert np.isfinite(mesh.quads).all() and mesh.low == mesh.high == 7.0
    with pytest.raises(ValueError, match="2 × 2"):
        mesh_of(np.zeros((1, 9)), View())
