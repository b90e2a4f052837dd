"""The Report panel: every frame judged, what was lost where, and the measures of the whole sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from app.state.predictions import PredictionState
from app.state.report import Column, Judged, Line, Report
from app.state.session import Session
from app.views.binding import Throttle
from app.views.icons import set_icon
from app.views.measures_panel import JUDGED_OTHERWISE, number
from app.views.parts import primary, quiet_label
from app.views.sorted_rows import Index, SortedRows, sorted_table
from app.wording import counted, which_patches

_COLUMNS = (
    ("Frame", "Its name; a click goes to it"),
    ("✓", "Targets of the label that were found"),
    ("▨", "Targets lost to sparsity: all their patches were dropped"),
    ("◌", "Targets lost to the segmentation: looked at, but not marked rightly"),
    ("✕", "Predicted targets that match none of the label"),
    ("IoU", "Overlap of prediction and label"),
)
_BY: tuple[Column | None, ...] = (None, "found", "dropped", "segmented", "false", "iou")
"""What the rows are sorted by; None is the order of the sequence."""
_SUMMARY_MS = 250


class ReportModel(SortedRows):
    """One row for each judged frame."""

    def __init__(self, report: Report, predictions: PredictionState) -> None:
        super().__init__()
        self._report, self._predictions = report, predictions
        self._number = report.number_of(predictions.threshold)
        self.reset_rows()
        predictions.threshold_changed.connect(self._threshold_changed)
        report.judged_again.connect(self.entry_changed)
        report.changed.connect(self._reset)
        report.judged.connect(self.entries_added)

    def frame(self, row: int) -> Judged:
        """The frame of a row."""
        return self._report.frames[self.place(row)]

    def frames(self, first: int, last: int) -> list[int]:
        """The numbers of the frames of the rows from ``first`` to ``last``."""
        return [self._report.frames[place].index for place in self.places(first, last)]

    def ranks(self, column: int, first: int) -> NDArray[np.float64]:
        """The figures at the threshold."""
        by = _BY[column]
        if by is None:
            return np.arange(first, len(self._report.frames), dtype=np.float64)
        return self._report.column(by, self._number)[first:]

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """The headings."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles and their explanations."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _COLUMNS[section][0]
            if role == Qt.ItemDataRole.ToolTipRole:
                return _COLUMNS[section][1]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Counts, or the reason why there are none."""
        frame, column = self.frame(index.row()), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(frame, column, frame.at(self._number))
        if role == Qt.ItemDataRole.ToolTipRole and frame.problem:
            return frame.problem
        if role == Qt.ItemDataRole.ToolTipRole and frame.index in self._report.outdated:
            return "Its label was changed since: judge again"
        if role == Qt.ItemDataRole.FontRole and frame.index in self._report.outdated:
            font = QFont()
            font.setItalic(True)
            return font
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _threshold_changed(self, threshold: float) -> None:
        number = self._report.number_of(threshold)
        if number != self._number:
            self._number = number
            if self._column:
                self.arrange()
            self.rows_changed(0, self.rowCount() - 1)

    def _reset(self) -> None:
        self._number = self._report.number_of(self._predictions.threshold)
        self.reset_rows()


class ReportPanel(QWidget):
    """Buttons, the sums, and the table.

    Signals:
        judge_requested(), stop_requested(), export_requested(): the buttons.
        frame_requested(int): go to the frame of this number.
        selection_changed(object): the numbers of the frames whose rows are chosen, a tuple.
    """

    judge_requested = Signal()
    stop_requested = Signal()
    export_requested = Signal()
    frame_requested = Signal(int)
    selection_changed = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        report, predictions = session.report, session.predictions
        self._session, self._report, self._predictions = session, report, predictions
        self.judge = primary(QPushButton("Judge all frames"))
        self.judge.setToolTip("Predict every frame and compare it with its label")
        self.judge.clicked.connect(self._judge_or_stop)
        self.export = QPushButton("Export…")
        self.export.setToolTip("Write a line for every verdict as CSV, at the threshold that the frames were judged at")
        self.export.clicked.connect(self.export_requested)
        set_icon(self.export, "save")
        self.summary = quiet_label("", wrap=True)
        self.model = ReportModel(report, predictions)
        self.table = sorted_table(self.model, "Judged frames")
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setDefaultSectionSize(self.fontMetrics().horizontalAdvance("00/00"))
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(24)
        self.table.clicked.connect(self._choose)
        self.table.activated.connect(self._choose)
        buttons = QHBoxLayout()
        buttons.addWidget(self.judge)
        buttons.addStretch(1)
        buttons.addWidget(self.export)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addLayout(buttons)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        # The measures are those of all frames so far: made anew for each, they would take ever longer.
        self._throttle = Throttle(self._read, interval_ms=_SUMMARY_MS, parent=self)
        report.changed.connect(self._read)
        for setting in (session.sparsity_changed, session.model_changed):
            setting.connect(self._throttle.wish)
        for signal in (report.judged, report.judged_again, predictions.threshold_changed):
            signal.connect(lambda _change: self._throttle.wish())
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self._read()

    def _judge_or_stop(self) -> None:
        (self.stop_requested if self._report.status == "running" else self.judge_requested).emit()

    def _chosen(self) -> tuple[int, ...]:
        chosen = self.table.selectionModel().selection().toList()
        return tuple(sorted({index for rows in chosen for index in self.model.frames(rows.top(), rows.bottom())}))

    def _selected(self) -> None:
        self.selection_changed.emit(self._chosen())

    def _choose(self, index: QModelIndex) -> None:
        if len(self._chosen()) <= 1:  # several are chosen to be measured, not to be gone to
            self.frame_requested.emit(self.model.frame(index.row()).index)

    def _read(self) -> None:
        running = self._report.status == "running"
        self.judge.setText("Stop" if running else "Judge all frames")
        self.export.setEnabled(bool(self._report.frames) and not running)
        self.summary.setText(summary_of(self._session))
        self.summary.setToolTip(conditions_of(self._report))


def summary_of(session: Session) -> str:
    """The sums in words, at the threshold."""
    report, threshold = session.report, session.predictions.threshold
    if report.status == "empty" or report.conditions is None:
        return "Predict every frame, and see how many targets are lost to sparsity and how many to segmentation."
    measures = report.measures(threshold)
    stopped = "Stopped before the end: " if report.status == "stopped" else ""
    lines = [f"{stopped}{counted(len(report.frames), 'frame')}, {report.labelled} labelled"]
    if measures is not None:
        dropped, segmented = report.losses(threshold)
        lines.append(
            f"{measures.found} of {measures.targets} found, {dropped} lost to sparsity, {segmented} to segmentation, "
            f"{measures.false} false"
        )
        lines.append(f"nIoU {number(measures.niou)}  Pd {number(measures.pd)}  Fa {1e6 * measures.fa:.0f}·10⁻⁶")
    problems = sum(bool(frame.problem) for frame in report.frames)
    if problems:
        lines.append(f"{counted(problems, 'frame')} could not be judged: the reason is in the table.")
    if report.conditions.differ_from(session.model, session.sparsity):
        lines.append(JUDGED_OTHERWISE)
    return "\n".join(lines)


def conditions_of(report: Report) -> str:
    """What the frames were judged with."""
    if report.conditions is None:
        return ""
    measures = report.measures(report.conditions.threshold)
    together = "" if measures is None else f"; IoU of all frames together {number(measures.iou)}"
    return (
        f"{report.conditions.model}, {which_patches(report.conditions.sparsity)}, "
        f"threshold {report.conditions.threshold:.2f}{together}"
    )


def _text(frame: Judged, column: int, line: Line | None) -> str:
    if column == 0:
        return frame.stem
    if frame.problem:
        return "–"
    if line is None:
        return str(frame.predicted) if column == 4 else "–"
    if column == 5:
        return "–" if line.iou is None else f"{line.iou:.2f}"
    return (f"{line.found}/{line.targets}", str(line.dropped), str(line.segmented), str(line.false))[column - 1]
