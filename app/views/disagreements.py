"""The table of what one detector found and another missed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor

from app.state.compared import Disagreement
from app.state.comparison import Comparison
from app.views.theme import colours

Index = QModelIndex | QPersistentModelIndex
SortRole = int(Qt.ItemDataRole.UserRole) + 1
_COLUMNS = (
    ("Frame", "Its name; a click goes to the target"),
    ("What", "A target of the label, or a false alarm of one detector alone (the 20 largest of each frame)"),
    ("Place", "x and y of its centre"),
    ("Area", "Pixels"),
)
_SIGNS = {"found": "✓ found", "missed": "✕ missed", "false": "◇ false", "": ""}
_RANKS = {"": 0, "found": 1, "false": 2, "missed": 3}


class DisagreementModel(QAbstractTableModel):
    """One row for each disagreement, one column for each detector."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self._comparison = comparison
        self._names: list[tuple[str, str]] = []
        self._shown = 0
        comparison.folder_changed.connect(self._reset)
        comparison.folder_grew.connect(self._grew)
        self._reset()

    def row(self, row: int) -> Disagreement:
        """The disagreement of a row."""
        return self._comparison.rows[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """The disagreements so far."""
        return 0 if parent.isValid() else self._shown

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
        row, column = self._comparison.rows[index.row()], index.column()
        mark = "" if column < len(_COLUMNS) else row.marks.get(self._names[column - len(_COLUMNS)][0], "")
        if role == Qt.ItemDataRole.DisplayRole:
            return _SIGNS[mark] if column >= len(_COLUMNS) else _texts(row)[column]
        if role == SortRole:
            return _RANKS[mark] if column >= len(_COLUMNS) else _values(row)[column]
        if role == Qt.ItemDataRole.ForegroundRole and mark:
            c = colours()
            return QBrush(QColor({"found": c.good, "missed": c.bad, "false": c.warn}[mark]))
        if role == Qt.ItemDataRole.TextAlignmentRole and 2 <= column < len(_COLUMNS):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _reset(self) -> None:
        self.beginResetModel()
        conditions = self._comparison.conditions
        self._names = [(one.name, one.title) for one in conditions.detectors] if conditions is not None else []
        self._shown = len(self._comparison.rows)
        self.endResetModel()

    def _grew(self, first: int) -> None:
        last = len(self._comparison.rows) - 1
        if last >= first:
            self.beginInsertRows(QModelIndex(), first, last)
            self._shown = last + 1
            self.endInsertRows()


def _texts(row: Disagreement) -> tuple[str, ...]:
    kind = "target" if row.is_target else "false alarm"
    return row.stem, kind, f"{row.target.x:.0f}, {row.target.y:.0f}", str(row.target.area)


def _values(row: Disagreement) -> tuple[Any, ...]:
    return row.index, int(row.is_target), 10_000 * row.target.y + row.target.x, row.target.area
