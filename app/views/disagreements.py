"""The table of what one detector found and another missed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QBrush, QColor

from app.state.compared import Disagreement
from app.state.comparison import Comparison
from app.views.sorted_rows import Index, SortedRows
from app.views.theme import colours

_COLUMNS = (
    ("Frame", "Its name; a click goes to the target"),
    ("What", "A target of the label, or a false alarm of one detector alone (the 20 largest of each frame)"),
    ("Place", "x and y of its centre"),
    ("Area", "Pixels"),
)
_SIGNS = {"found": "✓ found", "missed": "✕ missed", "false": "◇ false", "": ""}
_RANKS = {"": 0, "found": 1, "false": 2, "missed": 3}


class DisagreementModel(SortedRows):
    """One row for each disagreement, one column for each detector."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self._comparison = comparison
        self._names: list[tuple[str, str]] = []
        self._kind: bool | None = None
        comparison.folder_changed.connect(self._reset)
        comparison.folder_grew.connect(self.entries_added)
        self._reset()

    def row(self, row: int) -> Disagreement:
        """The disagreement of a row."""
        return self._comparison.rows[self.place(row)]

    def show_kind(self, targets: bool | None) -> None:
        """List targets only, false alarms only, or with None everything."""
        self._kind = targets
        self.reset_rows()

    def ranks(self, column: int, first: int) -> NDArray[np.float64]:
        """Numbers of the place, or the rank of what a detector made of it."""
        rows = self._comparison.rows[first:]
        if column < len(_COLUMNS):
            return np.array([_values(row)[column] for row in rows], np.float64)
        name = self._names[column - len(_COLUMNS)][0]
        return np.array([_RANKS[row.marks.get(name, "")] for row in rows], np.float64)

    def passes(self, first: int) -> NDArray[np.bool_] | None:
        """Those of the kind."""
        if self._kind is None:
            return None
        return np.array([row.is_target == self._kind for row in self._comparison.rows[first:]], np.bool_)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """The place of the target, then the detectors."""
        return 0 if parent.isValid() else len(_COLUMNS) + len(self._names)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles and their explanations."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        own = section < len(_COLUMNS)
        if role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section][0] if own else self._names[section - len(_COLUMNS)][1]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _COLUMNS[section][1] if own else "What this detector made of it"
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Place, kind, and one sign for each detector."""
        row, column = self.row(index.row()), index.column()
        mark = "" if column < len(_COLUMNS) else row.marks.get(self._names[column - len(_COLUMNS)][0], "")
        if role == Qt.ItemDataRole.DisplayRole:
            return _SIGNS[mark] if column >= len(_COLUMNS) else _texts(row)[column]
        if role == Qt.ItemDataRole.ForegroundRole and mark:
            c = colours()
            return QBrush(QColor({"found": c.good, "missed": c.bad, "false": c.warn}[mark]))
        if role == Qt.ItemDataRole.TextAlignmentRole and 2 <= column < len(_COLUMNS):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _reset(self) -> None:
        conditions = self._comparison.conditions
        self.beginResetModel()
        self._names = [(one.name, one.title) for one in conditions.detectors] if conditions is not None else []
        self._column = min(self._column, self.columnCount() - 1)
        self._read()
        self.endResetModel()


def _texts(row: Disagreement) -> tuple[str, ...]:
    kind = "target" if row.is_target else "false alarm"
    return row.stem, kind, f"{row.target.x:.0f}, {row.target.y:.0f}", str(row.target.area)


def _values(row: Disagreement) -> tuple[float, ...]:
    return row.index, int(row.is_target), 10_000 * row.target.y + row.target.x, row.target.area
