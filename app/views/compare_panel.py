"""The Compare panel: which detectors take part and how good each is, where they disagree, and their ROC."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QTableView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from adsnet.metrics import Metrics
from app.imaging.colours import BLUE, BLUISH_GREEN, ORANGE, REDDISH_PURPLE, SKY_BLUE, VERMILION
from app.state.compared import Detector
from app.state.comparison import Comparison
from app.state.session import Session
from app.views.binding import Throttle, WhileSeen, quiet
from app.views.detector_settings import DetectorSettings
from app.views.disagreements import DisagreementModel
from app.views.parts import primary, quiet_label
from app.views.plots import QuietPlot
from app.views.sorted_rows import sorted_table
from app.wording import counted

_COLOURS = (VERMILION, SKY_BLUE, BLUISH_GREEN, ORANGE, REDDISH_PURPLE, BLUE)
_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DashDotLine, Qt.PenStyle.DotLine)
_HEADINGS = (
    ("Detector", "Ticked ones take part"),
    ("Pd", "Share of the labelled targets that were found"),
    ("Fa", "Pixels of false targets, of all pixels, in units of 10⁻⁶"),
    ("nIoU", "Mean over the frames of the overlap of prediction and label"),
    ("IoU", "Overlap over all frames together"),
    ("AUC", "Area under the pixel ROC"),
)
_THIS, _ALL = "This frame", "All frames"
_READ_MS = 250


class ComparePanel(QWidget):
    """Detectors, disagreements and ROC in one row.

    Signals:
        view_requested(), start_requested(), stop_requested(), add_requested(): the buttons.
        chosen(str, bool): a detector is to take part or not.
        method_requested(str, object): a detector is to have other parameters.
        place_requested(int, float, float): go to the frame of this number and look at x, y.
    """

    view_requested = Signal()
    start_requested = Signal()
    stop_requested = Signal()
    add_requested = Signal()
    chosen = Signal(str, bool)
    method_requested = Signal(str, object)
    place_requested = Signal(int, float, float)

    def __init__(self, session: Session, comparison: Comparison, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._comparison = session, comparison
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        top = self._make_buttons()
        for part in (self._make_detectors(), self._make_rows(), self._make_roc()):
            splitter.addWidget(part)
        splitter.setSizes([380, 520, 300])
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(8, 6, 8, 6)
        inner.setSpacing(4)
        inner.addLayout(top)
        inner.addWidget(splitter, 1)
        scroll = QScrollArea()  # a small window must not grow for it
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self._throttle = Throttle(WhileSeen(content, self._read).wish, interval_ms=_READ_MS, parent=self)
        for signal in (comparison.detectors_changed, comparison.frame_compared, comparison.folder_changed):
            signal.connect(self._throttle.wish)
        comparison.folder_changed.connect(self._read_start)
        comparison.folder_grew.connect(lambda _first: self._throttle.wish())
        comparison.shown_changed.connect(lambda _shown: self._throttle.wish())
        session.sequence_changed.connect(self._throttle.wish)

    def _make_buttons(self) -> QHBoxLayout:
        self.view = QPushButton("Side by side")
        self.view.setToolTip("Show the detectors side by side on this frame")
        self.view.clicked.connect(self.view_requested)
        self.start = primary(QPushButton())
        self.start.setToolTip("Run the ticked detectors on every frame with a label")
        self.start.clicked.connect(self._start_or_stop)
        self.add = QPushButton("Add model…")
        self.add.setToolTip("Let the network of a model file take part")
        self.add.clicked.connect(self.add_requested)
        self.scope = QComboBox()
        self.scope.addItems([_THIS, _ALL])
        self.scope.setToolTip("What the figures and the ROC are about")
        self.scope.setAccessibleName("Figures of")
        self.scope.currentTextChanged.connect(lambda _text: self._read())
        self.summary = quiet_label("")
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.kinds = QComboBox()
        self.kinds.addItems(["Everything", "Targets", "False alarms"])
        self.kinds.setToolTip("Which disagreements are listed")
        self.kinds.setAccessibleName("Kind of disagreement")
        self.logarithmic = QCheckBox("Logarithmic")
        self.logarithmic.setToolTip("A logarithmic scale for the false positive rate: small targets live on its left")
        self.logarithmic.setChecked(True)
        self.logarithmic.toggled.connect(lambda _on: self._read())
        buttons = QHBoxLayout()
        for widget in (self.view, self.start, self.add, self.scope):
            buttons.addWidget(widget)
        buttons.addSpacing(8)
        buttons.addWidget(self.summary, 1)
        buttons.addWidget(self.kinds)
        buttons.addWidget(self.logarithmic)
        return buttons

    def _make_detectors(self) -> QWidget:
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setMinimumHeight(60)
        self.table.setHeaderLabels([title for title, _tip in _HEADINGS])
        self.table.setAccessibleName("Compared detectors")
        for column, (_title, tip) in enumerate(_HEADINGS):
            self.table.headerItem().setToolTip(column, tip)
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setIconSize(QSize(18, 10))
        self.table.itemChanged.connect(self._ticked)
        self.table.currentItemChanged.connect(lambda _now, _before: self._show_settings())
        self.settings = DetectorSettings()
        self.settings.method_requested.connect(self.method_requested)
        return _column(self.table, self.settings)

    def _make_rows(self) -> QWidget:
        self.model = DisagreementModel(self._comparison)
        self.kinds.currentIndexChanged.connect(lambda place: self.model.show_kind((None, True, False)[place]))
        self.rows = sorted_table(self.model, "Where the detectors disagree")
        self.rows.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        header = self.rows.horizontalHeader()
        header.setDefaultSectionSize(72)
        header.setStretchLastSection(True)
        self.rows.clicked.connect(self._choose)
        self.rows.activated.connect(self._choose)
        return self.rows

    def _make_roc(self) -> QWidget:
        self.roc = QuietPlot()
        self.roc.setLabel("bottom", "FPR")
        self.roc.setLabel("left", "TPR")
        self.roc.setToolTip(
            "ROC of pixels: share of the target pixels that are marked (TPR) by share of the others that are (FPR); "
            "the dots are where the thresholds lie"
        )
        self.roc.setAccessibleName("ROC")
        return self.roc

    # ---- wishes ---------------------------------------------------------------------------------------------

    def _start_or_stop(self) -> None:
        (self.stop_requested if self._comparison.status == "running" else self.start_requested).emit()

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 0:
            self.chosen.emit(item.data(0, Qt.ItemDataRole.UserRole), item.checkState(0) == Qt.CheckState.Checked)

    def _choose(self, index: QModelIndex) -> None:
        row = self.model.row(index.row())
        self.place_requested.emit(row.index, row.target.x, row.target.y)

    # ---- what is shown --------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """What was not shown was not kept up to date."""
        super().showEvent(event)
        self._read()

    def _read(self) -> None:
        if not self.isVisible():
            return
        comparison = self._comparison
        running = comparison.status == "running"
        self.view.setText("Back to the canvas" if comparison.shown else "Side by side")
        if running:
            with quiet(self.scope):
                self.scope.setCurrentText(_ALL)  # that is what was asked for
        self.view.setEnabled(self._session.sequence is not None)
        self._read_start()
        metrics = comparison.metrics() if self.scope.currentText() == _ALL else comparison.frame_metrics()
        self._read_table(metrics)
        self._read_summary()
        self._draw_roc(metrics)

    def _read_start(self) -> None:
        """At once: a button must not say for a moment that it starts what it stops."""
        self.start.setText("Stop" if self._comparison.status == "running" else "Compare all frames")
        self.start.setEnabled(self._session.sequence is not None)

    def _read_table(self, metrics: Mapping[str, Metrics]) -> None:
        detectors, taking_part = self._comparison.detectors, {one.name for one in self._comparison.chosen}
        with quiet(self.table):
            while self.table.topLevelItemCount() > len(detectors):
                self.table.takeTopLevelItem(self.table.topLevelItemCount() - 1)
            for place, detector in enumerate(detectors):
                item = self.table.topLevelItem(place)
                if item is None:
                    item = QTreeWidgetItem(self.table)
                item.setData(0, Qt.ItemDataRole.UserRole, detector.name)
                item.setIcon(0, _swatch(place))
                item.setToolTip(0, str(detector.model) if detector.model is not None else "")
                ticked = detector.name in taking_part
                item.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
                for column, text in enumerate((detector.title, *_figures(metrics.get(detector.name)))):
                    item.setText(column, text)
                    if column:
                        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._show_settings()

    def _show_settings(self) -> None:
        item = self.table.currentItem()
        name = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        found: Detector | None = next((one for one in self._comparison.detectors if one.name == name), None)
        self.settings.show_detector(found)

    def _read_summary(self) -> None:
        comparison = self._comparison
        if comparison.status == "empty":
            self.summary.setText("Compare all frames to see which targets one detector finds and another misses.")
            self.summary.setToolTip("")
            return
        targets = sum(row.is_target for row in comparison.rows)
        frames = comparison.frames.values()
        troubles = [t for f in frames for t in (f.problem, *(o.problem for o in f.outcomes.values())) if t]
        text = (
            f"{counted(len(comparison.frames), 'frame')}: {counted(targets, 'target')} found by some only, "
            f"{counted(len(comparison.rows) - targets, 'false alarm')} of one alone."
        )
        if comparison.status == "stopped":
            text += " Stopped before the end."
        if troubles:
            text += f" {len(troubles)} could not be compared: {troubles[0]}"
        self.summary.setText(f"{text} {comparison.outdated}".strip())
        self.summary.setToolTip(self.summary.text())

    def _draw_roc(self, metrics: Mapping[str, Metrics]) -> None:
        log = self.logarithmic.isChecked()
        self.roc.clear()
        self.roc.getPlotItem().setLogMode(x=log, y=False)
        least = 1.0
        for place, detector in enumerate(self._comparison.detectors):
            measured = metrics.get(detector.name)
            if measured is None or np.isnan(measured.roc).any():
                continue
            points = measured.roc[measured.roc[:, 0] > 0] if log else measured.roc
            if len(points):
                least = min(least, float(points[0, 0]) or least)
                self.roc.plot(points[:, 0], points[:, 1], pen=_pen(place), name=detector.title)
            if measured.fpr > 0 or not log:  # where the threshold is
                self.roc.plot(
                    [measured.fpr], [measured.recall], pen=None, symbol="o", symbolSize=7, symbolPen=None,
                    symbolBrush=QColor(*_COLOURS[place % len(_COLOURS)]),
                )  # fmt: skip
        self.roc.setYRange(0, 1.02, padding=0)
        self.roc.setXRange(math.floor(math.log10(least)) if log and least < 1 else (-6 if log else 0), 0 if log else 1)


def _column(*widgets: QWidget) -> QWidget:
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for place, widget in enumerate(widgets):
        layout.addWidget(widget, 0 if place else 1)
    return column


def _pen(place: int) -> object:
    """Colour and line style by the place of the detector: no two of the first twelve are alike in both."""
    style = _STYLES[(place + place // len(_COLOURS)) % len(_STYLES)]
    return pg.mkPen(QColor(*_COLOURS[place % len(_COLOURS)]), width=2, style=style)


def _swatch(place: int) -> QIcon:
    pixmap = QPixmap(18, 10)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(_pen(place))
    painter.drawLine(0, 5, 18, 5)
    painter.end()
    return QIcon(pixmap)


def _figures(metrics: Metrics | None) -> tuple[str, ...]:
    if metrics is None or not metrics.images:
        return ("–",) * (len(_HEADINGS) - 1)
    values = (
        f"{metrics.pd:.3f}",
        f"{1e6 * metrics.fa:.1f}",
        *(f"{v:.3f}" for v in (metrics.niou, metrics.iou, metrics.auc)),
    )
    return tuple("–" if text == "nan" else text for text in values)
