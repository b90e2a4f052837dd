"""Marks around found, missed and false targets, told apart by their shape and line as well as by their colour."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.imaging.colours import ROLES
from app.imaging.raster import Box
from app.views.overlay_shapes import FrameShape, cosmetic

_LINES = {
    "found": Qt.PenStyle.SolidLine,
    "missed": Qt.PenStyle.DashLine,
    "false_alarm": Qt.PenStyle.DotLine,
}
_LEAST = 19.0  # screen pixels from the centre: outside of the brackets around predicted targets


class VerdictShape(FrameShape):
    """A circle around a found target, a dashed square around a missed one, a dotted diamond around a false one."""

    MARGIN = 64.0

    def __init__(self, z: float) -> None:
        super().__init__(z)
        self._boxes: dict[str, tuple[Box, ...]] = {}

    @property
    def boxes(self) -> dict[str, tuple[Box, ...]]:
        """What is marked, by kind."""
        return self._boxes

    def set_boxes(self, boxes: Mapping[str, tuple[Box, ...]]) -> None:
        """Replace the marks: boxes (x, y, width, height) in pixels under ``found``, ``missed``, ``false_alarm``."""
        self._boxes = dict(boxes)
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the marks, with a dark line below that shows on bright frames."""
        scale = self.scale_of(painter)
        seen = self.visible(option)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for kind, boxes in self._boxes.items():
            marks = []
            for x, y, w, h in boxes:
                centre, radius = QPointF(x + w / 2, y + h / 2), max(max(w, h) * scale / 2 + 11, _LEAST) / scale
                around = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
                if seen.intersects(around.adjusted(-radius, -radius, radius, radius)):
                    marks.append((centre, radius))
            for pen in (cosmetic(QColor(0, 0, 0, 150), 4.0), cosmetic(QColor(*ROLES[kind]), 2.2, _LINES[kind])):
                painter.setPen(pen)
                for centre, radius in marks:
                    _draw(painter, kind, centre, radius)


def _draw(painter: QPainter, kind: str, centre: QPointF, radius: float) -> None:
    if kind == "found":
        painter.drawEllipse(centre, radius, radius)
    elif kind == "missed":
        painter.drawRect(QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius))
    else:
        reach = radius * 1.25
        corners = (QPointF(0, -reach), QPointF(reach, 0), QPointF(0, reach), QPointF(-reach, 0))
        painter.drawPolygon(QPolygonF([centre + corner for corner in corners]))
