"""The Measures panel: Pd over Fa by threshold, and nIoU, Pd and Fa of the frame, of chosen frames and of all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from adsnet.metrics import CurvePoint
from adsnet.sweep import Measures, Sweeps
from app.imaging.colours import ORANGE, SKY_BLUE
from app.state.session import Session
from app.views.binding import Throttle, WhileSeen
from app.views.parts import Swatch, quiet_label
from app.views.plots import QuietPlot
from app.views.theme import colours
from app.views.threshold_row import ThresholdRow
from app.wording import counted

JUDGED_OTHERWISE = "All frames were judged with another model or other patches: judge again."

_LIVE_MS = 250
_TICKS = (0, 1, 10, 100, 1000, 10_000, 100_000)
_WHAT = ("Frame", "Selection", "All")
_TIPS = (
    "The frame that is shown, with its prediction and its label as they are now",
    "The rows that are chosen in Report",
    "All frames that were judged, with their labels as they are now",
)


class PdFaPlot(QuietPlot):
    """Pd over Fa: solid for all judged frames, dashed for the one that is shown; a ring at the threshold.

    Signals:
        threshold_chosen(float): a click chose the point of this threshold.
    """

    threshold_chosen = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(120)
        self.setToolTip("A click takes the threshold of the nearest point")
        self.setAccessibleName("Pd over Fa by threshold")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        plot = self.getPlotItem()
        plot.setYRange(0, 1, padding=0.04)
        plot.setLabel("left", "Pd")
        plot.setLabel("bottom", "Fa · 10⁻⁶")
        plot.getAxis("bottom").setTicks([[(place(1e-6 * fa), _short(fa)) for fa in _TICKS]])
        self._points: dict[str, tuple[CurvePoint, ...]] = {"all": (), "frame": ()}
        self._lines = {
            "all": pg.PlotDataItem(pen=pg.mkPen(QColor(*ORANGE), width=2), symbol="o", symbolSize=4, symbolPen=None),
            "frame": pg.PlotDataItem(pen=pg.mkPen(QColor(*SKY_BLUE), width=1.5, style=Qt.PenStyle.DashLine)),
        }
        self._lines["all"].setSymbolBrush(QColor(*ORANGE))
        self._mark = pg.ScatterPlotItem(size=11, brush=None, pen=pg.mkPen(QColor(colours().text), width=2))
        for item in (*self._lines.values(), self._mark):
            self.addItem(item)

    @property
    def marked(self) -> tuple[tuple[float, float], ...]:
        """Where the rings are: (Fa, Pd) of all frames and of the frame, as far as there are any."""
        xs, ys = self._mark.getData()
        return tuple((unplace(float(x)), float(y)) for x, y in zip(xs, ys, strict=True))

    def points(self, which: str) -> tuple[CurvePoint, ...]:
        """The curve of ``all`` or ``frame``."""
        return self._points[which]

    def show_curves(self, whole: Sequence[CurvePoint], frame: Sequence[CurvePoint], number: int) -> None:
        """Draw both curves, where they have targets, and mark threshold number ``number``."""
        rings: list[tuple[float, float]] = []
        largest = 1e-6
        for which, points in (("all", whole), ("frame", frame)):
            usable = tuple(points) if points and not math.isnan(points[0].pd) else ()
            self._points[which] = usable
            # Each place once: a dashed line that stands still would begin its dashes anew, and look solid.
            places = list(dict.fromkeys((place(p.fa), p.pd) for p in usable))
            self._lines[which].setData([x for x, _ in places], [y for _, y in places])
            if usable:
                rings.append((place(usable[number].fa), usable[number].pd))
                largest = max(largest, *(p.fa for p in usable))
        self._mark.setData([x for x, _ in rings], [y for _, y in rings])
        self.getPlotItem().setXRange(0, place(largest), padding=0.04)

    def position_of(self, point: CurvePoint) -> QPointF:
        """Where a point of a curve lies in this widget."""
        scene = self.getPlotItem().vb.mapViewToScene(QPointF(place(point.fa), point.pd))
        return QPointF(self.mapFromScene(scene))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the threshold of the nearest point; of several in one place the one in their middle."""
        points = self._points["all"] or self._points["frame"]
        if not points or event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position()
        away = np.array([math.hypot(*((self.position_of(point) - at).toTuple())) for point in points])
        near = np.flatnonzero(away <= away.min() + 1.0)
        self.threshold_chosen.emit(points[int(near[len(near) // 2])].threshold)

    def changeEvent(self, event: QEvent) -> None:
        """The rings have the colour of the text."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_mark"):
            self._mark.setPen(pg.mkPen(QColor(colours().text), width=2))


class MeasuresPanel(QWidget):
    """The threshold, the curve and the figures. Nothing is computed while it is hidden.

    Signals:
        threshold_requested(float): another threshold of the probability.
    """

    threshold_requested = Signal(float)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._selected: tuple[int, ...] = ()
        self._limit = ThresholdRow(margin=1)
        self.threshold = self._limit.slider
        self.plot = PdFaPlot()
        self.figures = {what: [QLabel("–") for _ in range(4)] for what in _WHAT}
        self.note = quiet_label("", wrap=True)
        self._live = Throttle(lambda: self._seen.wish(), interval_ms=_LIVE_MS, parent=self)
        self._lay_out()
        self._limit.chosen.connect(self.threshold_requested)
        self.plot.threshold_chosen.connect(self.threshold_requested)
        report, document, predictions = session.report, session.document, session.predictions
        self._seen = WhileSeen(self, self._read)
        self._missed = WhileSeen(self, report.want)
        for signal in (
            predictions.threshold_changed, report.shown_changed, report.changed, session.sparsity_changed,
            session.model_changed,
        ):  # fmt: skip
            signal.connect(self._seen.wish)
        for signal in (
            predictions.arrived, predictions.cleared, document.loaded, document.committed, session.frame_changed,
            report.changed,
        ):  # fmt: skip
            signal.connect(self._missed.wish)
        for signal in (report.judged, report.judged_again):
            signal.connect(self._live.wish)
        self._seen.wish()
        self._missed.wish()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(9)
        grid.setVerticalSpacing(3)
        for column, title in enumerate(("nIoU", "Pd", "Fa·10⁻⁶", "found")):
            grid.addWidget(quiet_label(title), 0, column + 2, Qt.AlignmentFlag.AlignRight)
        swatches = {"Frame": SKY_BLUE, "All": ORANGE}
        for row, (what, tip) in enumerate(zip(_WHAT, _TIPS, strict=True), 1):
            if what in swatches:
                grid.addWidget(Swatch(swatches[what]), row, 0)
            title_label = QLabel(what)
            title_label.setToolTip(tip)
            grid.addWidget(title_label, row, 1)
            for column, label in enumerate(self.figures[what]):
                grid.addWidget(label, row, column + 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(7)
        layout.addWidget(self._limit)
        layout.addWidget(self.plot, 1)
        layout.addLayout(grid)
        layout.addWidget(self.note)

    def show_selection(self, indices: Sequence[int]) -> None:
        """Which frames are chosen."""
        self._selected = tuple(indices)
        self._seen.wish()

    def _read(self) -> None:
        threshold = self._session.predictions.threshold
        self._limit.show_value(threshold)
        report = self._session.report
        number = report.number_of(threshold)
        shown = report.shown.sweep if report.shown is not None else None
        shown = shown if shown is not None and shown.thresholds == report.thresholds else None
        frame = Sweeps(report.thresholds, () if shown is None else [shown])
        self.plot.show_curves(report.curve(), frame.points(), number)
        self._show("Frame", frame.measures(number))
        self._show("Selection", report.measures(threshold, self._selected) if self._selected else None)
        self._show("All", report.measures(threshold))
        self.note.setText(self._note(report.thresholds[number], threshold))

    def _show(self, what: str, measures: Measures | None) -> None:
        texts = ["–"] * 4
        if measures is not None:
            found = f"{measures.found}/{measures.targets}"
            texts = [number(measures.niou), number(measures.pd), f"{1e6 * measures.fa:.0f}", found]
        for label, text in zip(self.figures[what], texts, strict=True):
            label.setText(text)

    def _note(self, used: float, threshold: float) -> str:
        report = self._session.report
        if self._session.sequence is None:
            return ""
        lines = []
        if abs(used - threshold) > 1e-9:
            lines.append(f"The figures are those at {used:g}, the nearest threshold that is kept.")
        if report.status == "empty":
            lines.append("Judge all frames (Ctrl+J) for the figures of the whole sequence.")
        conditions = report.conditions
        if conditions is not None and conditions.differ_from(self._session.model, self._session.sparsity):
            lines.append(JUDGED_OTHERWISE)
        if report.outdated:
            lines.append(f"The labels of {counted(len(report.outdated), 'frame')} changed since: judge again.")
        return " ".join(lines)


def place(fa: float) -> float:
    """Where Fa is drawn: logarithmic, in units of 10⁻⁶, with a place for none at all."""
    return math.log10(1.0 + 1e6 * fa)


def unplace(x: float) -> float:
    """Inverse of ``place``."""
    return float(10.0**x - 1.0) / 1e6


def number(value: float) -> str:
    """A share with three decimals."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def _short(fa: int) -> str:
    return f"{fa // 1000}k" if fa >= 1000 else str(fa)
