"""A panel that scrolls where there is no room for all of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QWidget

_LEAST = 110
"""Pixels of its height that are always seen."""


class _Holder(QWidget):
    """Gives a panel all of its own room.

    A scroll area makes a widget with words that wrap as high as it would like to be; this one only as high as it has
    to be.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        panel.setParent(self)
        panel.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """That of the panel."""
        return self._panel.minimumSizeHint()

    def sizeHint(self) -> QSize:
        """That of the panel."""
        return self._panel.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The panel fills it."""
        self._panel.resize(self.size())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The panel needs another size."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return False


class Scrolled(QScrollArea):
    """Around a panel: as wide as that needs to be, and of any height, so that a small window need not grow for it."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        self.setWidget(_Holder(panel))
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """The width of the panel, with room for the bar."""
        bar = self.verticalScrollBar().sizeHint().width()
        least = self._panel.minimumSizeHint()
        return QSize(least.width() + bar, min(least.height(), _LEAST))

    def sizeHint(self) -> QSize:
        """That of the panel."""
        return self._panel.sizeHint()
