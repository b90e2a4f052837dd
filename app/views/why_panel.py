"""The Why panel: one line for every target of the label and every false alarm of the frame, with its reason."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from adsnet.diagnosis import SEGMENTATION, SPARSITY, Diagnosis, Verdict
from app.state.verdicts import FrameVerdicts, Measured
from app.views.binding import WhileSeen
from app.views.parts import ROWS_LOOKED_AT, quiet_label
from app.views.theme import colours

_MARKS: dict[Verdict, str] = {
    "found": "✓", "dropped_3": "▨", "dropped_2": "▨", "faint": "◌", "merged": "∪", "off": "↔", "false": "✕",
}  # fmt: skip
_HEADINGS = ("", "x", "y", "Area", "Why", "Score", "IoU", "Peak", "SCR")
_TIPS = (
    "What became of it", "Column of the centroid in pixels", "Row of the centroid in pixels", "Pixels", "The reason",
    "Largest probability on its pixels", "Overlap with the prediction that it was matched with",
    "Largest value of the frame on its pixels", "Local signal-to-clutter ratio",
)  # fmt: skip
_WHY, _PEAK, _SCR = 4, 7, 8
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_FILTERS: dict[str, tuple[Verdict, ...]] = {
    "All": tuple(_MARKS),
    "Found": ("found",),
    "Lost": (*SPARSITY, *SEGMENTATION),
    "To sparsity": SPARSITY,
    "To segmentation": SEGMENTATION,
    "False alarms": ("false",),
}


class _Row(QTreeWidgetItem):
    """One target. What the frame has there is measured when it is first looked at."""

    def __init__(self, verdicts: FrameVerdicts, number: int, one: Diagnosis) -> None:
        target, c = one.target, colours()
        overlap = "–" if math.isnan(one.iou) else f"{one.iou:.2f}"
        score = f"{one.peak:.2f}"
        super().__init__(
            [_MARKS[one.verdict], f"{target.x:.0f}", f"{target.y:.0f}", str(target.area), one.short, score, overlap]
        )
        self.number, self.verdict = number, one.verdict
        self._verdicts = verdicts
        self._measured: Measured | None = None
        self._ranks: dict[int, float] = {
            0: float(list(_MARKS).index(one.verdict)), 1: target.x, 2: target.y, 3: target.area, 5: one.peak,
            6: -1.0 if math.isnan(one.iou) else one.iou,
        }  # fmt: skip
        tint = c.good if one.verdict == "found" else c.warn if one.verdict in SPARSITY else c.bad
        self.setForeground(0, QColor(tint))
        self.reason = one.sentence[0].upper() + one.sentence[1:] + "."

    def data(self, column: int, role: int) -> Any:
        """Measures of the frame, else what was set."""
        if role == Qt.ItemDataRole.TextAlignmentRole and column not in (0, _WHY):
            return _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole and column == _WHY:
            return self.reason
        if column in (_PEAK, _SCR) and role == Qt.ItemDataRole.DisplayRole:
            value = self.rank(column)
            return f"{value:.4g}" if column == _PEAK else f"{value:.1f}" if math.isfinite(value) else "–"
        return super().data(column, role)

    def rank(self, column: int) -> float:
        """What a column is sorted by, where it is not its text."""
        if column in (_PEAK, _SCR):
            if self._measured is None:
                self._measured = self._verdicts.measured(self.number)
            return self._measured.peak if column == _PEAK else self._measured.scr
        return self._ranks[column]

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        """By number; by text in the column of reasons."""
        tree = self.treeWidget()
        column = tree.sortColumn() if tree is not None else 0
        if column == _WHY or not isinstance(other, _Row):
            return self.text(column) < other.text(column)
        return self.rank(column) < other.rank(column)


class WhyPanel(QWidget):
    """The verdicts on the frame.

    Signals:
        place_chosen(float, float): look at this image position.
    """

    place_chosen = Signal(float, float)

    def __init__(self, verdicts: FrameVerdicts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdicts = verdicts
        self.summary = quiet_label("", wrap=True)
        self.reason = quiet_label("", wrap=True)
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAlternatingRowColors(True)
        self.table.setHeaderLabels(list(_HEADINGS))
        for column, tip in enumerate(_TIPS):
            self.table.headerItem().setToolTip(column, tip)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as they lie in the frame, at first
        self.filter = QComboBox()
        self.filter.addItems(list(_FILTERS))
        self.filter.setAccessibleName("Which targets are listed")
        self.filter.setToolTip("List all targets, or only those that were found, lost or falsely marked")
        self.filter.currentTextChanged.connect(self._filter)
        self.table.setAccessibleName("Why targets were found or lost")
        header = self.table.header()
        for column in range(len(_HEADINGS)):
            if column < _WHY:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
            else:
                header.resizeSection(column, 165 if column == _WHY else 52)
        header.setMinimumSectionSize(20)
        header.setResizeContentsPrecision(ROWS_LOOKED_AT)
        header.setStretchLastSection(True)
        header.moveSection(_WHY, 1)  # what the panel is for is seen without scrolling
        self.table.clicked.connect(self._choose)
        self.table.activated.connect(self._choose)
        self.table.currentItemChanged.connect(lambda item, _before: self._explain(item))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        above = QHBoxLayout()
        above.addWidget(self.summary, 1)
        above.addWidget(self.filter, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(above)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.reason)
        verdicts.changed.connect(self._read)
        self._seen = WhileSeen(self, verdicts.refresh)
        verdicts.outdated.connect(self._seen.wish)
        self._seen.wish()
        self._read()

    def _read(self) -> None:
        self.summary.setText(self._verdicts.sentence)
        self.table.clear()
        rows = [_Row(self._verdicts, number, one) for number, one in enumerate(self._verdicts.current or ())]
        self.table.setSortingEnabled(False)  # a table that is sorted takes rows one by one, and in reverse
        self.table.addTopLevelItems(list(rows))
        self.table.setSortingEnabled(True)
        self._filter()
        self._explain(None)

    def _filter(self, _text: str = "") -> None:
        wanted = _FILTERS[self.filter.currentText()]
        for place in range(self.table.topLevelItemCount()):
            row = self.table.topLevelItem(place)
            if isinstance(row, _Row):
                row.setHidden(row.verdict not in wanted)

    def _explain(self, item: QTreeWidgetItem | None) -> None:
        """Say in full what the column has no room for."""
        hint = "Choose a target: the canvas goes there, and its reason is told here." if self._verdicts.current else ""
        self.reason.setText(item.reason if isinstance(item, _Row) else hint)

    def _choose(self, index: QModelIndex) -> None:
        verdicts, row = self._verdicts.current or (), self.table.itemFromIndex(index)
        if isinstance(row, _Row) and row.number < len(verdicts):
            target = verdicts[row.number].target
            self.place_chosen.emit(target.x, target.y)
