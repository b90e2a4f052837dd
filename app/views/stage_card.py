"""The cards of the Stages strip: a small picture of a step with its cost and the value under the pointer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from adsnet.prediction import StageCost
from app.imaging.overlay import Rgba
from app.views.theme import colours

Channels = NDArray[np.float32]

_PICTURE = QSize(76, 57)
_PAD = 5
_LINES = 3


class StageCard(QAbstractButton):
    """A picture with a title and its cost; checked while its overlay is shown."""

    def __init__(self, title: str, tip: str, *, checkable: bool) -> None:
        super().__init__()
        self.title, self._tip = title, tip
        self.cost: tuple[str, ...] = ()
        self._picture: QPixmap | None = None
        self._values: NDArray[Any] | None = None
        self._covered = (1.0, 1.0)
        self._pointer: QPointF | None = None
        self.setToolTip(tip)
        self.setAccessibleName(title)
        self.setCheckable(checkable)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def sizeHint(self) -> QSize:
        """Title, picture and the lines of the cost."""
        line = self.fontMetrics().lineSpacing()
        return QSize(_PICTURE.width() + 2 * _PAD, _PICTURE.height() + (1 + _LINES) * line + 2 * _PAD)

    @property
    def _frame(self) -> QRectF:
        """Where the picture is."""
        return QRectF(QPointF(_PAD, _PAD + self.fontMetrics().lineSpacing()), _PICTURE)

    @property
    def picture(self) -> QPixmap | None:
        """What is drawn, at its own resolution."""
        return self._picture

    @property
    def value(self) -> str:
        """What the map says under the pointer; empty when it points at nothing."""
        if self._values is None or self._pointer is None:
            return ""
        places = []
        for at, share, cells in zip(
            (self._pointer.y(), self._pointer.x()), self._covered, self._values.shape, strict=True
        ):
            places.append(min(int(at * share * cells), cells - 1))
        value = self._values[places[0], places[1]]
        return str(int(value)) if self._values.dtype.kind in "bui" else f"{float(value):.3g}"

    def show_map(
        self, rgba: Rgba | None, values: NDArray[Any] | None = None, covered: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        """Draw another map, or none.

        Args:
            rgba: the picture of the whole map, of any resolution.
            values: (h, w), the map: what is written at the pointer.
            covered: the shares of its rows and columns that lie in the frame; the rest is padding.
        """
        self._values, self._covered = values, covered
        if rgba is None:
            self._picture = None
        else:
            height, width = rgba.shape[:2]
            image = QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
            self._picture = QPixmap.fromImage(image.copy())
        self.update()

    def show_cost(self, stages: list[StageCost]) -> None:
        """Write the cost of some stages below the picture; the tool tip has that of each."""
        self.cost = _cost_lines(stages)
        self.setToolTip("\n".join([self._tip, *map(_detail, stages)]))
        self.update()

    def show_pointer(self, at: QPointF | None) -> None:
        """Mark a place, 0..1 in both directions, or none."""
        if at != self._pointer:
            self._pointer = at
            if self._picture is not None:
                self.update(self._frame.toRect())  # not the words: this is done at every move over the canvas

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card."""
        c = colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse() or self.hasFocus():
            painter.setPen(QColor(c.accent if self.isChecked() or self.hasFocus() else c.line))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        frame = self._frame
        if not frame.toRect().contains(event.rect()):
            self._draw_words(painter, frame)
        painter.setClipRect(frame)
        self._draw_picture(painter, frame)

    def _draw_words(self, painter: QPainter, frame: QRectF) -> None:
        """The title above the picture, the cost below it."""
        c, line = colours(), self.fontMetrics().lineSpacing()
        text = QRectF(0, _PAD - 1, self.width(), line)
        painter.setPen(QColor(c.text))
        painter.drawText(text, Qt.AlignmentFlag.AlignCenter, self.title)
        painter.setPen(QColor(c.quiet))
        for row, words in enumerate(self.cost):
            text.moveTop(frame.bottom() + 1 + row * line)
            painter.drawText(text, Qt.AlignmentFlag.AlignCenter, words)

    def _draw_picture(self, painter: QPainter, frame: QRectF) -> None:
        if self._picture is None:
            painter.setPen(QColor(colours().line))
            painter.drawRect(frame.adjusted(0, 0, -1, -1))
            return
        size = QSize(self._picture.size()).scaled(frame.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(0, 0), size)
        place.moveCenter(frame.center())
        painter.drawPixmap(place.toRect(), self._picture)
        if self._pointer is not None:
            down, across = self._covered
            x, y = self._pointer.x() * across * place.width(), self._pointer.y() * down * place.height()
            at = place.topLeft() + QPointF(x, y)
            for width, colour in ((3.0, QColor(0, 0, 0, 180)), (1.2, QColor(255, 255, 255))):
                pen = painter.pen()
                pen.setColor(colour)
                pen.setWidthF(width)
                painter.setPen(pen)
                painter.drawLine(at - QPointF(5, 0), at + QPointF(5, 0))
                painter.drawLine(at - QPointF(0, 5), at + QPointF(0, 5))
            self._draw_value(painter, place, below=at.y() < place.center().y())

    def _draw_value(self, painter: QPainter, place: QRectF, *, below: bool) -> None:
        """In the half of the picture in which the pointer is not."""
        text, line = self.value, self.fontMetrics().lineSpacing()
        if text:
            width = self.fontMetrics().horizontalAdvance(text) + 6
            box = QRectF(place.left(), place.bottom() - line if below else place.top(), width, line)
            painter.fillRect(box, QColor(0, 0, 0, 170))
            painter.setPen(QColor(255, 255, 255))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class ChannelCard(StageCard):
    """The channels of one stage: their weights above; below, their strength before (up) and after the AFD (down)."""

    def __init__(self, title: str, tip: str) -> None:
        super().__init__(title, tip, checkable=False)
        self.weights = self.before = self.after = np.zeros(0, np.float32)

    def show_channels(self, weights: Channels | None, before: Channels | None, after: Channels | None) -> None:
        """Draw other channels, each (C,) float32: attention 0..1, strength of F' and strength of F; None for none."""
        none = np.zeros(0, np.float32)
        self.weights, self.before, self.after = (none if one is None else one for one in (weights, before, after))
        self.update()

    def _draw_picture(self, painter: QPainter, frame: QRectF) -> None:
        c = colours()
        painter.setPen(QColor(c.line))
        painter.drawRect(frame.adjusted(0, 0, -1, -1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        top, middle, bottom = frame.top() + 2, frame.top() + frame.height() * 0.42, frame.bottom() - 2
        _draw_bars(painter, frame, self.weights, base=middle - 2, to=top, largest=1.0, colour=c.accent)
        centre = (middle + bottom) / 2
        largest = float(max(self.before.max(initial=0.0), self.after.max(initial=0.0)))
        _draw_bars(painter, frame, self.before, base=centre, to=middle + 1, largest=largest, colour=c.quiet)
        _draw_bars(painter, frame, self.after, base=centre + 1, to=bottom, largest=largest, colour=c.accent)


def _draw_bars(
    painter: QPainter, frame: QRectF, values: Channels, *, base: float, to: float, largest: float, colour: str
) -> None:
    """Bars from ``base`` towards ``to``, which ``largest`` reaches."""
    if not values.size or largest <= 0:
        return
    step = (frame.width() - 4) / values.size
    for number, value in enumerate(values):
        left = frame.left() + 2 + number * step
        painter.fillRect(QRectF(left, base, max(1.0, step - 0.4), (to - base) * float(value) / largest), QColor(colour))


def _cost_lines(stages: list[StageCost]) -> tuple[str, ...]:
    """Milliseconds, GFLOP, and the share of the work that was saved."""
    if not stages:
        return ()
    seconds = sum(stage.seconds for stage in stages)
    dense, done = sum(stage.gflop_dense for stage in stages), sum(stage.gflop_done for stage in stages)
    saved = round(100 * (1 - done / dense)) if dense else 0
    return f"{seconds * 1000:.1f} ms", _work(done), *([f"{saved} % saved"] if saved else [])


def _work(gflop: float) -> str:
    return f"{gflop:.2f} GFLOP" if gflop >= 0.01 or not gflop else f"{1000 * gflop:.1f} MFLOP"


def _detail(stage: StageCost) -> str:
    """One part of the network: what it took, and what dropped patches saved."""
    saved = stage.gflop_dense - stage.gflop_done
    text = f"{stage.name}: {stage.seconds * 1000:.1f} ms, {_work(stage.gflop_done)}"
    return text + (f", {_work(saved)} saved" if saved > 0 else "")
