"""The Display panel: histogram with draggable window and level, colour map, gamma. The pixels stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.imaging.colours import COLOUR_MAPS, colour_map
from app.imaging.render import histogram
from app.state.session import Session
from app.views.binding import Throttle, WhileSeen, quiet
from app.views.parts import quiet_label
from app.views.plots import QuietPlot
from app.views.theme import colours

_WINDOWS = (
    ("percentile", "Auto, percentiles"),
    ("min_max", "Auto, min – max"),
    ("sigma", "Auto, mean ± sigma"),
    ("fixed", "Fixed by hand"),
)
_CLAHE_TIP = (
    "Even out the contrast of all parts of the frame (CLAHE), at most this many times. For the eye only: values, "
    "labels and the network stay with the frame"
)
_MAP_TITLES = {"white_hot": "White hot", "black_hot": "Black hot", "ironbow": "Ironbow"}


class DisplayPanel(QWidget):
    """How pixel values become colours."""

    window_requested = Signal(str)
    levels_requested = Signal(float, float)
    locked_requested = Signal(bool)
    colour_map_requested = Signal(str)
    gamma_requested = Signal(float)
    clahe_requested = Signal(bool)
    clahe_limit_requested = Signal(float)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._display = session, session.display
        self.plot = QuietPlot(left_axis=False)
        self.plot.setAccessibleName("Histogram of grey levels")
        self.plot.setMinimumHeight(84)
        self.plot.setToolTip("Histogram of the frame, counts on a logarithmic scale. Drag the borders or the area.")
        self._curve = pg.PlotDataItem(stepMode="center", fillLevel=0.0)
        self.region = pg.LinearRegionItem(swapMode="sort")
        self.region.setZValue(10)
        self.plot.addItem(self._curve)
        self.plot.addItem(self.region)
        self._throttle = Throttle(self._emit_levels, interval_ms=30, parent=self)
        self.region.sigRegionChanged.connect(self._throttle.wish)
        self.low, self.high = self._number("Value shown darkest"), self._number("Value shown brightest")
        self._window = QComboBox()
        for name, title in _WINDOWS:
            self._window.addItem(title, name)
        self._window.setAccessibleName("Window and level")
        self._window.setToolTip("How the limits of the colour map are found")
        self._window.activated.connect(lambda i: self.window_requested.emit(_WINDOWS[i][0]))
        self._maps = QComboBox()
        self._maps.setIconSize(QSize(46, 12))
        for name in COLOUR_MAPS:
            self._maps.addItem(_map_icon(name), _MAP_TITLES.get(name, name.capitalize()), name)
        self._maps.setAccessibleName("Colour map")
        self._maps.setToolTip("Colours from the darkest to the brightest value")
        self._maps.activated.connect(lambda i: self.colour_map_requested.emit(COLOUR_MAPS[i]))
        self._locked = QCheckBox("Same for all frames")
        self._locked.setToolTip("Keep these limits over the whole sequence instead of finding them for each frame")
        self._locked.toggled.connect(self.locked_requested)
        self._gamma = QDoubleSpinBox(minimum=0.2, maximum=5.0, singleStep=0.1, decimals=1)
        self._gamma.setToolTip("Above 1 lifts the dark end")
        self._gamma.setAccessibleName("Gamma")
        self._gamma.valueChanged.connect(self.gamma_requested)
        self.clahe = QCheckBox("Local contrast (CLAHE)")
        self.clahe.setToolTip(_CLAHE_TIP)
        self.clahe.toggled.connect(self.clahe_requested)
        self.clahe_limit = QDoubleSpinBox(minimum=1.0, maximum=16.0, singleStep=0.5, decimals=1, suffix=" ×")
        self.clahe_limit.setToolTip(_CLAHE_TIP)
        self.clahe_limit.setAccessibleName("Limit of local contrast")
        self.clahe_limit.setKeyboardTracking(False)
        self.clahe_limit.valueChanged.connect(self.clahe_limit_requested)
        self._lay_out()
        self._histogram = WhileSeen(self, self._draw_histogram)
        self._lines = WhileSeen(self, self._draw_lines)
        session.frame_changed.connect(self._read_frame)
        session.sequence_changed.connect(self._read_frame)
        self._display.levels_changed.connect(self._read_levels)
        self._display.colour_map_changed.connect(self._read_levels)
        self._read_frame()

    def _number(self, name: str) -> QDoubleSpinBox:
        box = QDoubleSpinBox(minimum=-1e9, maximum=1e9, decimals=0)
        box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setKeyboardTracking(False)
        box.setMinimumWidth(64)
        box.valueChanged.connect(self._typed)
        return box

    def _lay_out(self) -> None:
        limits = QHBoxLayout()
        limits.setSpacing(6)
        limits.addWidget(self.low, 1)
        limits.addWidget(quiet_label("to"))
        limits.addWidget(self.high, 1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        for row, (title, content) in enumerate((("Window", self._window), ("Colours", self._maps))):
            grid.addWidget(quiet_label(title), row, 0)
            grid.addWidget(content, row, 1)
        last = QHBoxLayout()
        last.addWidget(self._locked, 1)
        last.addWidget(quiet_label("Gamma"))
        last.addWidget(self._gamma)
        local = QHBoxLayout()
        local.addWidget(self.clahe, 1)
        local.addWidget(self.clahe_limit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self.plot, 1)
        layout.addLayout(limits)
        layout.addLayout(grid)
        layout.addLayout(last)
        layout.addLayout(local)

    # ---- from the state ---------------------------------------------------------------------------------

    def _read_frame(self) -> None:
        frame = self._session.frame
        self.setEnabled(frame is not None)
        self._histogram.wish()
        if frame is None:
            return
        decimals = 3 if frame.pixels.dtype.kind == "f" else 0
        with quiet(self.low, self.high):
            self.low.setDecimals(decimals)
            self.high.setDecimals(decimals)
        self._read_levels()

    def _draw_histogram(self) -> None:
        frame = self._session.frame
        if frame is None:
            self._curve.setData([0, 1], [0])
            return
        counts, edges = histogram(frame.pixels, bins=_bins(frame.pixels))
        fill = QColor(colours().quiet)
        self._curve.setPen(pg.mkPen(fill))
        fill.setAlpha(110)
        self._curve.setFillBrush(fill)
        self._curve.setData(edges, np.log10(counts + 1.0))
        self._draw_lines()

    def _read_levels(self) -> None:
        low, high = self._display.levels
        with quiet(
            self.region, self.low, self.high, self._window, self._maps, self._locked, self._gamma,
            self.clahe, self.clahe_limit,
        ):  # fmt: skip
            self.region.setRegion((low, high))
            self.low.setValue(low)
            self.high.setValue(high)
            self._window.setCurrentIndex([name for name, _ in _WINDOWS].index(self._display.window))
            self._maps.setCurrentIndex(COLOUR_MAPS.index(self._display.colour_map))
            self._locked.setChecked(self._display.locked)
            self._gamma.setValue(self._display.gamma)
            self.clahe.setChecked(self._display.clahe)
            self.clahe_limit.setValue(self._display.clahe_limit)
        self._lines.wish()

    def _draw_lines(self) -> None:
        accent = QColor(colours().accent)
        for line in self.region.lines:
            line.setPen(pg.mkPen(accent, width=1.5))
            line.setHoverPen(pg.mkPen(colours().text, width=2))
        accent.setAlpha(45)
        self.region.setBrush(accent)
        accent.setAlpha(70)
        self.region.setHoverBrush(accent)
        self._show_range()

    def _show_range(self) -> None:
        """Keep the histogram and both limits in view."""
        data = self._curve.getData()[0]
        low, high = self._display.levels
        if data is not None and len(data) > 1:
            low, high = min(low, float(data[0])), max(high, float(data[-1]))
        self.plot.setXRange(low, high, padding=0.03)
        self.plot.enableAutoRange("y")

    # ---- from the user ----------------------------------------------------------------------------------

    def _emit_levels(self) -> None:
        low, high = self.region.getRegion()
        self.levels_requested.emit(float(low), float(high))

    def _typed(self) -> None:
        low, high = self.low.value(), self.high.value()
        if low < high:
            self.levels_requested.emit(low, high)
        else:
            self._read_levels()


def _bins(pixels: NDArray[Any]) -> int:
    """One bin for each whole value where there are few, so that the histogram has no gaps that mean nothing."""
    if pixels.dtype.kind != "u" or pixels.size == 0:
        return 256
    return min(256, max(2, int(pixels.max()) - int(pixels.min()) + 1))


def _map_icon(name: str) -> QIcon:
    """A colour map as a strip."""
    table = np.ascontiguousarray(np.broadcast_to(colour_map(name)[None, ::4], (12, 64, 3)))
    image = QImage(table.data, 64, 12, 64 * 3, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.copy()).scaled(46, 12, Qt.AspectRatioMode.IgnoreAspectRatio))
