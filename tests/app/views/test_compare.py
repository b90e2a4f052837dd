"""The Compare panel and its panes without engines: what they show of a comparison, and what they ask for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSpinBox
from pytestqt.qtbot import QtBot

from adsnet.detectors.aadcdd import Aadcdd
from adsnet.detectors.protocol import SaliencyDetector
from adsnet.detectors.registry import make_detector
from adsnet.prediction import Prediction
from app.state.compared import ComparedFrame, Detector, Made, compare_frame
from app.state.session import Session
from app.views.detector_settings import DetectorSettings
from app.views.window import MainWindow
from tests.app.views.conftest import SHAPE


def mask(*boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    made = np.zeros(SHAPE, np.bool_)
    for x, y, w, h in boxes:
        made[y : y + h, x : x + w] = True
    return made


def frame(index: int) -> ComparedFrame:
    """Top-hat finds one of two targets, LEF both and something else."""
    one, two, other = (10, 10, 2, 2), (30, 20, 2, 2), (50, 40, 3, 3)
    made: dict[str, Made | str] = {}
    for name, boxes in (("tophat", (one,)), ("lef", (one, two, other))):
        probability = np.where(mask(*boxes), 0.8, 0.1).astype(np.float32)
        made[name] = Made(Prediction(probability, (), (), SHAPE, 0.012, name, name, "numpy"))
    return compare_frame(index, f"frame_{index:02d}", made, mask(one, two))


@pytest.fixture
def compared(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Top-hat and LEF on two frames; the view is open."""
    comparison = window.comparison
    for one in comparison.detectors:
        comparison.choose(one.name, one.name in ("tophat", "lef"))
    window.toggle_comparison()
    comparison.begin()
    for index in (1, 0):
        comparison.add(frame(index))
    comparison.end("done")
    comparison.show_frame(frame(0))
    qtbot.wait(400)
    return window


def test_figures_of_the_frame_and_of_all_frames(compared: MainWindow, qtbot: QtBot) -> None:
    panel = compared.compare
    # Pd 1 of 2; Fa 9 of 48 · 64 pixels = 2929.7 · 10⁻⁶; IoU 4 of 8 pixels, 8 of 17.
    for scope in ("This frame", "All frames"):
        panel.scope.setCurrentText(scope)
        tophat, lef = panel.table.topLevelItem(1), panel.table.topLevelItem(2)
        assert tophat is not None and lef is not None
        assert [tophat.text(i) for i in range(5)] == ["Top-hat", "0.500", "0.0", "0.500", "0.500"]
        assert [lef.text(i) for i in range(5)] == ["LEF", "1.000", "2929.7", "0.471", "0.471"]
    first, second = compared.workspace.panes.panes
    assert first.figures.text() == "1/2 found · 0 false · IoU 0.50 · 12 ms"
    assert {k: len(v) for k, v in second.marks.boxes.items()} == {"found": 2, "missed": 0, "false_alarm": 1}
    assert first.predicted.line_count and not first.labelled.line_count  # the document of the session is empty
    compared.comparison.set_shown(False)


def test_the_list_is_sorted_filtered_and_leads_there(compared: MainWindow, qtbot: QtBot) -> None:
    panel = compared.compare
    model = panel.rows.model()
    assert model.rowCount() == 4 and model.columnCount() == 6
    assert [model.headerData(i, Qt.Orientation.Horizontal) for i in (0, 4, 5)] == ["Frame", "Top-hat", "LEF"]
    assert "2 targets found by some only, 2 false alarms of one alone" in panel.summary.text()
    panel.kinds.setCurrentIndex(1)
    panel.rows.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert [model.data(model.index(r, 0)) for r in range(model.rowCount())] == ["frame_00", "frame_01"]
    assert [model.data(model.index(0, c)) for c in (1, 2, 3, 4, 5)] == ["target", "30, 20", "4", "✕ missed", "✓ found"]
    place = panel.rows.visualRect(model.index(1, 0)).center()
    with qtbot.waitSignal(panel.place_requested) as asked:
        QTest.mouseClick(panel.rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == [1, 30.5, 20.5]


def test_the_roc_is_logarithmic_or_linear(compared: MainWindow) -> None:
    panel = compared.compare
    curves = [item for item in panel.roc.getPlotItem().listDataItems() if item.opts["pen"] is not None]
    assert len(curves) == 2 and panel.roc.getPlotItem().getAxis("bottom").logMode
    panel.logarithmic.setChecked(False)
    curves = [item for item in panel.roc.getPlotItem().listDataItems() if item.opts["pen"] is not None]
    x, y = curves[1].getData()
    assert not panel.roc.getPlotItem().getAxis("bottom").logMode
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    # LEF's mask: 9 of the 3064 pixels outside targets, and all of those inside.
    assert any(a == pytest.approx(9 / 3064) and b == 1 for a, b in zip(x, y, strict=True))


def test_a_tick_asks_and_a_model_file_is_one_more_row(compared: MainWindow, qtbot: QtBot) -> None:
    panel = compared.compare
    item = panel.table.topLevelItem(3)
    assert item is not None
    with qtbot.waitSignal(panel.chosen) as asked:
        item.setCheckState(0, Qt.CheckState.Checked)
    assert asked.args == ["aadcdd", True]
    compared.comparison.add_model(Path("old.safetensors"))
    qtbot.waitUntil(lambda: panel.table.topLevelItem(panel.table.topLevelItemCount() - 1).text(0) == "old")  # type: ignore[union-attr]
    assert [pane.name for pane in compared.workspace.panes.panes] == ["tophat", "lef", "old.safetensors"]
    qtbot.waitUntil(lambda: "compare all frames again" in panel.summary.text())


def test_another_frame_is_in_all_panes_at_the_same_place(compared: MainWindow, session: Session) -> None:
    first, second = (pane.canvas for pane in compared.workspace.panes.panes)
    first.zoom_to(8.0)
    session.go_to(2)
    assert session.frame is not None and first.pixels is second.pixels is compared.workspace.canvas.pixels
    assert first.zoom == pytest.approx(8.0) and second.zoom == pytest.approx(8.0)
    assert compared.workspace.panes.panes[0].figures.text() == "…"  # not computed yet, and nothing of the frame before
    compared.workspace.fit()
    assert second.zoom == pytest.approx(first.zoom) and first.zoom < 8


def test_parameters_have_their_ranges_and_what_does_not_fit_is_refused(qtbot: QtBot) -> None:
    settings = DetectorSettings()
    qtbot.addWidget(settings)
    asked: list[SaliencyDetector] = []
    settings.method_requested.connect(lambda _name, method: asked.append(method))
    settings.show_detector(Detector("aadcdd", "AADCDD", make_detector("aadcdd")))
    outer = settings.fields["outer"]
    assert isinstance(outer, QSpinBox)
    assert (outer.minimum(), outer.maximum(), outer.singleStep()) == (5, 63, 2) and "From 5 to 63" in outer.toolTip()
    outer.setValue(7)  # the largest inner window has 9
    assert not asked and "outer" in settings.trouble.text()
    outer.setValue(22)  # even: the next odd one
    assert asked[-1].method == Aadcdd(outer=23) and settings.trouble.text() == ""
    settings.show_detector(Detector("aadcdd", "AADCDD", asked[-1]))
    assert outer.value() == 23
    settings.show_detector(Detector("adsnet", "ADSNet"))
    assert not settings.fields
