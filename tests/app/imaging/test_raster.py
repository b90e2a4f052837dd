"""Shapes against slow, obvious definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from app.imaging import raster
from app.imaging.raster import Footprint

SHAPE = (24, 32)
positions = st.integers(-80, 360).map(lambda eighths: eighths / 8)  # exact when shifted by whole pixels
diameters = st.integers(1, 9)


def on_frame(footprint: Footprint, shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    x, y, w, h = footprint.box
    assert footprint.pixels.shape == (h, w)
    assert 0 <= x <= x + w <= shape[1]
    assert 0 <= y <= y + h <= shape[0]
    frame = np.zeros(shape, np.bool_)
    frame[y : y + h, x : x + w] = footprint.pixels
    return frame


def test_disk_shapes() -> None:
    assert raster.disk(1).tolist() == [[True]]
    assert raster.disk(2).all()
    assert raster.disk(3).all()
    assert raster.disk(4).tolist() == [
        [False, True, True, False],
        [True] * 4,
        [True] * 4,
        [False, True, True, False],
    ]


@pytest.mark.parametrize("diameter", range(1, 40))
def test_disk_is_symmetric_and_touches_all_sides(diameter: int) -> None:
    disk = raster.disk(diameter)
    assert disk.shape == (diameter, diameter)
    assert (disk == disk.T).all()
    assert (disk == disk[::-1]).all()
    assert disk[0].any()


@pytest.mark.parametrize("diameter", [0, -1, 257])
def test_disk_refuses_impossible_diameters(diameter: int) -> None:
    with pytest.raises(ValueError, match=str(diameter)):
        raster.disk(diameter)


@given(x=positions, y=positions)
def test_one_pixel_brush_paints_the_pixel_under_the_pointer(x: float, y: float) -> None:
    painted = np.argwhere(on_frame(raster.brush(x, y, diameter=1, shape=SHAPE)))
    row, column = math.floor(y + 0.5), math.floor(x + 0.5)
    inside = 0 <= row < SHAPE[0] and 0 <= column < SHAPE[1]
    assert painted.tolist() == ([[row, column]] if inside else [])


@given(x=positions, y=positions, diameter=diameters)
def test_brush_is_the_disk_nearest_to_the_pointer(x: float, y: float, diameter: int) -> None:
    wide = (SHAPE[0] + 80, SHAPE[1] + 80)
    painted = on_frame(raster.brush(x + 40, y + 40, diameter=diameter, shape=wide), wide)
    assert painted.sum() == raster.disk(diameter).sum()
    middle_row, middle_column = (float(v) for v in np.argwhere(painted).mean(axis=0))
    assert abs(middle_row - (y + 40)) <= 0.5 + 1e-9
    assert abs(middle_column - (x + 40)) <= 0.5 + 1e-9
    clipped = on_frame(raster.brush(x, y, diameter=diameter, shape=SHAPE))
    np.testing.assert_array_equal(clipped, painted[40 : 40 + SHAPE[0], 40 : 40 + SHAPE[1]])


@given(x0=positions, y0=positions, x1=positions, y1=positions, diameter=diameters)
def test_line_has_both_ends_and_no_gap(x0: float, y0: float, x1: float, y1: float, diameter: int) -> None:
    wide = (SHAPE[0] + 80, SHAPE[1] + 80)
    shifted = (x0 + 40, y0 + 40, x1 + 40, y1 + 40)
    painted = on_frame(raster.line(*shifted, diameter=diameter, shape=wide), wide)
    for x, y in (shifted[:2], shifted[2:]):
        end = on_frame(raster.brush(x, y, diameter=diameter, shape=wide), wide)
        assert painted[end].all()
    assert ndimage.label(painted, structure=np.ones((3, 3)))[1] == 1
    clipped = on_frame(raster.line(x0, y0, x1, y1, diameter=diameter, shape=SHAPE))
    np.testing.assert_array_equal(clipped, painted[40 : 40 + SHAPE[0], 40 : 40 + SHAPE[1]])


def _inside(x: int, y: int, vertices: list[tuple[int, int]]) -> bool:
    """Even-odd with whole numbers; a point exactly on an edge is inside."""
    inside = False
    for (xa, ya), (xb, yb) in zip(vertices, vertices[1:] + vertices[:1], strict=True):
        cross = (xb - xa) * (y - ya) - (yb - ya) * (x - xa)
        if cross == 0 and min(xa, xb) <= x <= max(xa, xb) and min(ya, yb) <= y <= max(ya, yb):
            return True
        if (ya > y) != (yb > y) and (cross > 0) == (yb > ya):
            inside = not inside
    return inside


@given(st.lists(st.tuples(st.integers(-8, 40), st.integers(-8, 32)), min_size=1, max_size=7))
def test_polygon_is_even_odd_with_its_outline(vertices: list[tuple[int, int]]) -> None:
    filled = on_frame(raster.polygon(np.array(vertices), shape=SHAPE))
    expected = [[_inside(x, y, vertices) for x in range(SHAPE[1])] for y in range(SHAPE[0])]
    np.testing.assert_array_equal(filled, expected)


def test_polygon_between_pixel_centres() -> None:
    corners = np.array([(1.5, 1.5), (4.5, 1.5), (4.5, 3.5), (1.5, 3.5)])
    filled = raster.polygon(corners, shape=SHAPE)
    assert filled.box == (2, 2, 3, 2)
    assert filled.pixels.all()


def test_polygon_survives_far_and_refuses_odd_vertices() -> None:
    everything = raster.polygon(np.array([(-1e12, -1e12), (1e12, -1e12), (1e12, 1e12), (-1e12, 1e12)]), shape=SHAPE)
    assert everything.box == (0, 0, 32, 24)
    assert everything.pixels.all()
    assert raster.polygon(np.zeros((0, 2)), shape=SHAPE).is_empty
    for bad in (np.zeros((3, 3)), np.array([(0, 0), (np.nan, 1), (1, 1)])):
        with pytest.raises(ValueError, match="finite"):
            raster.polygon(bad, shape=SHAPE)


def test_rectangle_takes_both_corners_in_any_order() -> None:
    assert raster.rectangle(5.2, 7.4, 2.6, 3.0, shape=SHAPE).box == (3, 3, 3, 5)
    assert raster.rectangle(-9, -9, -5, 50, shape=SHAPE).is_empty


def test_wand_takes_the_hot_target_and_not_its_surroundings() -> None:
    pixels = np.full(SHAPE, 7000, np.uint16)
    pixels[10:13, 20:22] = 7800
    pixels[11, 20] = 8000
    pixels[3, 3] = 8000  # another target, not connected
    expected = pixels >= 7800
    expected[3, 3] = False
    np.testing.assert_array_equal(on_frame(raster.wand(pixels, 20.3, 10.8)), expected)
    # Clicking the dimmer part still takes the brighter one, unless both sides are limited.
    assert raster.wand(pixels, 21, 12, tolerance=100).pixels.sum() == 6
    assert raster.wand(pixels, 21, 12, tolerance=100, hot=False).pixels.sum() == 5


def test_wand_is_limited_and_legal_at_the_border() -> None:
    flat = np.zeros((200, 200), np.uint8)
    assert raster.wand(flat, 0, 0, reach=5).box == (0, 0, 6, 6)
    assert raster.wand(flat, 100, 100, reach=5).box == (95, 95, 11, 11)
    assert raster.wand(flat, -1, 3).is_empty
    one = np.zeros((1, 1), np.float32)
    assert raster.wand(one, 0, 0).pixels.tolist() == [[True]]


def test_wand_does_not_wrap_unsigned_values() -> None:
    pixels = np.zeros(SHAPE, np.uint16)
    pixels[5, 5] = 3
    assert raster.wand(pixels, 5, 5, tolerance=1).box == (5, 5, 1, 1)
    assert raster.wand(pixels, 6, 6, tolerance=1, hot=False, reach=2).pixels.sum() == 24


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 31)), min_size=1, max_size=60))
def test_component_and_box_agree_with_flood(points: list[tuple[int, int]]) -> None:
    mask = np.zeros(SHAPE, np.bool_)
    mask[tuple(np.array(points).T)] = True
    row, column = points[0]
    todo, seen = [(row, column)], {(row, column)}
    while todo:
        r, c = todo.pop()
        for nr in range(max(r - 1, 0), min(r + 2, 24)):
            for nc in range(max(c - 1, 0), min(c + 2, 32)):
                if mask[nr, nc] and (nr, nc) not in seen:
                    seen.add((nr, nc))
                    todo.append((nr, nc))
    component = raster.component_at(mask, column + 0.4, row - 0.4)
    assert component is not None
    found = on_frame(component)
    assert {(int(r), int(c)) for r, c in np.argwhere(found)} == seen
    assert raster.box_of(found) == component.box
    assert raster.component_at(mask, -3, 500) is None


def test_grow_and_shrink_by_one_pixel() -> None:
    mask = np.zeros((7, 7), np.bool_)
    mask[3, 3] = True
    assert raster.grow(mask).sum() == 5
    np.testing.assert_array_equal(raster.shrink(raster.grow(mask)), mask)
    corner = np.zeros((7, 7), np.bool_)
    corner[:2, :2] = True
    np.testing.assert_array_equal(np.argwhere(raster.shrink(corner)), [[0, 0]])


@given(st.integers(0, 2**24 - 1))
def test_outline_is_every_border_between_set_and_unset(bits: int) -> None:
    mask = np.array([bits >> i & 1 for i in range(24)], np.bool_).reshape(4, 6)
    pieces = raster.outline(mask)
    unit: set[tuple[tuple[float, float], tuple[float, float]]] = set()
    for (x0, y0), (x1, y1) in pieces.tolist():
        assert (x0 == x1) != (y0 == y1)
        length = round(abs(x1 - x0) + abs(y1 - y0))
        for step in range(length):
            dx, dy = (x1 - x0) / length, (y1 - y0) / length
            unit.add(((x0 + step * dx, y0 + step * dy), (x0 + (step + 1) * dx, y0 + (step + 1) * dy)))
    padded = np.pad(mask, 1)
    expected = set()
    for r in range(5):
        for c in range(7):
            if padded[r, c] != padded[r + 1, c]:
                expected.add(((c - 1.5, r - 0.5), (c - 0.5, r - 0.5)))
            if padded[r, c] != padded[r, c + 1]:
                expected.add(((c - 0.5, r - 1.5), (c - 0.5, r - 0.5)))
    assert unit == expected


def test_boxes() -> None:
    assert raster.clip_box((-3, 20, 10, 10), SHAPE) == (0, 20, 7, 4)
    assert raster.clip_box((50, 50, 3, 3), SHAPE)[2:] == (0, 0)
    assert raster.join_boxes(None, (1, 2, 3, 4)) == (1, 2, 3, 4)
    assert raster.join_boxes((1, 2, 3, 4), (9, 9, 0, 5)) == (1, 2, 3, 4)
    assert raster.join_boxes((1, 2, 3, 4), (0, 5, 2, 2)) == (0, 2, 4, 5)
    assert raster.box_of(np.zeros(SHAPE, np.bool_)) is None


def test_a_target_larger_than_where_it_is_looked_for_first() -> None:
    mask = np.zeros((400, 600), np.bool_)
    mask[200, 10:590] = True  # a line through several windows, with a hook at its far end
    mask[50:200, 589] = True
    mask[300:302, 20:22] = True
    found = raster.component_at(mask, 12, 200)
    assert found is not None and found.box == (10, 50, 580, 151) and found.pixels.sum() == 580 + 150
    other = raster.component_at(mask, 21, 301)
    assert other is not None and other.box == (20, 300, 2, 2) and other.pixels.all()
    assert raster.component_at(mask, 12, 200, within=256) is None, "it reaches farther"
    assert raster.component_at(mask, 21, 301, within=256) is not None


@given(st.integers(0, 10_000), st.sampled_from([0.02, 0.3, 0.9]))
def test_grow_and_shrink_are_those_of_the_textbook(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((9, 13)) < share
    cross = ndimage.generate_binary_structure(2, 1)
    np.testing.assert_array_equal(raster.grow(mask), ndimage.binary_dilation(mask, cross))
    np.testing.assert_array_equal(raster.shrink(mask), ndimage.binary_erosion(mask, cross, border_value=1))
    assert raster.grow(mask).dtype == np.bool_ and raster.grow(mask[:, ::2]).shape == (9, 7)
    assert raster.grow(np.zeros((0, 0), np.bool_)).shape == (0, 0)


@given(st.integers(0, 10_000), st.sampled_from([0.002, 0.05, 0.2, 0.6]))
def test_the_outline_of_few_pixels_is_found_as_that_of_many(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((17, 23)) < share
    mask[4, 3:9] = mask[9:12, 5] = True
    padded = np.pad(mask, 1)
    across, down = raster._sparse_runs(padded)
    np.testing.assert_array_equal(across, raster._runs(padded[1:, :] != padded[:-1, :]))
    np.testing.assert_array_equal(down, raster._runs((padded[:, 1:] != padded[:, :-1]).T))
    alone = np.zeros((300, 400), np.bool_)
    alone[2, 3] = alone[290, 390] = True
    assert len(raster.outline(alone)) == 8


@given(st.integers(0, 10_000))
def test_set_pixels_sets_what_changed_and_nothing_else(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask, changed, values = random.random((9, 12)) < 0.5, random.random((4, 5)) < 0.5, random.random((4, 5)) < 0.5
    expected = mask.copy()
    expected[2:6, 3:8][changed] = values[changed]
    raster.set_pixels(mask, (3, 2, 5, 4), changed, values)
    np.testing.assert_array_equal(mask, expected)
