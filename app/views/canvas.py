"""The canvas: shows one frame, converts pointer positions to image coordinates and hands them to the tool.

It knows nothing of labels or predictions; ``canvas_layers`` puts the overlays on it. The pixel rule: pixel
(column, row) covers [column, column + 1) × [row, row + 1) of the view, so a click in it changes exactly it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView, QWidget

from app.imaging.raster import outline
from app.views.overlay_shapes import FootprintShape, GridShape
from app.views.tools import Pointer, Tool

MAX_ZOOM = 100.0
_NOTCH = 1.25
_DRAG_FROM = 4  # screen pixels before a press in the select tool becomes a drag
_Z_GRID, _Z_CURSOR = 90.0, 100.0


class Canvas(pg.GraphicsView):  # type: ignore[misc]
    """One frame at native resolution with hard pixel edges, zoomed up to 10,000 %.

    Signals:
        pointer_moved(object): the Pointer in image coordinates, or None when it left the canvas.
        zoom_changed(float): screen pixels (logical) a frame pixel.
        brush_step_requested(int): wheel notches with Ctrl held.
        picture_changed(): ``picture`` is another one.
        menu_requested(object, QPoint): the Pointer and the global position of a right click.
    """

    pointer_moved = Signal(object)
    zoom_changed = Signal(float)
    brush_step_requested = Signal(int)
    picture_changed = Signal()
    menu_requested = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, background=None)
        self.view = pg.ViewBox(enableMenu=False, enableMouse=False, invertY=True, lockAspect=True, defaultPadding=0.0)
        self.view.disableAutoRange()
        self.setCentralItem(self.view)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setZValue(0)
        self.view.addItem(self.image)
        self._grid = GridShape(_Z_GRID)
        self._cursor = FootprintShape(_Z_CURSOR)
        self.view.addItem(self._grid)
        self.view.addItem(self._cursor)
        self._shape: tuple[int, int] | None = None
        self.picture: tuple[NDArray[Any] | None, tuple[float, float], NDArray[np.uint8]]
        self.picture = None, (0.0, 1.0), np.zeros((256, 3), np.uint8)
        self._tool: Tool | None = None
        self._fitted = True
        self._space = False
        self._pan_from: QPointF | None = None
        self._press_at: QPoint | None = None
        self._pointer: Pointer | None = None
        self._pointer_at: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 180)
        self.setAccessibleName("Canvas")
        self.setFrameShape(self.Shape.NoFrame)

    # ---- the frame --------------------------------------------------------------------------------------

    @property
    def frame_shape(self) -> tuple[int, int] | None:
        """(rows, columns) of the frame shown, or None."""
        return self._shape

    @property
    def pixels(self) -> NDArray[Any] | None:
        """(H, W), what is drawn: the frame itself or a picture of it. Not to be written to."""
        return self.picture[0]

    def show_frame(self, pixels: NDArray[Any] | None, *, levels: tuple[float, float], table: NDArray[np.uint8]) -> None:
        """Show another frame; zoom and position stay when it has the size of the one before.

        Args:
            pixels: (H, W) uint8, uint16 or float32, or None for an empty canvas.
            levels: pixel values at the ends of the colour map.
            table: (256, 3) uint8.
        """
        self.finish_stroke()
        self.picture = pixels, levels, table
        if pixels is None:
            self._shape = None
            self.image.clear()
            self.set_overlay_frame(0, 0)
            self.picture_changed.emit()
            return
        self.image.setImage(pixels, autoLevels=False, levels=levels, lut=table)
        if pixels.shape != self._shape:
            self._shape = (int(pixels.shape[0]), int(pixels.shape[1]))
            self.set_overlay_frame(self._shape[1], self._shape[0])
            self.fit()
        self._show_footprint()
        self.picture_changed.emit()

    def show_pixels(self, pixels: NDArray[Any], *, levels: tuple[float, float], table: NDArray[np.uint8]) -> None:
        """Show the same frame in other levels and colours, or another picture of it; a stroke goes on."""
        if pixels.shape != self._shape:
            return
        before, self.picture = self.picture, (pixels, levels, table)
        if pixels is not before[0]:
            self.image.setImage(pixels, autoLevels=False, levels=levels, lut=table)
        else:
            self.image.setLookupTable(table, update=False)
            self.image.setLevels(levels)
        self.picture_changed.emit()

    def set_grid(self, shown: bool) -> None:
        """Draw lines between the pixels at high zoom, or never."""
        self._grid.setVisible(shown)

    def set_overlay_frame(self, width: int, height: int) -> None:
        """Tell all drawings how large the frame is."""
        for drawing in self.view.addedItems:
            if hasattr(drawing, "set_frame"):
                drawing.set_frame(width, height)

    # ---- zoom and position ------------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Screen pixels (logical) a frame pixel; 1.0 is 100 %."""
        width = float(self.view.viewRect().width())
        shown = float(self.view.width())
        return shown / width if width > 0 else 1.0

    def fit(self) -> None:
        """Show the whole frame."""
        if self._shape is None:
            return
        height, width = self._shape
        zoom = min(self.view.width() / (width * 1.03), self.view.height() / (height * 1.03), MAX_ZOOM)
        self._set_view(max(zoom, 1e-3), QPointF(width / 2, height / 2))
        self._fitted = True

    def zoom_to(self, zoom: float, *, keep: QPointF | None = None) -> None:
        """Zoom so that the view position ``keep`` (the middle by default) stays where it is on the screen."""
        if self._shape is None:
            return
        rect = self.view.viewRect()
        middle = rect.center()
        anchor = keep if keep is not None else middle
        zoom = min(max(zoom, self._least_zoom()), MAX_ZOOM)
        self._fitted = False
        self._set_view(zoom, anchor + (middle - anchor) * (self.zoom / zoom))

    def centre_on(self, x: float, y: float, *, least_zoom: float = 0.0) -> None:
        """Bring an image position into the middle, zooming in where needed."""
        self._fitted = False
        self._set_view(max(self.zoom, least_zoom), QPointF(x + 0.5, y + 0.5))

    def look_like(self, other: Canvas) -> None:
        """Show the part of the frame that another canvas shows."""
        if self._shape is not None and other.frame_shape == self._shape:
            self._fitted = other._fitted
            self._set_view(other.zoom, other.view.viewRect().center())

    def _least_zoom(self) -> float:
        assert self._shape is not None
        whole = float(min(self.view.width() / self._shape[1], self.view.height() / self._shape[0]))
        return min(whole / 2, 1.0)

    def _set_view(self, zoom: float, centre: QPointF) -> None:
        if self._shape is None:
            return
        x = min(max(centre.x(), 0.0), float(self._shape[1]))
        y = min(max(centre.y(), 0.0), float(self._shape[0]))
        width, height = self.view.width() / zoom, self.view.height() / zoom
        self.view.setRange(QRectF(x - width / 2, y - height / 2, width, height), padding=0, disableAutoRange=True)
        self.zoom_changed.emit(self.zoom)
        if self._pointer_at is not None and self._pan_from is None:  # it rests, and another pixel came under it
            self._set_pointer(self.pointer_at(self._pointer_at), self._pointer_at)

    # ---- the tool ---------------------------------------------------------------------------------------

    def set_tool(self, tool: Tool | None) -> None:
        """Use another tool; a stroke that is going on is kept."""
        self.finish_stroke()
        self._tool = tool
        self._show_cursor()
        self._show_footprint()

    def finish_stroke(self) -> None:
        """End what the tool is doing and keep it."""
        if self._tool is not None and self._tool.active:
            self._tool.finish()

    def cancel_stroke(self) -> bool:
        """Take back what the tool is doing; False when it was doing nothing."""
        if self._tool is None or not self._tool.active:
            return False
        self._tool.cancel()
        return True

    def refresh_footprint(self) -> None:
        """The brush has another size."""
        self._show_footprint()

    @property
    def footprint_lines(self) -> int:
        """Number of line pieces of the brush outline shown; 0 when it is hidden."""
        return len(self._cursor.lines)

    def pointer_at(self, position: QPointF) -> Pointer:
        """Widget position to image coordinates."""
        place = self.view.mapSceneToView(self.mapToScene(position.toPoint()) + (position - QPointF(position.toPoint())))
        return Pointer(place.x() - 0.5, place.y() - 0.5)

    def position_of(self, x: float, y: float) -> QPointF:
        """Image coordinates to widget position."""
        scene = self.view.mapViewToScene(QPointF(x + 0.5, y + 0.5))
        return QPointF(self.mapFromScene(scene))

    def _pointer_of(self, event: QMouseEvent) -> Pointer:
        at = self.pointer_at(event.position())
        keys = event.modifiers()
        shift = bool(keys & Qt.KeyboardModifier.ShiftModifier)
        return Pointer(at.x, at.y, shift, bool(keys & Qt.KeyboardModifier.ControlModifier))

    def _show_footprint(self) -> None:
        footprint = None
        if self._tool is not None and self._pointer is not None and self._shape is not None and not self._space:
            footprint = self._tool.footprint(self._pointer)
        if footprint is None or not footprint.pixels.size:
            self._cursor.set_lines(None)
            return
        pieces = outline(footprint.pixels)
        pieces += np.array(footprint.box[:2], np.float32)
        self._cursor.set_lines(pieces)

    def _show_cursor(self) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if self._pan_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._tool is not None and not self._tool.pans:
            shape = Qt.CursorShape.CrossCursor
        self.viewport().setCursor(shape)

    # ---- events -----------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke, a pan or a click."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        button = event.button()
        event.accept()
        if self._shape is None:
            return
        if button == Qt.MouseButton.MiddleButton or (button == Qt.MouseButton.LeftButton and self._space):
            self._begin_pan(event.position())
        elif button == Qt.MouseButton.LeftButton and self._tool is not None:
            self._press_at = event.position().toPoint()
            self._tool.press(self._pointer_of(event))
        elif button == Qt.MouseButton.RightButton and not self.cancel_stroke():
            self.menu_requested.emit(self._pointer_of(event), event.globalPosition().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a stroke or a pan, and tell where the pointer is."""
        event.accept()
        if self._shape is None:
            return
        if self._pan_from is not None:
            self._pan(event.position())
        elif self._press_at is not None and self._tool is not None:
            if self._tool.pans:
                if (event.position().toPoint() - self._press_at).manhattanLength() >= _DRAG_FROM:
                    self._begin_pan(QPointF(self._press_at))
                    self._pan(event.position())
            elif not self.viewport().rect().contains(event.position().toPoint()):
                self._press_at = None
                self.finish_stroke()
            else:
                self._tool.move(self._pointer_of(event))
        self._set_pointer(self._pointer_of(event), event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a stroke, a pan or a click."""
        event.accept()
        was_pan, self._pan_from = self._pan_from is not None, None
        pressed, self._press_at = self._press_at is not None, None
        self._show_cursor()
        if pressed and not was_pan and self._tool is not None and event.button() == Qt.MouseButton.LeftButton:
            self._tool.release(self._pointer_of(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit the frame in the select tool; a painting tool takes it as another press."""
        if self._tool is not None and self._tool.pans and event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.fit()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer; with Ctrl, change the size of the brush."""
        event.accept()
        notches = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.brush_step_requested.emit(1 if notches > 0 else -1)
        elif notches:
            at = self.pointer_at(event.position())
            self.zoom_to(self.zoom * _NOTCH**notches, keep=QPointF(at.x + 0.5, at.y + 0.5))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space pans while it is held."""
        if event.key() != Qt.Key.Key_Space:
            event.ignore()  # the window may have a use for it; scrolling the scene has none
        elif not event.isAutoRepeat():
            self._set_space(True)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The held key went up."""
        if event.key() != Qt.Key.Key_Space:
            event.ignore()
        elif not event.isAutoRepeat():
            self._set_space(False)

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer left: a stroke ends, the footprint disappears."""
        self._press_at = None
        self.finish_stroke()
        self._set_pointer(None, None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Another window or field has the keys: nothing may stay held."""
        super().focusOutEvent(event)
        self._release_all()

    def close(self) -> bool:
        """Close as any widget does.

        WORKAROUND: pyqtgraph takes scene and viewport apart here while Qt may still use them, which crashes.
        """
        return bool(QGraphicsView.close(self))

    def hideEvent(self, event: QHideEvent) -> None:
        """As when the focus is lost."""
        super().hideEvent(event)
        self._release_all()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole frame in view when it was."""
        super().resizeEvent(event)
        if getattr(self, "_shape", None) is not None:
            if self._fitted:
                self.fit()
            else:
                self._set_view(self.zoom, self.view.viewRect().center())

    def _release_all(self) -> None:
        self._press_at = self._pan_from = None
        self.finish_stroke()
        self._set_space(False)

    def _set_space(self, down: bool) -> None:
        self._space = down
        self._show_cursor()
        self._show_footprint()

    def _begin_pan(self, position: QPointF) -> None:
        self._pan_from = position
        self._show_cursor()

    def _pan(self, position: QPointF) -> None:
        assert self._pan_from is not None
        moved = (position - self._pan_from) / self.zoom
        self._pan_from = position
        self._fitted = False
        self._set_view(self.zoom, self.view.viewRect().center() - moved)

    def _set_pointer(self, pointer: Pointer | None, at: QPointF | None) -> None:
        self._pointer, self._pointer_at = pointer, at
        self._show_footprint()
        self.pointer_moved.emit(pointer)
