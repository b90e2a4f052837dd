"""Rows are in the order of a column whatever is added, filtered or sorted, and what is chosen stays chosen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from app.views.sorted_rows import Index, SortedRows


class Numbers(SortedRows):
    """Entries of two numbers, of which NaN is none."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[float, float]] = []
        self.least: float | None = None

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return self.entries[self.place(index.row())][index.column()]

    def ranks(self, column: int, first: int) -> NDArray[np.float64]:
        return np.array([entry[column] for entry in self.entries[first:]], np.float64)

    def passes(self, first: int) -> NDArray[np.bool_] | None:
        if self.least is None:
            return None
        return np.array([entry[0] >= self.least for entry in self.entries[first:]], np.bool_)

    def add(self, entries: list[tuple[float, float]]) -> None:
        first = len(self.entries)
        self.entries += entries
        self.entries_added(first)

    def expected(self, column: int, descending: bool) -> list[int]:
        def rank(place: int) -> float:
            value = self.entries[place][column]
            value = -1.0 if math.isnan(value) else value
            return -value if descending else value

        kept = [p for p, entry in enumerate(self.entries) if self.least is None or entry[0] >= self.least]
        return sorted(kept, key=rank)

    @property
    def order(self) -> list[int]:
        return self.places(0, self.rowCount() - 1)


_ENTRY = st.tuples(st.integers(0, 4).map(float), st.one_of(st.just(math.nan), st.integers(0, 3).map(float)))
_ENTRIES = st.lists(_ENTRY, max_size=8)


@given(_ENTRIES, st.lists(_ENTRIES, max_size=4), st.integers(0, 1), st.booleans(), st.sampled_from([None, 2.0]))
def test_in_order_whatever_is_added(
    some: list[tuple[float, float]],
    more: list[list[tuple[float, float]]],
    column: int,
    descending: bool,
    least: float | None,
) -> None:
    model = Numbers()
    model.least = least
    model.add(some)
    model.sort(column, Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder)
    assert model.order == model.expected(column, descending)
    held = [(QPersistentModelIndex(model.index(row, 0)), place) for row, place in enumerate(model.order)]
    for entries in more:
        model.add(entries)
        assert model.order == model.expected(column, descending)
    model.sort(1 - column)
    assert model.order == model.expected(1 - column, descending=False)
    assert all(model.place(index.row()) == place for index, place in held), "an index stays with its entry"
    model.least = 1.0
    model.reset_rows()
    assert model.order == model.expected(1 - column, descending=False)
    assert model.rowCount() == len(model.order) and model.rowCount(model.index(0, 0)) == 0 or not model.order


def test_a_changed_entry_stays_and_is_told() -> None:
    model = Numbers()
    model.add([(1.0, 5.0), (2.0, 4.0), (3.0, 3.0)])
    model.sort(1)
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    model.entries[2] = (3.0, 9.0)
    model.entry_changed(2)
    assert model.order == [2, 1, 0] and told == [(0, 0)]
    model.arrange()
    assert model.order == [1, 0, 2]
    model.least = 2.0
    model.reset_rows()
    model.entry_changed(0)
    assert told == [(0, 0)], "it has no row"
