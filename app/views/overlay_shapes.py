"""The vector drawings over the frame: outlines, target markers, pixel grid and the footprint of the brush.

All are in view coordinates, where pixel (column, row) covers [column, column + 1) × [row, row + 1), and all
lines have a width in screen pixels, whatever the zoom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

RGB = tuple[int, int, int]
GRID_FROM = 12.0
"""Screen pixels a frame pixel must have for the pixel grid to be drawn."""


def cosmetic(colour: QColor, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A pen whose width is in screen pixels."""
    pen = QPen(colour, width, style)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


class FrameShape(pg.GraphicsObject):  # type: ignore[misc]
    """A drawing that may reach a little over the frame; subclasses implement ``paint``."""

    MARGIN = 0.0

    def __init__(self, z: float) -> None:
        super().__init__()
        self.setZValue(z)
        self._frame = QRectF()

    def set_frame(self, width: int, height: int) -> None:
        """Say how large the frame is."""
        self.prepareGeometryChange()
        self._frame = QRectF(0, 0, width, height)
        self.update()

    def boundingRect(self) -> QRectF:
        """The frame and the margin."""
        margin = max(self.MARGIN, 1.0)
        return self._frame.adjusted(-margin, -margin, margin, margin)

    def scale_of(self, painter: QPainter) -> float:
        """Screen pixels (logical) that one frame pixel has now."""
        return abs(painter.transform().m11())  # the scale factor of the screen is not in it

    def visible(self, option: QStyleOptionGraphicsItem) -> QRectF:
        """The part of the frame that has to be drawn."""
        exposed: QRectF = option.exposedRect
        seen = self.viewRect()
        return exposed if seen is None else exposed.intersected(seen)


class OutlineShape(FrameShape):
    """The border lines of a mask."""

    def __init__(self, z: float, colour: RGB, *, width: float = 1.6) -> None:
        super().__init__(z)
        self._pen = cosmetic(QColor(*colour), width)
        self._lines: list[QLineF] = []

    @property
    def line_count(self) -> int:
        """Number of line pieces drawn."""
        return len(self._lines)

    def set_lines(self, pieces: NDArray[np.float32]) -> None:
        """Replace the lines: (N, 2, 2) as of ``app.imaging.raster.outline``, image coordinates."""
        shifted = (pieces.reshape(-1, 4) + 0.5).tolist()
        self._lines = [QLineF(*piece) for piece in shifted]
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the lines."""
        painter.setPen(self._pen)
        painter.drawLines(self._lines)


class GridShape(FrameShape):
    """Lines between the pixels, from ``GRID_FROM`` screen pixels a frame pixel on."""

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the lines in the visible part."""
        scale = self.scale_of(painter)
        if scale < GRID_FROM or self._frame.isEmpty():
            return
        part = self.visible(option).intersected(self._frame)
        x0, x1 = int(part.left()), int(part.right()) + 1
        y0, y1 = int(part.top()), int(part.bottom()) + 1
        strength = int(min(70, 20 + (scale - GRID_FROM) * 2))
        painter.setPen(cosmetic(QColor(128, 134, 142, strength)))
        x_end, y_end = min(x1, int(self._frame.right())), min(y1, int(self._frame.bottom()))
        lines = [QLineF(x, y0, x, y_end) for x in range(x0, x_end + 1)]
        lines += [QLineF(x0, y, x_end, y) for y in range(y0, y_end + 1)]
        painter.drawLines(lines)


