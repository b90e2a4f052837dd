"""Several detectors side by side through the real window: linked panes, figures, and the list of disagreements."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDoubleSpinBox

from adsnet.data.datasets import open_dataset
from adsnet.detectors.registry import make_detector
from adsnet.evaluation import evaluate
from adsnet.resources import path_of
from app.bootstrap import Studio
from app.state.compared import disagreements
from tests.e2e.conftest import RunStudio
from tests.e2e.test_inspector import settled, wait
from tests.waiting import pause

FOUR = ["adsnet", "tophat", "lef", "tllcm"]
CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def compared(studio: Studio, names: list[str]) -> None:
    comparison, session = studio.window.comparison, studio.session
    wait(
        lambda: (
            comparison.frame is not None
            and comparison.frame.index == session.frame_index
            and [*comparison.frame.outcomes] == names
        ),
        f"{names} on the frame",
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_detectors_side_by_side(tmp_path: Path, run_studio: RunStudio) -> None:
    sample = tmp_path / "sample"
    shutil.copytree(path_of("sample"), sample)
    for path in [*(sample / "images").iterdir(), *(sample / "masks").iterdir()]:
        if path.stem[-2:] not in ("02", "06", "09"):
            path.unlink()
    pictures = tmp_path / "pictures"

    def take(studio: Studio, name: str) -> None:
        pictures.mkdir(exist_ok=True)
        pause(300)
        studio.window.grab().save(str(pictures / f"{name}.png"))

    def drive(studio: Studio) -> None:
        session, window, comparison = studio.session, studio.window, studio.window.comparison
        panes, panel = window.workspace.panes, window.compare
        window.resize(1400, 900)
        settled(studio)

        # T shows all detectors beside each other; a tick taken off takes one away.
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_T)
        compared(studio, ["adsnet", "tophat", "lef", "aadcdd", "tllcm"])
        assert panes.isVisible() and not window.workspace.canvas.isVisible() and panel.isVisible()
        item = panel.table.topLevelItem(3)
        assert item is not None and item.text(0) == "AADCDD"
        item.setCheckState(0, Qt.CheckState.Unchecked)
        compared(studio, FOUR)
        assert [pane.name for pane in panes.panes] == FOUR
        frame = comparison.frame
        assert frame is not None
        for pane in panes.panes:
            outcome = frame.outcomes[pane.name]
            assert outcome.score is not None and {k: len(v) for k, v in pane.marks.boxes.items()} == {
                "found": outcome.score.found,
                "missed": outcome.score.targets - outcome.score.found,
                "false_alarm": outcome.score.false,
            }
        mask = make_detector("tophat").detect(session.frame.pixels).mask  # type: ignore[union-attr]
        assert np.array_equal(frame.outcomes["tophat"].mask, mask)  # type: ignore[arg-type]

        # One view: the wheel in one pane zooms all of them at the same place; the pointer is marked in the others.
        first, second = panes.panes[0].canvas, panes.panes[1].canvas
        pause(100)
        place = first.position_of(20, 30)
        QApplication.sendEvent(
            first.viewport(),
            QWheelEvent(
                place, QPointF(first.mapToGlobal(place.toPoint())), QPoint(), QPoint(0, 480),
                Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            ),
        )  # fmt: skip
        assert second.zoom == pytest.approx(first.zoom) and first.zoom > 1
        assert second.position_of(20, 30).x() == pytest.approx(first.position_of(20, 30).x(), abs=1.5)
        QTest.mouseMove(first.viewport(), first.position_of(20, 30).toPoint())
        pause(30)
        cross = panes.panes[1].cross.at
        assert cross is not None and (cross.x, cross.y) == pytest.approx((20, 30), abs=0.5)
        assert panes.panes[0].cross.at is None
        QTest.keyClick(first, Qt.Key.Key_F)
        take(studio, "frame")

        # All frames, beside the window; the figures are those of the command line.
        QTest.keyClick(first, Qt.Key.Key_J, CONTROL_SHIFT)
        assert comparison.status == "running" and session.jobs.busy("compare")
        wait(lambda: comparison.status == "done", "the comparison of the sequence")
        assert len(comparison.frames) == 9 and not session.jobs.busy("compare")
        expected = evaluate(open_dataset(sample), make_detector("lef").predict).summary
        measured = comparison.metrics()["lef"]
        assert {k: expected[k] for k in ("pd", "fa", "niou", "iou", "auc")} == {
            k: pytest.approx(getattr(measured, k)) for k in ("pd", "fa", "niou", "iou", "auc")
        }
        pause(300)
        lef = panel.table.topLevelItem(2)
        assert lef is not None and lef.text(1) == f"{expected['pd']:.3f}" and lef.text(3) == f"{expected['niou']:.3f}"
        assert comparison.rows == [row for f in comparison.frames.values() for row in disagreements(f)]

        # The list sorts, and a row leads to its frame and its target in all panes.
        rows = panel.rows.model()
        assert rows.rowCount() == len(comparison.rows) > 0
        panel.kinds.setCurrentIndex(1)
        assert rows.rowCount() == sum(row.is_target for row in comparison.rows) > 0
        panel.rows.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        top = rows.index(0, 0)
        QTest.mouseClick(panel.rows.viewport(), Qt.MouseButton.LeftButton, pos=panel.rows.visualRect(top).center())
        assert session.frame_index == max(row.index for row in comparison.rows if row.is_target)
        assert session.sequence is not None and session.sequence.stems[session.frame_index] == rows.data(top)
        chosen = next(
            row
            for row in comparison.rows
            if row.index == session.frame_index
            and row.is_target
            and f"{row.target.x:.0f}, {row.target.y:.0f}" == rows.data(rows.index(0, 2))
        )
        compared(studio, FOUR)
        at = first.position_of(chosen.target.x, chosen.target.y).toPoint()
        assert first.viewport().rect().contains(at) and first.zoom >= 6.0
        take(studio, "row")

        # The label counts as it is now: without it nothing was there to find; undone, all is as before.
        before = comparison.metrics()["lef"]
        index = session.frame_index
        targets = len(comparison.frames[index].targets)
        curve = panel.roc.getPlotItem().listDataItems()[0].getData()[1].copy()
        first.setFocus()
        QTest.keyClick(first, Qt.Key.Key_Backspace, Qt.KeyboardModifier.ControlModifier)
        wait(lambda: not comparison.frames[index].targets, "the label that was cleared")
        cleared = comparison.metrics()["lef"]
        assert (cleared.images, cleared.targets) == (before.images, before.targets - targets)
        panel.scope.setCurrentText("All frames")
        wait(lambda: len(panel.roc.getPlotItem().listDataItems()) > 0, "a curve")
        pause(300)
        now = panel.roc.getPlotItem().listDataItems()[0].getData()[1]
        assert now.shape != curve.shape or not (now == curve).all()
        QTest.keyClick(first, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        wait(lambda: len(comparison.frames[index].targets) == targets, "the label that is back")
        assert comparison.metrics()["lef"] == before

        # Another threshold makes other masks here, and the figures of all frames say that they are of another one.
        tophat = panel.table.topLevelItem(1)
        assert tophat is not None
        panel.table.setCurrentItem(tophat)
        k = panel.settings.fields["k"]
        assert isinstance(k, QDoubleSpinBox) and k.value() == 16.0 and "standard deviation" in k.toolTip()
        k.setValue(4.0)
        method = make_detector("tophat")
        wait(
            lambda: (
                comparison.frame is not None
                and (area := comparison.frame.outcomes["tophat"].mask) is not None
                and area.sum() > method.detect(session.frame.pixels).mask.sum()  # type: ignore[union-attr]
            ),
            "a lower threshold",
        )
        assert "compare all frames again" in comparison.outdated

        # Stopped, it keeps what there is. T goes back to the canvas.
        said: list[str] = []

        def stop() -> None:
            said.append(panel.start.text())
            panel.start.click()

        def stop_at_the_second(_first: int) -> None:  # who only looks now and then may find all of them compared
            if len(comparison.frames) == 2:
                QTimer.singleShot(0, stop)

        comparison.folder_grew.connect(stop_at_the_second)
        tophat.setCheckState(0, Qt.CheckState.Unchecked)
        panel.start.click()
        assert panel.start.text() == "Stop"  # at once, however lately the panel was read
        wait(lambda: bool(said), "some frames")
        assert said == ["Stop"]
        assert not session.jobs.busy("compare") and 1 < len(comparison.frames) < 9
        QTest.keyClick(first, Qt.Key.Key_T)
        assert window.workspace.canvas.isVisible() and not panes.isVisible()

    assert run_studio([str(sample)], drive) == 0
