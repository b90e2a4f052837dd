"""pyqtgraph plots in the colours of the theme: the histogram, the loss curve and the channel bars use these."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QWidget

from app.views.theme import colours


class QuietPlot(pg.PlotWidget):  # type: ignore[misc]
    """A small plot without mouse handling, menus or buttons, which follows the theme."""

    def __init__(self, parent: QWidget | None = None, *, left_axis: bool = True, bottom_axis: bool = True) -> None:
        super().__init__(parent=parent, background=None)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(False, False)
        self.setFrameShape(self.Shape.NoFrame)
        plot = self.getPlotItem()
        plot.setContentsMargins(0, 0, 4, 0)
        self.shown_axes = [name for name, shown in (("left", left_axis), ("bottom", bottom_axis)) if shown]
        for name in ("left", "bottom"):
            plot.showAxis(name, name in self.shown_axes)
        self._ready = True
        self.apply_colours()

    def sizeHint(self) -> QSize:
        """Small: a plot takes the room that is left and asks for none."""
        return QSize(160, 90)

    def minimumSizeHint(self) -> QSize:
        """Smaller still."""
        return QSize(90, 60)

    def apply_colours(self) -> None:
        """Take over the colours of the current theme."""
        c = colours()
        font = QFont(self.font())
        font.setPointSizeF(max(font.pointSizeF() - 1.5, 6.5))
        for name in self.shown_axes:
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(QColor(c.line)))
            axis.setTextPen(pg.mkPen(QColor(c.quiet)))
            axis.setStyle(tickFont=font, tickLength=-3, tickTextOffset=3)
        self.setBackground(QColor(c.base))

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "_ready", False):
            self.apply_colours()
