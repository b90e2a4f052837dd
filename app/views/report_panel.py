"""The Report panel: every frame judged, what was lost where, and the measures of the whole sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from app.state.predictions import PredictionState
from app.state.report import Column, Judged, Line, Report
from app.state.session import Session
from app.views.binding import Throttle
from app.views.icons import set_icon
from app.views.measures_panel import JUDGED_OTHERWISE, number
from app.views.parts import primary, quiet_label
from app.wording import counted, which_patches

Index = QModelIndex | QPersistentModelIndex
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


class ReportModel(QAbstractTableModel):
    """One row for each judged frame.

    It sorts its rows itself, as numbers: Qt's own sorting asks for every value in Python, seconds for ten thousand. A
    row whose figures change because its label does stays where it is until the rows are sorted again.
    """

    def __init__(self, report: Report, predictions: PredictionState) -> None:
        super().__init__()
        self._report, self._predictions = report, predictions
        self._shown = len(report.frames)
        self._number = report.number_of(predictions.threshold)
        self._column, self._descending = 0, False
        self._places = self._sorted()
        predictions.threshold_changed.connect(self._threshold_changed)
        report.judged_again.connect(self._changed)
        report.changed.connect(self._reset)
        report.judged.connect(self._added)

    def frame(self, row: int) -> Judged:
        """The frame of a row."""
        return self._report.frames[int(self._places[row])]

    def frames(self, first: int, last: int) -> list[int]:
        """The numbers of the frames of the rows from ``first`` to ``last``."""
        return [self._report.frames[place].index for place in self._places[first : last + 1].tolist()]

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column."""
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self._arrange()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """The frames judged so far."""
        return 0 if parent.isValid() else self._shown

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
                self._arrange()
            if self._shown:
                self._rows_changed(0, self._shown - 1)

    def _changed(self, place: int) -> None:
        for row in np.flatnonzero(self._places == place).tolist():
            self._rows_changed(row, row)

    def _rows_changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(_COLUMNS) - 1))

    def _reset(self) -> None:
        self.beginResetModel()
        self._shown = len(self._report.frames)
        self._number = self._report.number_of(self._predictions.threshold)
        self._places = self._sorted()
        self.endResetModel()

    def _added(self, place: int) -> None:
        ranks = self._ranks()
        # Behind those that are alike, as sorting all of them would have it.
        row = int(np.searchsorted(ranks[self._places], ranks[place], side="right"))
        self.beginInsertRows(QModelIndex(), row, row)
        self._places = np.insert(self._places, row, place)
        self._shown = place + 1
        self.endInsertRows()

    def _arrange(self) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [int(self._places[index.row()]) for index in before]
        self._places = self._sorted()
        rows = np.argsort(self._places)
        after = [self.index(int(rows[place]), index.column()) for place, index in zip(kept, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sorted(self) -> NDArray[np.intp]:
        """(rows,) the place in the report of the frame of each row."""
        return np.argsort(self._ranks()[: self._shown], kind="stable")

    def _ranks(self) -> NDArray[np.float64]:
        """(frames,) what the rows rise by; frames without a figure count as less than any."""
        by = _BY[self._column]
        if by is None:
            ranks = np.arange(len(self._report.frames), dtype=np.float64)
        else:
            ranks = np.nan_to_num(self._report.column(by, self._number), nan=-1.0)
        return -ranks if self._descending else ranks


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
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setAccessibleName("Judged frames")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setDefaultSectionSize(self.fontMetrics().horizontalAdvance("00/00"))
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        # With that of the table it asks for every cell, in Python, whether all rows are chosen.
        header.setSelectionModel(QItemSelectionModel(self.model, self.table))
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