class FootprintShape(FrameShape):
    """The outline of exactly the pixels that the brush would change here."""

    MARGIN = 2.0

    def __init__(self, z: float) -> None:
        super().__init__(z)
        self._lines: list[QLineF] = []

    @property
    def lines(self) -> Sequence[QLineF]:
        """The line pieces, in view coordinates."""
        return tuple(self._lines)

    def set_lines(self, pieces: NDArray[np.float32] | None) -> None:
        """Replace the outline (image coordinates), or show none."""
        if pieces is None and not self._lines:
            return
        before = self._bounds()
        shifted = [] if pieces is None else (pieces.reshape(-1, 4) + 0.5).tolist()
        self._lines = [QLineF(*piece) for piece in shifted]
        self.update(before.united(self._bounds()).adjusted(-2, -2, 2, 2))

    def _bounds(self) -> QRectF:
        if not self._lines:
            return QRectF()
        xs = [x for piece in self._lines for x in (piece.x1(), piece.x2())]
        ys = [y for piece in self._lines for y in (piece.y1(), piece.y2())]
        return QRectF(QPointF(min(xs), min(ys)), QPointF(max(xs), max(ys)))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the lines twice, so that they show on bright and on dark pixels."""
        painter.setPen(cosmetic(QColor(0, 0, 0, 190), 3))
        painter.drawLines(self._lines)
        painter.setPen(cosmetic(QColor(255, 255, 255), 1.2))
        painter.drawLines(self._lines)


@dataclass(frozen=True)
class Marker:
    """A target to point at: its box (x, y, w, h) in pixels, and whether it is selected or rejected."""

    box: tuple[int, int, int, int]
    selected: bool = False
    rejected: bool = False


class MarkerShape(FrameShape):
    """Corner brackets around predicted targets, large enough to be seen when the frame is zoomed out."""

    MARGIN = 64.0
    _LEAST = 13.0  # screen pixels from the centre to the bracket
    _LARGEST_BOX = 90.0  # screen pixels; beyond this the outline says enough

    def __init__(self, z: float, colour: RGB) -> None:
        super().__init__(z)
        self._colour = QColor(*colour)
        self._markers: tuple[Marker, ...] = ()
        self._hint = ""

    @property
    def markers(self) -> tuple[Marker, ...]:
        """What is drawn."""
        return self._markers

    def set_markers(self, markers: Sequence[Marker], *, hint: str = "") -> None:
        """Replace the markers; ``hint`` is written beside the selected one."""
        self._markers = tuple(markers)
        self._hint = hint
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the brackets and the hint."""
        scale = self.scale_of(painter)
        reach = (self._LARGEST_BOX / 2 + self._LEAST) / scale
        seen = self.visible(option).adjusted(-reach, -reach, reach, reach)
        usual: dict[bool, list[QLineF]] = {False: [], True: []}  # by whether they are rejected
        chosen: list[tuple[list[QLineF], bool, QPointF]] = []
        for marker in self._markers:
            x, y, w, h = marker.box
            centre = QPointF(x + w / 2, y + h / 2)
            if marker.selected or (seen.contains(centre) and max(w, h) * scale <= self._LARGEST_BOX):
                half_w = max(w * scale / 2 + 5, self._LEAST) / scale
                half_h = max(h * scale / 2 + 5, self._LEAST) / scale
                lines = _brackets(centre, half_w, half_h, arm=min(6.0 / scale, half_w * 0.6))
                if marker.selected:
                    chosen.append((lines, marker.rejected, QPointF(centre.x() + half_w, centre.y() - half_h)))
                else:
                    usual[marker.rejected] += lines
        for rejected, lines in usual.items():
            self._draw_brackets(painter, lines, QColor(self._colour), rejected, halo=3, width=1.5)
        for lines, rejected, corner in chosen:
            self._draw_brackets(painter, lines, QColor(255, 255, 255), rejected, halo=4, width=2.2)
            if self._hint:
                self._draw_hint(painter, corner)

    @staticmethod
    def _draw_brackets(
        painter: QPainter, lines: list[QLineF], colour: QColor, rejected: bool, *, halo: float, width: float
    ) -> None:
        if rejected:
            colour.setAlpha(90)
        for pen in (cosmetic(QColor(0, 0, 0, 120), halo), cosmetic(colour, width)):
            painter.setPen(pen)
            painter.drawLines(lines)

    def _draw_hint(self, painter: QPainter, corner: QPointF) -> None:
        """The keys for the selected target, as a small label that keeps its size."""
        at = painter.transform().map(corner)
        painter.save()
        painter.resetTransform()
        font = QFont(painter.font())
        font.setPointSizeF(max(font.pointSizeF() * 0.9, 7.0))
        painter.setFont(font)
        text = QFontMetricsF(font).boundingRect(self._hint)
        place = QRectF(at.x() + 5, at.y() - text.height() / 2, text.width() + 12, text.height() + 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(18, 20, 24, 215))
        painter.drawRoundedRect(place, 4, 4)
        painter.setPen(QColor(235, 238, 242))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self._hint)
        painter.restore()


def _brackets(centre: QPointF, half_w: float, half_h: float, *, arm: float) -> list[QLineF]:
    """Four corners around a centre."""
    lines = []
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = centre.x() + sx * half_w, centre.y() + sy * half_h
            lines += [QLineF(x, y, x - sx * arm, y), QLineF(x, y, x, y - sy * arm)]
    return lines
