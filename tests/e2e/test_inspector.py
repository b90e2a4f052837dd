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

from adsnet.diagnosis import Diagnosis, diagnose
from adsnet.prediction import Decision
from adsnet.resources import path_of
from adsnet.targets import Target
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
        frame = next(i for i in range(0, 48, 3) if _finds(studio, i))
        session.go_to(frame)
        settled(studio)
        free = session.prediction
        target = session.predictions.targets[0]
        assert free is not None
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_P)
        number, found = next((n, one) for n, one in enumerate(diagnosed(studio)) if one.verdict == "found")
        patches = patches_of(free.decisions[-1], target) | patches_of(free.decisions[-1], found.target)
        rows, columns = free.decisions[-1].row_edges, free.decisions[-1].column_edges
        for row, column in sorted(patches):
            before = session.prediction
            click(studio, float(columns[column]) + 7, float(rows[row]) + 7)
            wait(lambda before=before: session.prediction is not before and session.prediction is not None, "what if")  # type: ignore[misc]
        settled(studio)
        changed = session.prediction
        assert changed is not None and not changed.decisions[0].kept[next(iter(patches))]
        x, y, w, h = target.bbox
        assert changed.probability[y : y + h, x : x + w].max() < 0.01
        window.show_panel("why")
        dropped = diagnosed(studio)[number]
        keep = max(float(changed.decisions[0].keep_probability[patch]) for patch in patches)
        assert dropped.target == found.target and dropped.short == f"dropped 4 → 3, p {keep:.2f}"
        wait(lambda: whys(studio)[number : number + 1] == [dropped.short], "the verdict on the target")
        assert window.cascade.free.isVisible()
        QTest.mouseClick(window.cascade.free, Qt.MouseButton.LeftButton)
        settled(studio)
        back = session.prediction
        assert back is not None and np.array_equal(back.probability, free.probability)

        # Why: as many lines as the diagnosis has, and a click goes to the place.
        expected = diagnosed(studio)
        wait(lambda: whys(studio) == [one.short for one in expected] != [], "the verdicts")
        choose_why(studio, 0)
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

        # A false alarm says in full where it is and which decisions let it through.
        frame = next(one.index for one in session.report.frames if one.counts["false"])
        window.show_panel("why")
        session.go_to(frame)
        wait(lambda: whys(studio) == [one.short for one in diagnosed(studio)], "the verdicts on another frame")
        number, false = next((n, one) for n, one in enumerate(diagnosed(studio)) if one.verdict == "false")
        choose_why(studio, number)
        assert session.prediction is not None
        first, second = (
            max(float(decision.keep_probability[patch]) for patch in patches_of(decision, false.target))
            for decision in session.prediction.decisions
        )
        reason = window.why.reason.text()
        assert reason.startswith(f"False alarm (peak {false.peak:.3f}") and reason[1:] == f"{false.sentence[1:]}."
        assert f"kept with 4 → 3: {first:.3f}, 3 → 2: {second:.3f}" in reason

    assert run_studio([str(sample)], drive) == 0


def diagnosed(studio: Studio) -> tuple[Diagnosis, ...]:
    """The verdicts on the frame that is shown, by the library."""
    session = studio.session
    assert session.prediction is not None
    return diagnose(session.prediction, session.document.mask, threshold=session.predictions.threshold)


def whys(studio: Studio) -> list[str]:
    """The reasons in the Why panel, line by line."""
    table = studio.window.why.table
    return [row.text(4) for i in range(table.topLevelItemCount()) if (row := table.topLevelItem(i)) is not None]


def choose_why(studio: Studio, number: int) -> None:
    """Click on a line of the Why panel."""
    table = studio.window.why.table
    row = table.topLevelItem(number)
    assert row is not None
    table.scrollToItem(row)
    place = QPoint(20, table.visualItemRect(row).center().y())
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def patches_of(decision: Decision, target: Target) -> set[tuple[int, int]]:
    x, y, w, h = target.bbox
    places = (decision.patch_at(row, column) for row in (y, y + h - 1) for column in (x, x + w - 1))
    return {place for place in places if place is not None}


def _finds(studio: Studio, frame: int) -> bool:
    studio.session.go_to(frame)
    settled(studio)
    return any(one.verdict == "found" for one in diagnosed(studio))
