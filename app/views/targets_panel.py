"""The Targets panel: the predicted targets of the frame, one row each."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from adsnet.targets import Target
from app.actions.conditions import has_targets
from app.actions.spec import Situation
from app.imaging.probe import contrast_of
from app.state.session import Session
from app.views.binding import InPlay, quiet
from app.views.icons import set_icon
from app.views.parts import primary, quiet_label
from app.views.selection import Selection
from app.views.theme import colours
from app.views.threshold_row import ThresholdRow

Index = QModelIndex | QPersistentModelIndex
_HEADINGS = ("#", "x", "y", "Area", "Peak", "SCR")
_TIPS = (
    "Number in reading order",
    "Column of the centroid in pixels",
    "Row of the centroid in pixels",
    "Pixels",
    "Largest probability in the target",
    "Local signal-to-clutter ratio: contrast to the surroundings, over their deviation",
)
_ACCEPT_ALL = "Make the predicted targets, without the rejected ones, the label of this frame"


class TargetModel(QAbstractTableModel):
    """The targets of the current prediction."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._targets: tuple[Target, ...] = ()
        self._ratios: dict[int, float] = {}
        reload = InPlay(session.player, self.reload, parent=self)
        session.predictions.arrived.connect(reload.wish)
        session.predictions.cleared.connect(reload.wish)
        session.predictions.threshold_changed.connect(self.reload)
        session.predictions.rejected_changed.connect(self._rejected_changed)
        self.reload()

    def reload(self, *_: object) -> None:
        """Take over the targets of the prediction."""
        self.beginResetModel()
        self._targets = self._session.predictions.targets
        self._ratios = {}
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One row a target."""
        return 0 if parent.isValid() else len(self._targets)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """The headings."""
        return 0 if parent.isValid() else len(_HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles and their explanations."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _HEADINGS[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return _TIPS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The numbers of one target."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if row in self._session.predictions.rejected:
            if role == Qt.ItemDataRole.ForegroundRole:
                return QColor(colours().faint)
            if role == Qt.ItemDataRole.FontRole:
                font = QFont()
                font.setStrikeOut(True)
                return font
            if role == Qt.ItemDataRole.ToolTipRole:
                return "Rejected: left out when all are accepted"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rejected targets are greyed out but can still be selected and accepted."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def _text(self, row: int, column: int) -> str:
        target = self._targets[row]
        if column == 5:
            ratio = self._ratio(row)
            return f"{ratio:.1f}" if math.isfinite(ratio) else "–"
        return (str(row + 1), f"{target.x:.1f}", f"{target.y:.1f}", str(target.area), f"{target.score:.2f}")[column]

    def _ratio(self, row: int) -> float:
        """SCR of one target, computed when it is first looked at, in a window around it."""
        if row not in self._ratios:
            self._ratios[row] = self._measure(row)
        return self._ratios[row]

    def _measure(self, row: int) -> float:
        frame = self._session.frame
        if frame is None or self._targets is not self._session.predictions.targets:  # while it plays, rows come later
            return math.nan
        return contrast_of(frame.pixels, *self._session.predictions.region(row)).scr

    def _rejected_changed(self) -> None:
        if self._targets:
            last = self.index(len(self._targets) - 1, len(_HEADINGS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)


class TargetsPanel(QWidget):
    """The table and what can be done with a target."""

    target_chosen = Signal(int)
    accept_requested = Signal()
    reject_requested = Signal()
    accept_all_requested = Signal()
    threshold_requested = Signal(float)

    def __init__(self, session: Session, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._selection = session, selection
        self._counts: dict[str, int] | None = None
        self.model = TargetModel(session)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setWordWrap(False)
        self.table.setAccessibleName("Predicted targets")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)  # by contents, every row is asked for every frame
        header.resizeSection(0, self.fontMetrics().horizontalAdvance("0000") + 8)
        header.setMinimumSectionSize(26)
        header.setHighlightSections(False)
        self.table.clicked.connect(lambda index: self.target_chosen.emit(index.row()))
        self.table.activated.connect(lambda index: self.target_chosen.emit(index.row()))
        self.table.selectionModel().currentRowChanged.connect(self._row_changed)
        self._summary = quiet_label("", wrap=True)
        self.accept = QPushButton("Accept")
        self.accept.setToolTip("Copy the selected target into the label")
        self.accept.clicked.connect(self.accept_requested)
        self.reject = QPushButton("Reject")
        self.reject.setToolTip("Leave the selected target out when all are accepted")
        self.reject.clicked.connect(self.reject_requested)
        self.accept_all = primary(QPushButton("Accept all"))
        self.accept_all.clicked.connect(self.accept_all_requested)
        for button, icon in ((self.accept, "accept"), (self.reject, "reject")):
            set_icon(button, icon)
        limit = ThresholdRow(margin=2)
        limit.chosen.connect(self.threshold_requested)
        self.threshold, self._threshold_text = limit.slider, limit.text
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for button in (self.accept, self.reject):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.accept_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self._summary)
        layout.addWidget(self.table, 1)
        layout.addWidget(limit)
        layout.addLayout(buttons)
        selection.target_changed.connect(InPlay(session.player, self._read_selection, parent=self).wish)
        self.model.modelReset.connect(self._read_selection)
        session.predictions.rejected_changed.connect(self._read_selection)
        session.sequence_changed.connect(self._read_selection)
        session.predictions.threshold_changed.connect(limit.show_value)
        limit.show_value(session.predictions.threshold)
        self._read_selection()

    def _row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.target_chosen.emit(current.row())

    def _read_selection(self) -> None:
        target, count = self._selection.target, self.model.rowCount()
        picker = self.table.selectionModel()
        with quiet(picker):
            if target is None or target >= count:
                picker.clear()
            else:
                flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
                picker.setCurrentIndex(self.model.index(target, 0), flags)
                self.table.scrollTo(self.model.index(target, 0))
        self.table.viewport().update()
        rejected = self._session.predictions.rejected
        self.accept.setEnabled(target is not None)
        self.reject.setEnabled(target is not None)
        self.reject.setText("Restore" if target in rejected else "Reject")
        reason = None if self._session.prediction is None else has_targets(Situation(self._session))
        self.accept_all.setEnabled(self._session.prediction is not None and reason is None)
        self.accept_all.setToolTip(reason or _ACCEPT_ALL)
        self._read_summary()

    @property
    def summary(self) -> str:
        """What is said above the table."""
        return self._summary.text()

    def show_counts(self, counts: dict[str, int] | None) -> None:
        """Say how many targets are found, missed and false_alarm by the label; None to say nothing of it."""
        self._counts = counts
        self._read_summary()

    def _read_summary(self) -> None:
        text = self._summary_text(self.model.rowCount(), len(self._session.predictions.rejected))
        if self._counts is not None:
            found, missed, false = (self._counts[kind] for kind in ("found", "missed", "false_alarm"))
            text = f"{text}\nAgainst the label: {found} found, {missed} missed, {false} false"
        self._summary.setText(text)

    def _summary_text(self, count: int, rejected: int) -> str:
        if self._session.sequence is None:
            return "Open a sequence to see predicted targets."
        if self._session.prediction is None:
            return "No prediction for this frame yet."
        if count == 0:
            return "No target is predicted in this frame."
        text = f"{count} predicted target{'s' if count != 1 else ''}"
        return f"{text}, {rejected} rejected" if rejected else text
