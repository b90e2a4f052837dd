"""What is drawn over the frame: dirty rectangles, patches, markers, the grid."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QStyleOptionGraphicsItem
from pytestqt.qtbot import QtBot

from adsnet.prediction import Decision
from app.imaging.colours import colour_map
from app.imaging.overlay import mask_rgba
from app.imaging.raster import outline
from app.views.canvas import Canvas
from app.views.canvas_layers import stretched
from app.views.overlay_shapes import Marker, MarkerShape, OutlineShape
from app.views.patch_layer import PatchLayer
from app.views.raster_layer import MaskLayer, RasterLayer
from app.views.verdict_shape import VerdictShape

SHAPE = (48, 64)
GREEN = (0, 200, 0)


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(640, 480)
    made.show()
    made.show_frame(np.zeros(SHAPE, np.uint8), levels=(0, 255), table=colour_map("white_hot"))
    return made


def _shot(canvas: Canvas, qtbot: QtBot) -> QImage:
    qtbot.wait(10)
    image: QImage = canvas.grab().toImage()
    return image


def _green_at(canvas: Canvas, image: QImage, column: float, row: float) -> int:
    return image.pixelColor(canvas.position_of(column, row).toPoint()).green()


def decision(kept: NDArray[np.bool_], *, applies_to: int = 3) -> Decision:
    rows, columns = kept.shape
    return Decision(
        decided_at=applies_to + 1,
        applies_to=applies_to,
        keep_probability=np.where(kept, 0.9, 0.1).astype(np.float32),
        kept=kept,
        class_probability=np.zeros((rows, columns), np.float32),
        iou_score=np.zeros((0, 0), np.float32),
        row_edges=np.minimum(np.arange(rows + 1) * 16, SHAPE[0]).astype(np.int32),
        column_edges=np.minimum(np.arange(columns + 1) * 16, SHAPE[1]).astype(np.int32),
    )


def test_a_region_replaces_only_its_rectangle(canvas: Canvas, qtbot: QtBot) -> None:
    layer = MaskLayer(10, GREEN)
    canvas.view.addItem(layer)
    mask = np.zeros(SHAPE, np.bool_)
    mask[10:20, 10:20] = True
    layer.set_mask(mask)
    layer.set_region((10, 10, 5, 5), mask=np.zeros((5, 5), np.bool_))
    image = _shot(canvas, qtbot)
    assert _green_at(canvas, image, 12, 12) < 30
    assert _green_at(canvas, image, 17, 17) > 180
    assert _green_at(canvas, image, 25, 25) < 30
    assert mask[12, 12], "the layer draws a copy"
    layer.clear()
    assert layer.mask is None and layer.boundingRect().isEmpty()
    layer.set_region((10, 10, 5, 5), mask=np.ones((5, 5), np.bool_))
    assert layer.mask is None


@pytest.mark.parametrize("zoom", [0.37, 1.0, 1.73, 6.5])
def test_a_mask_is_drawn_where_it_has_pixels_as_if_all_of_it_were_drawn(zoom: float, qapp: QApplication) -> None:
    random = np.random.default_rng(5)
    mask = np.zeros(SHAPE, np.bool_)
    mask[7:31, 9:40] = random.random((24, 31)) < 0.3
    layer = MaskLayer(10, GREEN)
    pictures = []
    for step in ("set", "grown", "whole"):
        if step == "set":
            layer.set_mask(mask)
        elif step == "grown":
            layer.set_region((50, 2, 3, 40), mask=np.ones((40, 3), np.bool_))
        else:
            assert layer._used == (9, 2, 44, 40)
            layer._used = (0, 0, SHAPE[1], SHAPE[0])
        picture = QImage(500, 400, QImage.Format.Format_RGB32)
        picture.fill(QColor(20, 20, 20))
        painter = QPainter(picture)
        painter.translate(3.3, 5.7)
        painter.scale(zoom, zoom)
        layer.paint(painter, QStyleOptionGraphicsItem())
        painter.end()
        pictures.append(picture)
    first, grown, whole = pictures
    assert grown == whole and first != grown
    layer.set_mask(np.zeros(SHAPE, np.bool_))
    assert layer._used is None


def test_a_mask_whose_width_is_odd_is_not_sheared(canvas: Canvas, qtbot: QtBot) -> None:
    layer = MaskLayer(10, GREEN)
    canvas.view.addItem(layer)
    mask = np.zeros((47, 63), np.bool_)
    mask[40, 50] = True
    layer.set_mask(mask)
    image = _shot(canvas, qtbot)
    assert _green_at(canvas, image, 50, 40) > 180 and _green_at(canvas, image, 48, 40) < 30


def test_half_opacity_lets_the_frame_through(canvas: Canvas, qtbot: QtBot) -> None:
    layer = RasterLayer(10)
    canvas.view.addItem(layer)
    layer.set_rgba(mask_rgba(np.ones(SHAPE, np.bool_), colour=(0, 200, 0), opacity=0.5))
    assert abs(_green_at(canvas, _shot(canvas, qtbot), 20, 20) - 100) <= 2
    layer.clear()
    assert layer.pixels is None and layer.boundingRect().isEmpty()


def test_a_stage_map_covers_the_padded_frame_and_is_clipped(canvas: Canvas, qtbot: QtBot) -> None:
    layer = RasterLayer(10)
    canvas.view.addItem(layer)
    cells = np.zeros((2, 2, 4), np.uint8)
    cells[0, 0] = (0, 255, 0, 255)
    cells[1, 1] = (0, 255, 0, 255)
    layer.set_rgba(cells, extent=(80, 64), clip=(64, 48))
    image = _shot(canvas, qtbot)
    assert _green_at(canvas, image, 39, 31) > 200 and _green_at(canvas, image, 41, 31) < 30
    assert _green_at(canvas, image, 41, 33) > 200
    assert layer.boundingRect().width() == 64


def test_dropped_patches_are_joined_in_rows_and_outlined() -> None:
    layer = PatchLayer(1, GREEN, second=False)
    kept = np.array([[True, False, False, True], [True, True, True, True], [False, False, False, False]])
    layer.set_decision(decision(kept))
    boxes = sorted((r.left(), r.top(), r.width(), r.height()) for r in layer.dropped)
    assert boxes == [(0, 32, 64, 16), (16, 0, 32, 16)]
    layer.set_decision(None)
    assert layer.dropped == ()


def test_the_patch_layer_darkens_what_is_dropped(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_frame(np.full(SHAPE, 200, np.uint8), levels=(0, 255), table=colour_map("white_hot"))
    layer = PatchLayer(10, GREEN, second=False)
    canvas.view.addItem(layer)
    layer.set_frame(SHAPE[1], SHAPE[0])
    kept = np.ones((3, 4), np.bool_)
    kept[0, 0] = False
    layer.set_decision(decision(kept))
    image = _shot(canvas, qtbot)
    red = [image.pixelColor(canvas.position_of(c, 8).toPoint()).red() for c in (3, 5, 7, 9, 11)]
    assert np.mean(red) < 150
    assert image.pixelColor(canvas.position_of(40, 40).toPoint()).red() == 200


def test_every_pixel_of_an_outline_lies_on_pixel_borders(canvas: Canvas, qtbot: QtBot) -> None:
    shape = OutlineShape(10, GREEN, width=3)
    canvas.view.addItem(shape)
    shape.set_frame(SHAPE[1], SHAPE[0])
    mask = np.zeros(SHAPE, np.bool_)
    mask[20, 30] = True
    shape.set_lines(outline(mask))
    assert shape.line_count == 4
    canvas.zoom_to(40.0)
    canvas.centre_on(30, 20)
    image = _shot(canvas, qtbot)
    border = canvas.position_of(29.5, 20)
    assert image.pixelColor((border + QPointF(0.5, 0)).toPoint()).green() > 120
    assert _green_at(canvas, image, 30, 20) < 30


def test_markers_stay_visible_when_zoomed_out(canvas: Canvas, qtbot: QtBot) -> None:
    shape = MarkerShape(10, GREEN)
    canvas.view.addItem(shape)
    shape.set_frame(SHAPE[1], SHAPE[0])
    shape.set_markers([Marker((30, 20, 2, 2)), Marker((5, 5, 1, 1), selected=True)], hint="accept")
    canvas.zoom_to(2.0)
    canvas.centre_on(32, 24)
    image = _shot(canvas, qtbot)
    middle = canvas.position_of(30.5, 20.5)
    corner = image.pixelColor((middle + QPointF(-13, -12)).toPoint())
    assert corner.green() > 80
    assert image.pixelColor(middle.toPoint()).green() < 30


def test_found_missed_and_false_targets_have_marks_of_different_shapes(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.zoom_to(6.0)
    canvas.centre_on(32, 24)
    shape = VerdictShape(10)
    canvas.view.addItem(shape)
    shape.set_frame(SHAPE[1], SHAPE[0])
    drawn = []
    for kind in ("found", "missed", "false_alarm"):
        shape.set_boxes({kind: ((32, 24, 1, 1),)})
        image = _shot(canvas, qtbot).convertToFormat(QImage.Format.Format_Grayscale8)
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        drawn.append(pixels > 60)
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert drawn[one].sum() > 60 and (drawn[one] & drawn[other]).sum() < 0.5 * drawn[one].sum()


def test_the_pixel_grid_appears_at_high_zoom_only(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.zoom_to(6.0)
    flat = _shot(canvas, qtbot)
    canvas.zoom_to(40.0)
    canvas.centre_on(30, 20)
    grid = _shot(canvas, qtbot)
    border = canvas.position_of(30.5, 20).toPoint()
    line = max(grid.pixelColor(border.x() + dx, border.y()).lightness() for dx in (-1, 0, 1))
    assert line > 8
    assert flat.pixelColor(canvas.width() // 2, canvas.height() // 2).lightness() < 8


def test_attention_is_stretched_to_its_own_range() -> None:
    values = np.array([[0.40, 0.45], [0.50, 0.50]], np.float32)
    assert np.allclose(stretched(values), [[0.0, 0.5], [1.0, 1.0]], atol=1e-5)
    assert not stretched(np.full((3, 3), 0.7, np.float32)).any()
