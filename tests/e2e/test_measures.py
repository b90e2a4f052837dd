"""Judging through the real window: the figures are those of the metric, and follow threshold, selection and labels."""

from __future__ import annotations

import csv
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from adsnet.conventions import Conventions
from adsnet.data.labels import read_mask, write_mask
from adsnet.metrics import Evaluation
from adsnet.resources import path_of
from adsnet.targets import find_targets, label_components, match_targets
from app.bootstrap import Studio
from app.imaging.colours import ROLES
from app.views.dialogs import WindowDialogs
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SECONDS = 200
STEMS = ("clouds_03", "clouds_06", "ground_02", "ground_04", "ground_09", "sea_04")


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Six frames of the sample with their labels; that of the last lacks the largest target, so a false alarm it is."""
    for part in ("images", "masks"):
        (tmp_path / "few" / part).mkdir(parents=True)
        for stem in STEMS:
            shutil.copy(path_of("sample") / part / f"{stem}.png", tmp_path / "few" / part)
    path = tmp_path / "few" / "masks" / f"{STEMS[-1]}.png"
    components, _ = label_components(read_mask(path))
    largest = 1 + int(np.bincount(components.ravel())[1:].argmax())
    write_mask(path, (components > 0) & (components != largest))
    return tmp_path / "few"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_figures_are_those_of_the_metric(few: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert_coloured(studio)
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
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(few.parent / "verdicts.csv"), ""))
        assert_exported(studio, few.parent / "verdicts.csv")

    assert run_studio([str(few)], drive) == 0


def assert_coloured(studio: Studio) -> None:
    """8 colours found, missed and false targets and marks them, on the canvas too."""
    session, window = studio.session, studio.window
    canvas, layers = window.workspace.canvas, window.workspace.layers
    mask, label = session.predictions.mask, session.document.mask
    assert mask is not None
    labelled, predicted = find_targets(label), find_targets(mask)
    matching = match_targets(labelled, predicted)
    kinds = {
        "found": [predicted[second] for _, second in matching.pairs],
        "missed": [labelled[place] for place in matching.missed],
        "false_alarm": [predicted[place] for place in matching.false],
    }
    assert all(kinds.values())
    QTest.keyClick(canvas, Qt.Key.Key_8)
    pixels = layers.raster("verdicts").pixels
    assert pixels is not None and layers.raster("verdicts").isVisible() and layers.verdict_marks.isVisible()
    wanted = np.zeros_like(pixels)
    for kind in ("found", "false_alarm", "missed"):  # one over the other in this order
        numbers, _ = label_components(label if kind == "missed" else mask)
        for one in kinds[kind]:
            x, y, w, h = one.bbox
            box = numbers[y : y + h, x : x + w]
            wanted[y : y + h, x : x + w][box == np.bincount(box[box > 0]).argmax()] = (*ROLES[kind], 255)
    assert np.array_equal(pixels, wanted)
    assert layers.verdict_marks.boxes == {kind: tuple(one.bbox for one in ones) for kind, ones in kinds.items()}
    counts = [len(ones) for ones in kinds.values()]
    assert "Against the label: {} found, {} missed, {} false".format(*counts) in window.targets.summary
    session.display.set_opacity("verdicts", 1.0)
    canvas.zoom_to(20.0)
    for kind in kinds:
        row, column = np.argwhere((pixels == (*ROLES[kind], 255)).all(axis=2))[0]
        canvas.centre_on(float(column), float(row))
        pause(20)
        place = canvas.position_of(float(column) + 0.3, float(row) + 0.3).toPoint()
        drawn = canvas.viewport().grab().toImage().pixelColor(place)
        assert (drawn.red(), drawn.green(), drawn.blue()) == ROLES[kind]
    QTest.keyClick(canvas, Qt.Key.Key_8)
    assert not layers.raster("verdicts").isVisible() and not layers.verdict_marks.isVisible()


def assert_exported(studio: Studio, path: Path) -> None:
    """The file has what the rows of both panels say."""
    window, studio.context.dialogs = studio.window, WindowDialogs(studio.window)
    window.show_panel("report")
    QTest.mouseClick(window.report.export, Qt.MouseButton.LeftButton)
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    kinds = {stem: Counter(line["verdict"] for line in lines if line["frame"] == stem) for stem in STEMS}
    rows = window.report.table.model()
    assert rows.rowCount() == len(STEMS) and {line["frame"] for line in lines} <= set(STEMS)
    for row in range(len(STEMS)):
        stem, found, *lost = (str(rows.index(row, column).data()) for column in range(5))
        of = kinds[stem]
        assert found == f"{of['found']}/{of.total() - of['false']}"
        sums = of["dropped_3"] + of["dropped_2"], of["faint"] + of["merged"] + of["off"], of["false"]
        assert lost == [str(count) for count in sums]
    assert sum(kinds.values(), Counter()).keys() >= {"found", "false"}
    ours = [line for line in lines if line["frame"] == STEMS[3]]
    shown = [item for i in range(window.why.table.topLevelItemCount()) if (item := window.why.table.topLevelItem(i))]
    assert len(shown) == len(ours) > 0
    for line in ours:
        about = [f"{float(line['x']):.0f}", f"{float(line['y']):.0f}", line["area"]]
        item = next(one for one in shown if [one.text(column) for column in (1, 2, 3)] == about)
        assert float(item.text(5)) == pytest.approx(float(line["peak"]), abs=0.0051)
        assert item.text(4).split(",")[0].split()[0] == line["verdict"].split("_")[0]
