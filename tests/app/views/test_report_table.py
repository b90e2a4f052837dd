"""The table of the Report panel: in order at every threshold, and quick with many frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from adsnet.config import Sparsity
from app.state.report import Conditions, Judged, judge
from app.state.session import Session
from app.views.report_panel import ReportModel, ReportPanel
from tests.app.views.conftest import SHAPE, prediction


def rows_of(panel: ReportPanel, column: int = 0) -> list[str]:
    return [panel.model.index(row, column).data() for row in range(panel.model.rowCount())]


def test_the_table_sorts_itself_and_stays_sorted(session: Session, qtbot: QtBot) -> None:
    panel, report = ReportPanel(session), session.report
    qtbot.addWidget(panel)
    label = np.zeros(SHAPE, np.bool_)
    label[20:22, 30:32] = label[5, 5:9] = True
    boxes = {"none": (), "one": ((30, 20, 2, 2),), "both": ((30, 20, 2, 2), (5, 5, 4, 1)), "false": ((50, 30, 3, 3),)}

    def one(index: int, name: str) -> Judged:
        thresholds = report.thresholds
        return judge(index, f"{index} {name}", prediction(*boxes[name]), label, threshold=0.5, thresholds=thresholds)

    report.begin(Conditions("net", Sparsity(), 0.5))
    for index, name in enumerate(("one", "none", "both", "false", "one")):
        report.add(one(index, name))
    report.add(Judged(5, "5 unlabelled", predicted=1))
    assert rows_of(panel) == ["0 one", "1 none", "2 both", "3 false", "4 one", "5 unlabelled"]
    down = Qt.SortOrder.DescendingOrder
    panel.table.sortByColumn(1, down)
    found = ["2 both", "0 one", "4 one", "1 none", "3 false", "5 unlabelled"]
    assert rows_of(panel) == found, "equal ones as in the sequence, those that nobody can count last"

    panel.table.selectRow(1)
    panel.table.sortByColumn(4, down)
    assert rows_of(panel)[0] == "3 false" and panel._chosen() == (0,), "what is chosen is a frame and not a row"
    panel.table.sortByColumn(1, down)
    report.add(one(6, "one"))
    report.add(one(7, "both"))
    assert rows_of(panel) == ["2 both", "7 both", "0 one", "4 one", "6 one", *found[3:]]

    session.predictions.set_threshold(0.95)  # above the 0.9 of every target
    assert rows_of(panel)[:2] == ["0 one", "1 none"] and rows_of(panel, 1)[0] == "0/2"
    session.predictions.set_threshold(0.5)
    report.add(one(0, "none"))
    assert rows_of(panel)[2] == "0 none" and rows_of(panel, 1)[2] == "0/2", "a row that is worked on stays"
    panel.table.sortByColumn(0, down)
    assert rows_of(panel)[0] == "7 both"
    panel.table.selectAll()
    assert panel._chosen() == tuple(range(8))
    report.begin(Conditions("net", Sparsity(), 0.5))
    assert rows_of(panel) == []


def test_sorting_many_rows_asks_for_none_of_their_cells(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = ReportPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.report.begin(Conditions("net", Sparsity(), 0.5))
    label = np.zeros(SHAPE, np.bool_)
    label[20:22, 30:32] = True
    made = judge(0, "f", prediction((30, 20, 2, 2)), label, threshold=0.5, thresholds=session.report.thresholds)
    for index in range(400):
        session.report.add(replace(made, index=index, stem=f"f{index}"))
    qtbot.wait(50)
    asked: list[int] = []
    data = ReportModel.data

    def noting(model: ReportModel, index: QModelIndex, role: int = 0) -> object:
        asked.append(index.row())
        return data(model, index, role)

    monkeypatch.setattr(ReportModel, "data", noting)
    panel.table.sortByColumn(5, Qt.SortOrder.DescendingOrder)
    session.predictions.set_threshold(0.3)
    panel.table.selectAll()
    assert len(panel._chosen()) == 400
    session.report.end("done")
    assert not asked, "only rows that are seen are asked for, when they are painted"
