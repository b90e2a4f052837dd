"""A panel that scrolls where there is no room for all of it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

_LEAST = 110
"""Pixels of its height that are always seen."""


class Scrolled(QScrollArea):
    """Around a panel: as wide as that needs to be, and of any height, so that a small window need not grow for it."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        self.setWidget(panel)
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
