"""Draws the line of the profile and the region of the surface over the frame."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QObject, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.state.display import Display
from app.views.canvas import Canvas
from app.views.measuring import Measuring
from app.views.overlay_shapes import FrameShape, cosmetic

_Z = 80.0
_HANDLE = 3.5  # screen pixels
_PENS = ((QColor(0, 0, 0, 170), 3.2), (QColor(255, 255, 255), 1.3))  # shows on bright and on dark pixels


class MeasureShape(FrameShape):
    """A line with its ends, a box, and a mark on the line."""

    MARGIN = 4.0

    def __init__(self, measuring: Measuring) -> None:
        super().__init__(_Z)
        self._measuring = measuring
        self._mark: QPointF | None = None

    def set_mark(self, x: float, y: float) -> None:
        """Point at a position of the line, in image coordinates."""
        self._mark = QPointF(x + 0.5, y + 0.5)
        self.update()

    def clear_mark(self) -> None:
        """Point at nothing."""
        self._mark = None
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw everything dark and wide first, then bright and thin."""
        line, region = self._measuring.line, self._measuring.region
        reach = _HANDLE / self.scale_of(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in _PENS:
            pen: QPen = cosmetic(colour, width)
            painter.setPen(pen)
            if region is not None:
                painter.drawRect(QRectF(*region))
            if line is not None:
                ends = [QPointF(x + 0.5, y + 0.5) for x, y in line]
                painter.drawLine(QLineF(*ends))
                for end in ends:
                    painter.drawEllipse(end, reach, reach)
            if line is not None and self._mark is not None:
                painter.drawLine(self._mark - QPointF(2 * reach, 0), self._mark + QPointF(2 * reach, 0))
                painter.drawLine(self._mark - QPointF(0, 2 * reach), self._mark + QPointF(0, 2 * reach))


class MeasureLayer(QObject):
    """Keeps the drawing true to what is measured."""

    def __init__(self, canvas: Canvas, measuring: Measuring, display: Display) -> None:
        super().__init__(canvas)
        self.shape = MeasureShape(measuring)
        self._display = display
        canvas.view.addItem(self.shape)
        measuring.line_changed.connect(self.shape.clear_mark)
        measuring.region_changed.connect(self._redraw)
        display.overlay_changed.connect(self._read_hidden)
        self._read_hidden()

    def _redraw(self) -> None:
        self.shape.update()

    def _read_hidden(self, _name: str = "") -> None:
        self.shape.setVisible(not self._display.hidden)
