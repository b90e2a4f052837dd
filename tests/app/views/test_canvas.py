"""The canvas: pixels under positions, zoom limits, strokes through real mouse events, what ends a stroke."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.imaging.colours import colour_map
from app.state.document import MaskDocument
from app.views.canvas import MAX_ZOOM, Canvas
from app.views.tools import PaintTool, Pointer, SelectTool

SHAPE = (60, 80)


@pytest.fixture
def document() -> MaskDocument:
    made = MaskDocument()
    made.load("frame", np.zeros(SHAPE, np.bool_))
    return made


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(640, 480)
    made.show()
    pixels = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)
    made.show_frame(pixels, levels=(0, 5000), table=colour_map("white_hot"))
    qtbot.wait(10)
    return made


def _brush(document: MaskDocument, size: int = 1) -> PaintTool:
    return PaintTool("brush", document, value=True, size=lambda: size)


def _place(canvas: Canvas, column: int, row: int) -> QPoint:
    return canvas.position_of(column, row).toPoint()


@pytest.mark.parametrize("zoom", [3.0, 8.0, 33.3, MAX_ZOOM])
def test_a_click_paints_the_pixel_under_it_at_any_zoom(canvas: Canvas, document: MaskDocument, zoom: float) -> None:
    canvas.set_tool(_brush(document))
    canvas.zoom_to(zoom, keep=QPointF(40.5, 30.5))
    canvas.centre_on(40, 30)
    for column, row in ((40, 30), (39, 31), (41, 29)):
        QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=_place(canvas, column, row))
    assert sorted(map(tuple, np.argwhere(document.mask).tolist())) == [(29, 41), (30, 40), (31, 39)]


def test_pixel_edges_belong_to_the_pixel_that_begins_there(canvas: Canvas) -> None:
    canvas.zoom_to(20.0)
    canvas.centre_on(40, 30)
    corner = canvas.position_of(39.5, 29.5)  # the upper left corner of pixel (40, 30)
    at = canvas.pointer_at(corner + QPointF(1, 1))
    before = canvas.pointer_at(corner - QPointF(1, 1))
    assert (np.floor(at.x + 0.5), np.floor(at.y + 0.5)) == (40, 30)
    assert (np.floor(before.x + 0.5), np.floor(before.y + 0.5)) == (39, 29)


def test_zoom_keeps_the_point_under_the_wheel_and_stops_at_its_limits(canvas: Canvas) -> None:
    keep = QPointF(20.5, 10.5)
    canvas.zoom_to(10.0, keep=keep)
    before = canvas.position_of(20, 10)
    canvas.zoom_to(40.0, keep=keep)
    moved = canvas.position_of(20, 10) - before
    assert abs(moved.x()) <= 1 and abs(moved.y()) <= 1
    canvas.zoom_to(1e9)
    assert canvas.zoom == pytest.approx(MAX_ZOOM, rel=1e-3)
    canvas.zoom_to(1e-9)
    assert 0.5 <= canvas.zoom < 4


def test_fit_shows_the_whole_frame_and_survives_a_resize(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.zoom_to(50.0)
    canvas.fit()
    for width in (640, 400):
        canvas.resize(width, 300)
        qtbot.wait(10)
        rect = canvas.view.viewRect()
        assert rect.left() <= 0 and rect.right() >= SHAPE[1] and rect.top() <= 0 and rect.bottom() >= SHAPE[0]


def test_zoom_stays_for_a_frame_of_the_same_size(canvas: Canvas) -> None:
    canvas.zoom_to(25.0)
    canvas.show_frame(np.zeros(SHAPE, np.uint8), levels=(0, 255), table=colour_map("white_hot"))
    assert canvas.zoom == pytest.approx(25.0)
    canvas.show_frame(np.zeros((30, 40), np.uint8), levels=(0, 255), table=colour_map("white_hot"))
    assert canvas.zoom < 25.0


@pytest.mark.parametrize("event", ["leave", "focus", "frame", "tool", "hide"])
def test_what_interrupts_ends_the_stroke_and_keeps_it(canvas: Canvas, document: MaskDocument, event: str) -> None:
    tool = _brush(document)
    canvas.set_tool(tool)
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=_place(canvas, 10, 10))
    assert tool.active
    if event == "leave":
        canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    elif event == "focus":
        canvas.focusOutEvent(QFocusEvent(QEvent.Type.FocusOut))
    elif event == "frame":
        canvas.show_frame(np.ones(SHAPE, np.uint8), levels=(0, 255), table=colour_map("white_hot"))
    elif event == "tool":
        canvas.set_tool(SelectTool(target_at=lambda x, y: None, select=lambda target: None))
    else:
        canvas.hide()
    assert not tool.active and document.mask.sum() == 1 and document.can_undo
    QTest.mouseMove(canvas.viewport(), _place(canvas, 30, 10))
    assert document.mask.sum() == 1


def test_dragging_out_of_the_canvas_ends_the_stroke(canvas: Canvas, document: MaskDocument) -> None:
    tool = _brush(document)
    canvas.set_tool(tool)
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=_place(canvas, 40, 30))
    QTest.mouseMove(canvas.viewport(), QPoint(canvas.width() + 40, 100))
    assert not tool.active


def test_dragging_with_the_select_tool_pans_and_selects_nothing(canvas: Canvas) -> None:
    picked: list[int | None] = []
    canvas.set_tool(SelectTool(target_at=lambda x, y: 1, select=picked.append))
    canvas.zoom_to(20.0)
    before = canvas.view.viewRect().center()
    start = QPoint(300, 200)
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(canvas.viewport(), start + QPoint(40, 0))
    QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start + QPoint(40, 0))
    assert canvas.view.viewRect().center().x() == pytest.approx(before.x() - 2.0, abs=0.2)
    assert picked == []
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    assert picked == [1]


def test_space_pans_with_the_brush(canvas: Canvas, document: MaskDocument) -> None:
    canvas.set_tool(_brush(document))
    canvas.zoom_to(20.0)
    before = canvas.view.viewRect().center()
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    QTest.mouseMove(canvas.viewport(), QPoint(300, 240))
    QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(300, 240))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert not document.mask.any()
    assert canvas.view.viewRect().center().y() == pytest.approx(before.y() - 2.0, abs=0.2)


def test_a_pointer_that_rests_is_over_another_pixel_after_a_zoom(canvas: Canvas) -> None:
    seen: list[Pointer | None] = []
    place = _place(canvas, 3, 4)
    QTest.mouseMove(canvas.viewport(), place)
    canvas.pointer_moved.connect(seen.append)
    canvas.zoom_to(canvas.zoom * 3)
    canvas.centre_on(1, 1)
    assert len(seen) == 2 and seen[0] is not None and seen[1] is not None
    assert (round(seen[0].x), round(seen[0].y)) != (3, 4) and seen[0] != seen[1]
    assert (canvas.position_of(seen[1].x, seen[1].y).toPoint() - place).manhattanLength() <= 1
    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    canvas.zoom_to(2.0)
    assert seen[2:] == [None]


def test_the_footprint_follows_the_pointer_and_goes_with_it(canvas: Canvas, document: MaskDocument) -> None:
    canvas.set_tool(_brush(document, size=3))
    seen: list[Pointer | None] = []
    canvas.pointer_moved.connect(seen.append)
    QTest.mouseMove(canvas.viewport(), _place(canvas, 20, 20))
    assert canvas.footprint_lines == 4  # a 3 × 3 square
    assert seen and seen[-1] is not None and round(seen[-1].x) == 20 and round(seen[-1].y) == 20
    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert canvas.footprint_lines == 0 and seen[-1] is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_native_pixels_are_drawn_through_the_levels(canvas: Canvas, qtbot: QtBot, dtype: type) -> None:
    pixels: NDArray[Any] = np.zeros(SHAPE, dtype)
    pixels[:, 40:] = 200
    canvas.show_frame(pixels, levels=(0, 200), table=colour_map("white_hot"))
    qtbot.wait(10)
    shot = canvas.grab().toImage()
    dark, bright = (shot.pixelColor(_place(canvas, column, 30)).lightness() for column in (20, 60))
    assert dark < 10 and bright > 245
    assert canvas.image.image.dtype == dtype


def test_an_empty_canvas_ignores_the_mouse(qtbot: QtBot, document: MaskDocument) -> None:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.set_tool(_brush(document))
    canvas.show_frame(None, levels=(0, 1), table=colour_map("white_hot"))
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    canvas.fit()
    assert not document.mask.any()
