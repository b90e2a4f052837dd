"""The minimap: the whole frame, small, in a corner of the canvas while only a part of it is shown."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from app.imaging.thumbnail import frame_rgba
from app.state.session import Session
from app.views.canvas import Canvas

SIDE = 150
_MARGIN = 10


class _Picture(NamedTuple):
    """The frame in the pixels of the screen, so that painting only copies: as it is, and what is not visible of it."""

    bright: QPixmap
    dimmed: QPixmap


class Minimap(QWidget):
    """Shows the visible part as a rectangle; a click or a drag asks for another one.

    While the view moves only this small picture is painted again; it is made anew with another frame or other levels.

    Signals:
        place_requested(float, float): bring this image position into the middle.
    """

    place_requested = Signal(float, float)

    def __init__(self, canvas: Canvas, session: Session) -> None:
        super().__init__(canvas)
        self._canvas, self._session = canvas, session
        self._picture: _Picture | None = None
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Minimap")
        self.setToolTip("The whole frame; click or drag to move the visible part")
        self.hide()
        canvas.installEventFilter(self)
        canvas.view.sigRangeChanged.connect(self._read_view)
        session.frame_changed.connect(self._read_frame)
        session.sequence_changed.connect(self._read_frame)
        session.display.levels_changed.connect(self._read_frame)
        session.display.colour_map_changed.connect(self._read_frame)
        session.display.aid_changed.connect(self._read_view)

    @property
    def visible_part(self) -> QRectF:
        """The part of the frame that the canvas shows, in pixels of the frame."""
        shape = self._canvas.frame_shape
        if shape is None:
            return QRectF()
        seen = QRectF(self._canvas.view.viewRect())
        return seen.intersected(QRectF(0, 0, shape[1], shape[0]))

    def place_of(self, x: float, y: float) -> QPointF:
        """Image coordinates to a position in this widget."""
        scale = self._scale()
        return QPointF((x + 0.5) * scale, (y + 0.5) * scale)

    def _scale(self) -> float:
        shape = self._canvas.frame_shape
        return SIDE / max(shape) if shape is not None else 1.0

    def _read_frame(self) -> None:
        self._picture = None
        self._read_view()

    def _read_view(self, *_: object) -> None:
        shape, part = self._canvas.frame_shape, self.visible_part
        partial = shape is not None and (part.width() < shape[1] - 0.5 or part.height() < shape[0] - 0.5)
        shown = partial and self._session.frame is not None and self._session.display.aid("minimap")
        if shown:
            self._lay_out()
            self.update()
        self.setVisible(shown)

    def _lay_out(self) -> None:
        shape = self._canvas.frame_shape
        assert shape is not None
        scale = self._scale()
        size = QSize(max(round(shape[1] * scale), 8), max(round(shape[0] * scale), 8))
        corner = self._canvas.viewport().geometry().bottomRight()
        self.setGeometry(
            corner.x() - size.width() - _MARGIN, corner.y() - size.height() - _MARGIN, size.width(), size.height()
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner."""
        if event.type() == QEvent.Type.Resize:
            self._read_view()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the frame, dim what is not visible, and draw a border around what is."""
        painter = QPainter(self)
        picture = self._made()
        if picture is None:
            return
        area, scale, part = QRectF(self.rect()), self._scale(), self.visible_part
        seen = QRectF(part.x() * scale, part.y() * scale, part.width() * scale, part.height() * scale)
        painter.drawPixmap(0, 0, picture.dimmed)
        painter.setClipRect(seen)
        painter.drawPixmap(0, 0, picture.bright)
        painter.setClipping(False)
        middle = seen.center()
        seen.setSize(seen.size().expandedTo(QRectF(0, 0, 5, 5).size()))  # a small part must still be seen
        seen.moveCenter(middle)
        for colour, width in ((QColor(0, 0, 0, 200), 3.0), (QColor(255, 255, 255), 1.2)):
            painter.setPen(QPen(colour, width))
            painter.drawRect(seen)
        painter.setPen(QPen(QColor(128, 134, 142), 1))
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))

    def _made(self) -> _Picture | None:
        """The picture of the frame, made when it is first painted."""
        frame, display = self._session.frame, self._session.display
        if self._picture is None and frame is not None:
            rgba = frame_rgba(frame.pixels, display.levels, colour_map=display.colour_map, gamma=display.gamma)
            height, width = rgba.shape[:2]
            image = QImage(rgba.data, width, height, width * 4, QImage.Format.Format_RGBX8888)
            ratio = self.devicePixelRatioF()
            bright = QPixmap.fromImage(
                image.scaled(self.size() * ratio, mode=Qt.TransformationMode.SmoothTransformation)
            )
            bright.setDevicePixelRatio(ratio)
            dimmed = QPixmap(bright)
            painter = QPainter(dimmed)
            painter.fillRect(self.rect(), QColor(0, 0, 0, 110))
            painter.end()
            self._picture = _Picture(bright, dimmed)
        return self._picture

    # ---- moving the view --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Look here."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._ask(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Take the visible part along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two clicks: it must not reach the canvas, which would fit the frame."""
        self.mousePressEvent(event)

    def _ask(self, position: QPointF) -> None:
        scale = self._scale()
        self.place_requested.emit(position.x() / scale - 0.5, position.y() / scale - 0.5)
