"""The Profile panel: native values along the line on the canvas, with the width of the peak in them."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.imaging.profile import Peak, Profile, as_table, peak_of, profile_along
from app.state.session import Session
from app.views.binding import WhileSeen
from app.views.measuring import Measuring
from app.views.parts import quiet_label
from app.views.plots import QuietPlot
from app.views.theme import colours

_HINT = "Take the line tool and drag across a target: the values of the frame along the line are drawn here."
_FWHM_TIP = (
    "Full width at half maximum: where the profile crosses half way between the median of the line (dotted) and its "
    "peak. Draw the line at least three times as long as the target is wide."
)


class ProfilePanel(QWidget):
    """Reads frame and line; changes neither.

    Signals:
        place_pointed(float, float), pointed_away(): the pointer is over the sample of this image position, or left.
    """

    place_pointed = Signal(float, float)
    pointed_away = Signal()

    def __init__(self, session: Session, measuring: Measuring, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._measuring = session, measuring
        self.profile: Profile | None = None
        self.peak: Peak | None = None
        self.plot = QuietPlot()
        self.plot.setAccessibleName("Profile")
        self.plot.setToolTip("Native values over the distance from the start of the line, in pixels")
        self._curve = pg.PlotDataItem(symbol="o", symbolSize=4, symbolPen=None)
        self._base = pg.InfiniteLine(angle=0, movable=False)
        self._width = pg.PlotDataItem()
        self._here = pg.InfiniteLine(angle=90, movable=False)
        for part in (self._base, self._curve, self._width, self._here):
            self.plot.addItem(part)
        self.plot.viewport().setMouseTracking(True)
        self.plot.viewport().installEventFilter(self)
        self.text = quiet_label(_HINT, wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy = QPushButton("Copy values")
        self.copy.setToolTip("Copy x, y, distance and value of every sample as a table")
        self.copy.clicked.connect(self._copy)
        self.remove = QPushButton("Remove line")
        self.remove.clicked.connect(lambda: measuring.set_line(None))
        below = QHBoxLayout()
        below.setSpacing(6)
        below.addWidget(self.text, 1)
        below.addWidget(self.copy)
        below.addWidget(self.remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(4)
        layout.addWidget(self.plot, 1)
        layout.addLayout(below)
        self._seen = WhileSeen(self, self._read)
        for signal in (measuring.line_changed, session.frame_changed, session.sequence_changed):
            signal.connect(self._seen.wish)
        self._seen.wish()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_seen"):
            self._seen.wish()

    def _read(self) -> None:
        frame, line = self._session.frame, self._measuring.line
        self.profile = self.peak = None
        if frame is not None and line is not None:
            self.profile = profile_along(frame.pixels, *line)
            self.peak = peak_of(self.profile)
        self._draw()

    def _draw(self) -> None:
        profile, peak, c = self.profile, self.peak, colours()
        there = profile is not None
        self.copy.setEnabled(there)
        self.remove.setEnabled(there)
        self._here.hide()
        self._base.setVisible(peak is not None)
        if profile is None:
            self._curve.setData([], [])
        else:
            self._curve.setPen(pg.mkPen(QColor(c.accent), width=1.5))
            self._curve.setSymbolBrush(QColor(c.accent))
            self._curve.setData(profile.distance, profile.values, connect="finite")
        if peak is None:
            self._width.setData([], [])
        else:
            half = peak.base + peak.height / 2
            self._base.setPen(pg.mkPen(QColor(c.quiet), style=Qt.PenStyle.DotLine))
            self._base.setValue(peak.base)
            self._width.setPen(pg.mkPen(QColor(c.warn), width=2.5))
            self._width.setData([peak.left, peak.right], [half, half])
        self._here.setPen(pg.mkPen(QColor(c.quiet)))
        self.plot.enableAutoRange()
        self._say()

    def _say(self) -> None:
        profile, line = self.profile, self._measuring.line
        if profile is None or line is None:
            self.text.setText(_HINT)
            self.text.setToolTip("")
            return
        (x0, y0), (x1, y1) = line
        parts = [f"{line.length:.1f} px"]
        finite = profile.values[np.isfinite(profile.values)]
        if finite.size:
            parts.append(f"{finite.min():.5g} to {finite.max():.5g}")
        if self.peak is None:
            parts.append("no peak")
        else:
            parts.append(f"peak {self.peak.height:+.4g} over {self.peak.base:.5g}".replace("-", "−"))
            parts.append(f"FWHM {self.peak.fwhm:.2f} px")
        self.text.setText("   ".join(parts))
        self.text.setToolTip(f"From ({x0}, {y0}) to ({x1}, {y1}). {_FWHM_TIP}")

    def _copy(self) -> None:
        if self.profile is not None:
            QGuiApplication.clipboard().setText(as_table(self.profile))

    # ---- pointing ---------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The sample under the pointer is marked on the canvas too."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._point(event)
        elif event.type() == QEvent.Type.Leave:
            self._here.hide()
            self.pointed_away.emit()
        return super().eventFilter(watched, event)

    def _point(self, event: QMouseEvent) -> None:
        profile = self.profile
        if profile is None:
            return
        scene = self.plot.mapToScene(event.position().toPoint())
        at = float(self.plot.getPlotItem().vb.mapSceneToView(scene).x())
        nearest = int(np.abs(profile.distance - at).argmin())
        self._here.setValue(float(profile.distance[nearest]))
        self._here.show()
        self.place_pointed.emit(float(profile.x[nearest]), float(profile.y[nearest]))
