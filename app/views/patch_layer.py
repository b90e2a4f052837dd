"""The patches of one decision mask: what the next stage did not compute is shaded, what it did is outlined."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from adsnet.prediction import Decision
from app.imaging.raster import outline
from app.views.overlay_shapes import RGB, FrameShape, cosmetic

_NONE: Mapping[tuple[int, int], bool] = MappingProxyType({})
_NUMBERS_FROM = 46.0  # screen pixels that a patch must have for its keep probability to be written in it


class PatchLayer(FrameShape):
    """Shaded dropped patches, the border of the kept ones, keep probabilities where there is room."""

    def __init__(self, z: float, colour: RGB, *, second: bool) -> None:
        super().__init__(z)
        self._colour = QColor(*colour)
        # Towards white: lines and numbers must be readable on dark frames too.
        self._light = QColor(*(round(band + (255 - band) * 0.4) for band in colour))
        self._second = second
        self._decision: Decision | None = None
        self._dropped: list[QRectF] = []
        self._border: list[QLineF] = []
        self._hovered: tuple[int, int] | None = None
        self._forced: dict[tuple[int, int], bool] = {}
        self._strength = 0.45

    @property
    def dropped(self) -> tuple[QRectF, ...]:
        """The shaded rectangles, neighbours in a row joined, in view coordinates."""
        return tuple(self._dropped)

    @property
    def forced(self) -> dict[tuple[int, int], bool]:
        """The patches, (row, column), that are marked as forced to be kept or dropped."""
        return dict(self._forced)

    def set_decision(self, decision: Decision | None, forced: Mapping[tuple[int, int], bool] = _NONE) -> None:
        """Show another decision mask, or none; mark the patches (row, column) that were forced to be kept or not."""
        self._decision = decision
        self._forced = dict(forced) if decision is not None else {}
        self._hovered = None
        self._dropped, self._border = [], []
        if decision is not None:
            rows, columns = decision.row_edges.tolist(), decision.column_edges.tolist()
            self._dropped = _runs_of_dropped(decision)
            for (x0, y0), (x1, y1) in (np.rint(outline(decision.kept) + 0.5)).astype(int).tolist():
                self._border.append(QLineF(columns[x0], rows[y0], columns[x1], rows[y1]))
        self.update()

    def set_strength(self, strength: float) -> None:
        """How strongly dropped patches are shaded, 0..1; lines and numbers stay readable."""
        self._strength = strength
        self.update()

    def set_hovered(self, patch: tuple[int, int] | None) -> None:
        """Mark the patch under the pointer."""
        if patch != self._hovered:
            self._hovered = patch
            self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw shade, border, hovered patch and numbers."""
        if self._decision is None:
            return
        painter.setClipRect(self._frame)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(8, 10, 14, round(200 * self._strength)))
        painter.drawRects(self._dropped)
        style = Qt.BrushStyle.FDiagPattern if self._second else Qt.BrushStyle.BDiagPattern
        hatch = QBrush(
            QColor(self._light.red(), self._light.green(), self._light.blue(), round(170 * self._strength)), style
        )
        inverse, possible = painter.transform().inverted()
        if possible:
            hatch.setTransform(inverse)  # keeps the hatch at screen size, whatever the zoom
        painter.setBrush(hatch)
        painter.drawRects(self._dropped)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(cosmetic(self._light, 1.6))
        painter.drawLines(self._border)
        if self._hovered is not None:
            row, column = self._hovered
            painter.setPen(
                cosmetic(QColor(255, 255, 255), 1.4, Qt.PenStyle.DotLine if self._second else Qt.PenStyle.DashLine)
            )
            painter.drawRect(self._cell(self._decision, row, column))
        for (row, column), keep in self._forced.items():
            self._draw_forced(painter, self._cell(self._decision, row, column), keep)
        self._draw_numbers(painter, option, self._decision)

    @staticmethod
    def _draw_forced(painter: QPainter, cell: QRectF, keep: bool) -> None:
        """A white frame with a plus or a minus in it: not by colour alone."""
        painter.setPen(cosmetic(QColor(0, 0, 0, 200), 4.5))
        painter.drawRect(cell)
        painter.setPen(cosmetic(QColor(255, 255, 255), 2.2))
        painter.drawRect(cell)
        arm, middle = min(cell.width(), cell.height()) * 0.14, cell.center()
        lines = [QLineF(middle.x() - arm, middle.y(), middle.x() + arm, middle.y())]
        if keep:
            lines.append(QLineF(middle.x(), middle.y() - arm, middle.x(), middle.y() + arm))
        painter.drawLines(lines)

    def _draw_numbers(self, painter: QPainter, option: QStyleOptionGraphicsItem, decision: Decision) -> None:
        cell = self._cell(decision, 0, 0)
        if cell.width() * self.scale_of(painter) < _NUMBERS_FROM:
            return
        seen = self.visible(option)
        rows, columns = decision.row_edges, decision.column_edges
        last_row, last_column = decision.kept.shape[0] - 1, decision.kept.shape[1] - 1
        r0, r1 = np.clip(np.searchsorted(rows, (seen.top(), seen.bottom()), side="right") - 1, 0, last_row)
        c0, c1 = np.clip(np.searchsorted(columns, (seen.left(), seen.right()), side="right") - 1, 0, last_column)
        transform = painter.transform()
        painter.save()
        painter.resetTransform()
        font = QFont(painter.font())
        font.setPointSizeF(max(font.pointSizeF() * 0.85, 7.0))
        painter.setFont(font)
        down = 26 if self._second else 13  # two layers write under each other
        for row in range(int(r0), int(r1) + 1):
            for column in range(int(c0), int(c1) + 1):
                place = self._cell(decision, row, column)
                at = transform.map(place.topLeft()) + QPointF(4, down)
                text = f"{decision.keep_probability[row, column]:.2f}"
                painter.setPen(QColor(0, 0, 0, 200))
                painter.drawText(at + QPointF(1, 1), text)
                painter.setPen(self._light)
                painter.drawText(at, text)
        painter.restore()

    @staticmethod
    def _cell(decision: Decision, row: int, column: int) -> QRectF:
        rows, columns = decision.row_edges, decision.column_edges
        return QRectF(
            QPointF(float(columns[column]), float(rows[row])), QPointF(float(columns[column + 1]), float(rows[row + 1]))
        )


def _runs_of_dropped(decision: Decision) -> list[QRectF]:
    """One rectangle for each run of dropped patches in a row."""
    rows, columns = decision.row_edges.tolist(), decision.column_edges.tolist()
    changes = np.diff(np.pad(~decision.kept, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, ends = np.argwhere(changes == 1).tolist(), np.argwhere(changes == -1).tolist()
    return [
        QRectF(QPointF(columns[first], rows[row]), QPointF(columns[end], rows[row + 1]))
        for (row, first), (_, end) in zip(starts, ends, strict=True)
    ]
