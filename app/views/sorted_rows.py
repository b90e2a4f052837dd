"""Tables of very many rows that sort and filter them as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTableView

Index = QModelIndex | QPersistentModelIndex


class SortedRows(QAbstractTableModel):
    """A table of entries with places from 0, whose rows are in the order of a column.

    Qt's own sorting asks for every value in Python: seconds for ten thousand rows. A row whose values change stays
    where it is until the rows are sorted again: what is worked on does not run away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._column, self._descending = 0, False
        self._ranks = np.zeros(0)
        self._places = np.zeros(0, np.intp)

    # ---- what a table says of itself --------------------------------------------------------------------------

    def ranks(self, column: int, first: int) -> NDArray[np.float64]:
        """What the entries from ``first`` on rise by in a column; NaN is less than anything."""
        raise NotImplementedError

    def passes(self, first: int) -> NDArray[np.bool_] | None:
        """Which of the entries from ``first`` on have a row; None for all."""
        return None

    # ---- rows -------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """The entries that pass."""
        return 0 if parent.isValid() else len(self._places)

    def place(self, row: int) -> int:
        """The entry of a row."""
        return int(self._places[row])

    def places(self, first: int, last: int) -> list[int]:
        """The entries of the rows from ``first`` to ``last``."""
        return [int(place) for place in self._places[first : last + 1]]

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column; what is chosen stays chosen."""
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self.arrange()

    def arrange(self) -> None:
        """Sort the rows again: their values are others."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [self.place(index.row()) for index in before]
        self._read()
        rows = {place: row for row, place in enumerate(self._places.tolist())} if before else {}
        after = [self.index(rows[place], index.column()) for place, index in zip(kept, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def reset_rows(self) -> None:
        """The entries, or those that pass, are others."""
        self.beginResetModel()
        self._read()
        self.endResetModel()

    def entries_added(self, first: int) -> None:
        """There are more entries, from this one on."""
        ranks, passes = self._signed(first), self.passes(first)
        self._ranks = np.concatenate([self._ranks, ranks])
        for place, rank in enumerate(ranks, first):
            if passes is None or passes[place - first]:
                # Behind those that are alike, as sorting all of them would have it.
                row = int(np.searchsorted(self._ranks[self._places], rank, side="right"))
                self.beginInsertRows(QModelIndex(), row, row)
                self._places = np.insert(self._places, row, place)
                self.endInsertRows()

    def entry_changed(self, place: int) -> None:
        """Another text is shown for an entry."""
        for row in np.flatnonzero(self._places == place).tolist():
            self.rows_changed(row, row)

    def rows_changed(self, first: int, last: int) -> None:
        """Other texts are shown in these rows."""
        if first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, self.columnCount() - 1))

    def _read(self) -> None:
        self._ranks = self._signed(0)
        places = np.argsort(self._ranks, kind="stable")
        passes = self.passes(0)
        self._places = places if passes is None else places[passes[places]]

    def _signed(self, first: int) -> NDArray[np.float64]:
        ranks = np.nan_to_num(self.ranks(self._column, first), nan=-1.0)
        return -ranks if self._descending else ranks


def sorted_table(model: SortedRows, name: str) -> QTableView:
    """A table of rows that are chosen whole and sorted by a click on a heading, by the first column at first."""
    table = QTableView()
    table.setModel(model)
    table.setSortingEnabled(True)
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setAccessibleName(name)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 8)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    # With that of the table it asks for every cell, in Python, whether all rows are chosen.
    header.setSelectionModel(QItemSelectionModel(model, table))
    return table
