"""Small widgets that several panels use."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QPushButton, QSizePolicy, QToolButton, QWidget

from app.views.icons import set_icon
from app.views.theme import STATE_COLOURS, colours

ROWS_LOOKED_AT = 100
"""Rows of a table that say how wide a column must be; Qt looks at a thousand, each time the table changes."""


def quiet_label(text: str = "", *, wrap: bool = False) -> QLabel:
    """Secondary text."""
    label = QLabel(text)
    label.setProperty("quiet", True)
    label.setWordWrap(wrap)
    return label


def heading(text: str) -> QLabel:
    """The title of a section in a panel."""
    label = QLabel(text)
    label.setProperty("heading", True)
    return label


def rule() -> QFrame:
    """A thin horizontal line."""
    line = QFrame()
    line.setProperty("rule", True)
    line.setFixedHeight(1)
    return line


def primary(button: QPushButton, on: bool = True) -> QPushButton:
    """Make a button the one that a panel is about, or an ordinary one again."""
    if bool(button.property("primary")) != on:
        button.setProperty("primary", on)
        button.style().unpolish(button)
        button.style().polish(button)
    return button


def tool_button(icon: str, tip: str, *, checkable: bool = False, size: int = 16) -> QToolButton:
    """A flat button with an icon; the tip is its accessible name too."""
    button = QToolButton()
    set_icon(button, icon)
    button.setIconSize(QSize(size, size))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setAutoRaise(True)
    return button


class Swatch(QWidget):
    """A small rectangle of the colour of a layer."""

    def __init__(self, colour: tuple[int, int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor(*colour)
        self.setFixedSize(12, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rectangle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)


class ProgressBar(QProgressBar):
    """A progress bar without text that waits with its painting for all else.

    Qt's own is painted whenever its value changes, and with it everything that waits to be painted: once before the
    panels have followed a change, and once more after that.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextVisible(False)

    def setRange(self, minimum: int, maximum: int) -> None:
        """Show progress between two values; between 0 and 0, that nobody knows how far it is."""
        if (minimum, maximum) != (self.minimum(), self.maximum()):
            self._later(lambda: super(ProgressBar, self).setRange(minimum, maximum))

    def setValue(self, value: int) -> None:
        """Show another value."""
        if value != self.value():
            self._later(lambda: super(ProgressBar, self).setValue(value))

    def _later(self, change: Callable[[], None]) -> None:
        self.setUpdatesEnabled(False)
        change()
        self.setUpdatesEnabled(True)


class ShareBar(QWidget):
    """A horizontal bar that shows a share, 0..1, or nothing."""

    def __init__(self, colour: tuple[int, int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor(*colour)
        self._share: float | None = None
        self.setFixedHeight(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_share(self, share: float | None) -> None:
        """Show another share."""
        self._share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours().line))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        if self._share:
            painter.setBrush(self._colour)
            painter.drawRoundedRect(QRectF(0, 0, max(6.0, self.width() * self._share), self.height()), 3, 3)


def draw_state(
    painter: QPainter, place: QRectF, state: str, *, labelled: bool = False, on: QColor | None = None
) -> None:
    """The mark of a frame: a different shape for each state, so that it does not rest on colour alone.

    Ring: no label; diamond: a label that came with the frames; both with a point inside once it was predicted.
    Filled diamond: corrected; disk with a tick: reviewed. ``on`` is the colour of a selected row: white marks then.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = QColor("#ffffff") if on is not None else QColor(STATE_COLOURS.get(state, STATE_COLOURS["new"]))
    pen = painter.pen()
    pen.setColor(colour)
    pen.setWidthF(1.5)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    centre, radius = place.center(), min(place.width(), place.height()) / 2 - 1
    if state == "reviewed":
        painter.setBrush(colour)
        painter.drawEllipse(centre, radius, radius)
        pen.setColor(QColor("#10241b") if on is None else on)
        painter.setPen(pen)
        tick = [QPointF(-0.45, 0.0), QPointF(-0.1, 0.4), QPointF(0.5, -0.35)]
        painter.drawPolyline([centre + corner * radius for corner in tick])
    elif state == "corrected" or labelled:
        if state == "corrected":
            painter.setBrush(colour)
        corners = [QPointF(0, -1), QPointF(1, 0), QPointF(0, 1), QPointF(-1, 0)]
        painter.drawPolygon([centre + corner * radius for corner in corners])
    else:
        painter.drawEllipse(centre, radius - 0.5, radius - 0.5)
    if state == "predicted":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(centre, radius * 0.38, radius * 0.38)
    painter.restore()
