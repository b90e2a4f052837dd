"""Judging through the real window: the figures are those of the metric, and follow threshold, selection and labels."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from adsnet.conventions import Conventions
from adsnet.data.labels import read_mask
from adsnet.metrics import Evaluation
from adsnet.resources import path_of
from app.bootstrap import Studio
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SECONDS = 200
STEMS = ("clouds_03", "clouds_06", "ground_02", "ground_07", "ground_09", "sea_04")


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Six frames of the sample with their labels."""
    for part in ("images", "masks"):
        (tmp_path / "few" / part).mkdir(parents=True)
        for stem in STEMS:
            shutil.copy(path_of("sample") / part / f"{stem}.png", tmp_path / "few" / part)
    return tmp_path / "few"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_figures_are_those_of_the_metric(few: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        window.resize(1400, 900)
        session.set_settings(replace(session.settings, autosave=False))
        measures, report = window.measures, session.report

        def label(index: int) -> NDArray[np.bool_]:
            if index == session.frame_index:
                return session.document.mask
            return read_mask(few / "masks" / f"{STEMS[index]}.png")

        def expected(*indices: int) -> list[str]:
            evaluation = Evaluation(Conventions(threshold=session.predictions.threshold))
            model, sequence = session.model, session.sequence
            assert model is not None and sequence is not None
            key = session.prediction_key()
            assert key is not None
            for index in indices:
                made = session.predictions.known(key._replace(frame=sequence.key(index)))
                assert made is not None
                evaluation.add(made.probability, label(index))
            m = evaluation.metrics()
            return [f"{m.niou:.3f}", f"{m.pd:.3f}", f"{1e6 * m.fa:.0f}", f"{m.found}/{m.targets}"]

        def texts(what: str) -> list[str]:
            return [label.text() for label in measures.figures[what]]

        def agree(what: str, *indices: int) -> None:
            wait(lambda: texts(what) == expected(*indices), f"the figures of {what}")

        wait(lambda: session.prediction is not None, "the first prediction")
        window.show_panel("measures")
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
        wait(lambda: report.status == "done", "the judgement of the sequence")
        everything = range(len(STEMS))
        session.go_to(3)
        wait(lambda: session.prediction is not None and report.shown is not None and report.shown.index == 3, "a frame")
        agree("Frame", 3)
        agree("All", *everything)
        at_a_half = texts("All")

        # A click on the curve takes the threshold of that point, everywhere.
        point = next(p for p in measures.plot.points("all") if p.threshold == 0.1)
        QTest.mouseClick(
            measures.plot.viewport(), Qt.MouseButton.LeftButton, pos=measures.plot.position_of(point).toPoint()
        )
        threshold = session.predictions.threshold
        assert threshold != 0.5 and window.targets.threshold.value() == round(100 * threshold)
        wait(lambda: measures.threshold.value() == round(100 * threshold), "the slider")
        agree("Frame", 3)
        agree("All", *everything)
        assert texts("All") != at_a_half
        measures.threshold.setValue(50)
        wait(lambda: session.predictions.threshold == 0.5, "the threshold of the slider")
        agree("All", *everything)

        # Rows that are chosen are measured together.
        table = window.report.table
        window.show_panel("report")
        for number, modifier in ((0, Qt.KeyboardModifier.NoModifier), (2, Qt.KeyboardModifier.ControlModifier)):
            cell = table.model().index(number, 0)
            table.scrollTo(cell)
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, table.visualRect(cell).center())
        agree("Selection", 0, 2)

        # An edit counts at once, saved or not, and its undoing too; also when the frame is left.
        session.go_to(3)
        wait(lambda: session.prediction is not None, "the prediction of a frame that was judged")
        before = texts("All")
        found = next(one for one in report.frames[3].verdicts if one.verdict == "found")
        assert session.erase_target_at(found.target.x, found.target.y) and not session.document.is_clean
        agree("Frame", 3)
        agree("All", *everything)
        assert texts("All") != before
        session.document.undo()
        wait(lambda: texts("All") == before, "the figures before the edit")

        # The table of targets is filtered and sorted, and leads to the place.
        window.show_panel("why")
        why = window.why
        wait(lambda: why.table.topLevelItemCount() == len(report.frames[3].verdicts), "the targets")
        why.filter.setCurrentText("Lost")
        lost = [why.table.topLevelItem(i) for i in range(why.table.topLevelItemCount())]
        shown = [row for row in lost if row is not None and not row.isHidden()]
        assert 0 < len(shown) == sum(one.verdict not in ("found", "false") for one in report.frames[3].verdicts)
        why.table.sortByColumn(8, Qt.SortOrder.DescendingOrder)
        ratios = [
            float(row.text(8)) for i in range(why.table.topLevelItemCount()) if (row := why.table.topLevelItem(i))
        ]
        assert ratios == sorted(ratios, reverse=True) and len(ratios) > 2
        why.table.scrollToItem(shown[0])
        place = QPoint(20, why.table.visualItemRect(shown[0]).center().y())
        QTest.mouseClick(why.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        target = report.frames[3].verdicts[shown[0].number].target  # type: ignore[attr-defined]
        at = window.workspace.canvas.position_of(target.x, target.y).toPoint()
        assert window.workspace.canvas.viewport().rect().contains(at) and window.workspace.canvas.zoom >= 6.0

    assert run_studio([str(few)], drive) == 0
