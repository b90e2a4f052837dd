"""Looking into the cascade through the real window: steps, forced patches, and why targets are lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from adsnet.diagnosis import diagnose
from adsnet.resources import path_of
from app.bootstrap import Studio
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SECONDS = 120


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


def settled(studio: Studio) -> None:
    session = studio.session
    wait(lambda: session.prediction is not None and not session.jobs.busy("predict"), "a prediction")
    pause(50)


def click(studio: Studio, x: float, y: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    canvas = studio.window.workspace.canvas
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, modifier, canvas.position_of(x, y).toPoint())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_inspector(tmp_path: Path, run_studio: RunStudio) -> None:
    sample = tmp_path / "sample"
    shutil.copytree(path_of("sample"), sample)

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        window.resize(1400, 900)
        settled(studio)

        # A click on a step of the strip lays it over the frame.
        card = window.stages.cards["Attention 4"]
        QTest.mouseClick(card, Qt.MouseButton.LeftButton)
        assert session.display.visible("attention4") and card.isChecked()
        assert window.workspace.layers.raster("attention4").pixels is not None
        QTest.mouseClick(window.stages.cards["Frame"], Qt.MouseButton.LeftButton)
        assert not session.display.visible("attention4")
        prediction = session.prediction
        assert prediction is not None and window.stages.cards["Mask"].cost[0].endswith(" ms")
        assert sum(stage.seconds for stage in prediction.stages) == pytest.approx(prediction.seconds)

        # The patch of a predicted target is dropped by hand: the target is gone. Freed, it is back.
        frame = next(i for i in range(0, 48, 3) if _targets(studio, i))
        session.go_to(frame)
        settled(studio)
        free = session.prediction
        target = session.predictions.targets[0]
        assert free is not None
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_P)
        patches = {
            free.decisions[-1].patch_at(y, x)
            for x in (target.bbox[0], target.bbox[0] + target.bbox[2] - 1)
            for y in (target.bbox[1], target.bbox[1] + target.bbox[3] - 1)
        }
        rows, columns = free.decisions[-1].row_edges, free.decisions[-1].column_edges
        for row, column in sorted(p for p in patches if p is not None):
            before = session.prediction
            click(studio, float(columns[column]) + 7, float(rows[row]) + 7)
            wait(lambda before=before: session.prediction is not before and session.prediction is not None, "what if")  # type: ignore[misc]
        settled(studio)
        changed = session.prediction
        assert changed is not None and not changed.decisions[0].kept[next(iter(patches))]
        x, y, w, h = target.bbox
        assert changed.probability[y : y + h, x : x + w].max() < 0.01
        assert window.cascade.free.isVisible()
        QTest.mouseClick(window.cascade.free, Qt.MouseButton.LeftButton)
        settled(studio)
        back = session.prediction
        assert back is not None and np.array_equal(back.probability, free.probability)

        # Why: as many lines as the diagnosis has, and a click goes to the place.
        window.show_panel("why")
        expected = diagnose(back, session.document.mask, threshold=session.predictions.threshold)
        wait(lambda: window.why.table.topLevelItemCount() == len(expected) > 0, "the verdicts")
        first = window.why.table.topLevelItem(0)
        assert first is not None and first.text(4) == expected[0].short
        place = QPoint(20, window.why.table.visualItemRect(first).center().y())
        QTest.mouseClick(window.why.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        at = window.workspace.canvas.position_of(expected[0].target.x, expected[0].target.y).toPoint()
        assert window.workspace.canvas.viewport().rect().contains(at) and window.workspace.canvas.zoom >= 6.0

        # The whole sequence is judged beside the window; the table leads to a frame that is there at once.
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
        wait(lambda: session.report.status == "done", "the judgement of the sequence")
        assert len(session.report.frames) == session.report.labelled == 48
        judged = session.report.frames[frame]
        assert judged.verdicts == expected and judged.stem in session.report.csv()
        measures = session.report.measures(session.predictions.threshold)
        assert measures is not None
        assert measures.found == sum(f.counts["found"] for f in session.report.frames)
        last = window.report.table.model().index(47, 0)
        window.report.table.scrollTo(last)
        place = window.report.table.visualRect(last).center()
        QTest.mouseClick(window.report.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert session.frame_index == 47 and session.prediction is not None  # without waiting

    assert run_studio([str(sample)], drive) == 0


def _targets(studio: Studio, frame: int) -> bool:
    studio.session.go_to(frame)
    settled(studio)
    return bool(studio.session.predictions.targets)
