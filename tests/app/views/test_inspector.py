"""The Stages strip and the Why panel show what the network and the label say, by value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from adsnet.config import ForcedPatch, Sparsity
from adsnet.prediction import Prediction, StageCost
from adsnet.targets import scr
from app.imaging.thumbnail import decision_rgba, map_rgba
from app.state.model import Model
from app.state.report import Conditions, Judged, judge
from app.state.session import Session
from app.state.verdicts import FrameVerdicts
from app.views.cascade_panel import CascadePanel
from app.views.measures_panel import MeasuresPanel
from app.views.report_panel import ReportPanel
from app.views.stage_card import StageCard
from app.views.stages_panel import STEPS, StagesPanel, inside
from app.views.tools import PatchTool, Pointer
from app.views.why_panel import WhyPanel
from app.views.window import MainWindow
from tests.app.views.conftest import arrive, features, prediction
from tests.waiting import pause

COSTS = (
    StageCost("stem", 0.001, 0.5, 0.5), StageCost("B2", 0.003, 1.0, 1.0), StageCost("AFD", 0.002, 0.5, 0.5),
    StageCost("stage 4", 0.001, 0.004, 0.004), StageCost("stage 3", 0.002, 2.0, 0.5),
    StageCost("decision 2", 0.001, 0.0, 0.0),
)  # fmt: skip


def costly() -> Prediction:
    return replace(prediction((20, 10, 3, 3)), stages=COSTS)


def pixels_of(card: StageCard) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    assert card.picture is not None
    image = card.picture.toImage().convertToFormat(card.picture.toImage().Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width()].copy()


# ---- stages -------------------------------------------------------------------------------------------------


def test_every_step_shows_its_map(session: Session, qtbot: QtBot) -> None:
    panel = StagesPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    made = costly()
    arrive(session, made)
    qtbot.waitUntil(lambda: panel.cards["Mask"].picture is not None)
    for title, attention in (("Attention 4", made.attentions[0]), ("Attention 3", made.attentions[1])):
        assert (pixels_of(panel.cards[title]) == map_rgba(attention.spatial)).all()
    assert (pixels_of(panel.cards["Decide 4 → 3"]) == decision_rgba(made.decisions[0])).all()
    assert (pixels_of(panel.cards["Decide 3 → 2"]) == decision_rgba(made.decisions[1])).all()
    assert pixels_of(panel.cards["Frame"]).shape[:2] == (48, 64)
    assert (pixels_of(panel.cards["Mask"])[..., 0] > 0).sum() == 9
    session.go_to(1)
    qtbot.waitUntil(lambda: panel.cards["Mask"].picture is None)


def test_every_step_tells_its_cost(session: Session, qtbot: QtBot) -> None:
    panel = StagesPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    arrive(session, costly())
    qtbot.waitUntil(lambda: panel.cards["Mask"].cost != ())
    assert panel.cards["B2"].cost == ("4.0 ms", "1.50 GFLOP") and panel.cards["B3"].cost == ()
    assert panel.cards["Decide 4 → 3"].cost == ("1.0 ms", "4.0 MFLOP")
    assert panel.cards["Decide 3 → 2"].cost == ("3.0 ms", "0.50 GFLOP", "75 % saved")
    assert panel.cards["Mask"].cost == ("10.0 ms", "2.50 GFLOP", "37 % saved")
    assert panel.cards["Frame"].cost == ()
    assert panel.cards["Decide 3 → 2"].toolTip().splitlines()[1:] == [
        "stage 3: 2.0 ms, 0.50 GFLOP, 1.50 GFLOP saved",
        "decision 2: 1.0 ms, 0.00 GFLOP",
    ]
    assert "stage 4: 1.0 ms, 4.0 MFLOP" in panel.cards["Mask"].toolTip()


def test_a_click_on_a_step_asks_for_its_layer(session: Session, qtbot: QtBot) -> None:
    panel = StagesPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    asked: list[tuple[str, bool]] = []
    panel.layer_requested.connect(lambda name, shown: asked.append((name, shown)))
    QTest.mouseClick(panel.cards["Attention 4"], Qt.MouseButton.LeftButton)
    assert asked == [("attention4", True)]
    session.display.set_visible("patches2", True)
    assert panel.cards["Decide 3 → 2"].isChecked()
    asked.clear()
    QTest.mouseClick(panel.cards["Frame"], Qt.MouseButton.LeftButton)
    assert asked == [(step.layer, False) for step in STEPS if step.layer]


def test_the_pointer_is_marked_at_its_share_of_the_frame(session: Session, qtbot: QtBot) -> None:
    panel = StagesPanel(session)
    qtbot.addWidget(panel)
    panel.show_pointer(Pointer(31.5, 11.5))
    assert all(c._pointer is not None and (c._pointer.x(), c._pointer.y()) == (0.5, 0.25) for c in panel.cards.values())
    panel.show_pointer(Pointer(-9, 0))
    assert all(card._pointer is None for card in panel.cards.values())


def test_a_move_of_the_pointer_paints_the_picture_of_a_card_and_not_its_words(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = StageCard("Title", "", checkable=False)
    qtbot.addWidget(card)
    card.show_cost([StageCost("x", 0.001, 0.5, 0.5)])
    card.show_map(map_rgba(np.zeros((33, 40), np.float32)), np.zeros((33, 40), np.float32))
    card.show_pointer(QPointF(0.0, 0.5))
    before = card.grab().toImage()
    updated: list[QRect] = []
    monkeypatch.setattr(card, "update", updated.append)
    card.show_pointer(QPointF(0.9, 0.1))
    after = card.grab().toImage()
    (place,) = updated
    assert before != after and place.height() < card.height() / 2
    for y in range(card.height()):
        for x in range(card.width()):
            assert place.contains(x, y) or before.pixel(x, y) == after.pixel(x, y), "a mark beyond what is painted anew"


def test_every_step_says_its_value_under_the_pointer(session: Session, qtbot: QtBot) -> None:
    panel = StagesPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    made = costly()
    arrive(session, made)
    session.predictions.features.take(features())
    qtbot.waitUntil(lambda: panel.cards["Mask"].picture is not None)
    row, column = 11, 21  # in the target; maps of 3 × 4 cells of 16 pixels, of 12 × 16 cells of 4
    panel.show_pointer(Pointer(float(column), float(row)))
    assert session.frame is not None
    expected = {
        "Frame": str(int(session.frame.pixels[row, column])),
        "Attention 4": f"{made.attentions[0].spatial[0, 1]:.3g}",
        "Attention 3": f"{made.attentions[1].spatial[0, 1]:.3g}",
        "Decide 4 → 3": f"{made.decisions[0].keep_probability[0, 1]:.3g}",
        "Probability": "0.9",
        "Mask": "1",
    }
    for one in features().maps:
        if one.name in ("B2", "F4"):
            step = 48 // one.values.shape[0]
            title = {"B2": "B2", "F4": "After 4"}[one.name]
            expected[title] = f"{one.values[row // step, column // step]:.3g}"
    assert {title: panel.cards[title].value for title in expected} == expected
    assert len(set(expected.values())) == len(expected)
    panel.show_pointer(None)
    assert {card.value for card in panel.cards.values()} == {""}


def test_maps_of_a_padded_frame_are_cut_and_the_pointer_stays_true(session: Session, qtbot: QtBot) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    cells, (down, across) = inside(values, (33, 40), (48, 64))  # cells of 16: three rows, two and a half columns
    assert cells.tolist() == values[:3, :3].tolist() and (down, across) == (33 / 48, 40 / 48)
    card = StageCard("x", "", checkable=False)
    qtbot.addWidget(card)
    card.show_map(map_rgba(cells), cells, (down, across))
    for x, y in ((39, 32), (0, 0), (15, 16), (16, 15)):
        card.show_pointer(QPointF((x + 0.5) / 40, (y + 0.5) / 33))
        assert card.value == f"{values[y // 16, x // 16]:.3g}"


def test_features_are_wanted_where_the_strip_or_their_layer_is_seen(
    window: MainWindow, session: Session, qtbot: QtBot
) -> None:
    state = session.predictions.features
    qtbot.waitUntil(lambda: state.wanted)
    window.docks["stages"].hide()
    session.go_to(2)
    arrive(session, prediction())
    qtbot.wait(50)
    assert not state.wanted
    session.display.set_visible("B3", True)
    assert state.wanted
    state.take(features())
    drawn = window.workspace.layers.raster("B3").pixels
    assert drawn is not None and drawn.shape == (6, 8, 4)  # cell by cell, however large the frame
    session.go_to(1)
    assert state.current is None and window.workspace.layers.raster("B3").pixels is None
    arrive(session, prediction())
    assert state.wanted
    session.display.set_visible("B3", False)
    session.go_to(3)
    arrive(session, prediction())
    qtbot.wait(50)
    assert not state.wanted


def test_channels_are_shown_before_and_after_the_attention(session: Session, qtbot: QtBot) -> None:
    panel = StagesPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    made, seen = prediction(), features()
    arrive(session, made)
    session.predictions.features.take(seen)
    qtbot.waitUntil(lambda: panel.channels[4].weights.size > 0)
    for stage, card in panel.channels.items():
        attention = next(a for a in made.attentions if a.stage == stage)
        assert np.array_equal(card.weights, attention.channel)
        by_name = {one.name: one.channels for one in seen.maps}
        assert np.array_equal(card.before, by_name[f"joined {stage}"])
        assert np.array_equal(card.after, by_name[f"F{stage}"])
    asked: list[int] = []
    panel.channels_requested.connect(lambda: asked.append(1))
    QTest.mouseClick(panel.channels[4], Qt.MouseButton.LeftButton)
    assert asked == [1]


# ---- what if ------------------------------------------------------------------------------------------------


def test_the_tool_forces_on_a_click_and_frees_on_escape() -> None:
    calls: list[object] = []
    tool = PatchTool(flip=lambda x, y, last: calls.append((x, y, last)), free=lambda: calls.append("free"))
    tool.press(Pointer(3, 4))
    tool.move(Pointer(3, 4))
    assert calls == [] and not tool.active and tool.pans
    tool.release(Pointer(3, 4))
    tool.release(Pointer(5, 6, shift=True))
    tool.cancel()
    assert calls == [(3, 4, False), (5, 6, True), "free"] and tool.footprint(Pointer(0, 0)) is None


def test_forced_patches_are_marked_and_can_be_freed(window: MainWindow, session: Session, qtbot: QtBot) -> None:
    session.display.set_visible("patches3", True)
    session.set_sparsity(replace(session.sparsity, forced=(ForcedPatch(3, 1, 2, False), ForcedPatch(2, 0, 0, True))))
    arrive(session, prediction())
    layers = window.workspace.layers
    assert layers.patches("patches3").forced == {(1, 2): False}
    assert window.cascade.free.isVisible() and window.cascade.free.text() == "Free 2 forced"
    with qtbot.waitSignal(window.cascade.free_requested):
        window.cascade.free.click()


def test_without_forced_patches_there_is_nothing_to_free(session: Session, qtbot: QtBot) -> None:
    panel = CascadePanel(session)
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.free.isVisible()


# ---- why ----------------------------------------------------------------------------------------------------


def label(session: Session, *boxes: tuple[int, int, int, int]) -> None:
    for x, y, w, h in boxes:
        session.document.apply_region("Draw", (x, y, w, h), np.ones((h, w), np.bool_))


def test_every_target_has_its_reason(session: Session, qtbot: QtBot) -> None:
    verdicts = FrameVerdicts(session)
    panel = WhyPanel(verdicts)
    qtbot.addWidget(panel)
    panel.resize(260, 200)
    panel.show()
    arrive(session, prediction((20, 20, 3, 3), (50, 40, 2, 2)))
    label(session, (20, 20, 3, 3), (2, 2, 3, 3), (40, 2, 2, 2), (60, 20, 2, 2))
    qtbot.waitUntil(lambda: panel.table.topLevelItemCount() == 5)
    rows = [row for i in range(5) if (row := panel.table.topLevelItem(i)) is not None]
    assert [row.text(4) for row in rows] == [
        "dropped 4 → 3, p 0.12", "dropped 3 → 2, p 0.12", "found, peak 0.90", "faint, peak 0.02", "false, peak 0.90",
    ]  # fmt: skip
    assert panel.summary.text() == "1 of 4 found, 2 lost to sparsity, 1 lost to the segmentation, 1 false"
    panel.table.setCurrentItem(rows[3])
    assert panel.reason.text() == "Kept, but below the threshold (peak 0.020)."
    with qtbot.waitSignal(panel.place_chosen) as chosen:
        panel.table.clicked.emit(panel.table.indexFromItem(rows[3]))
    assert chosen.args == [60.5, 20.5]
    session.predictions.set_threshold(0.95)
    qtbot.waitUntil(lambda: panel.table.topLevelItemCount() == 4)
    assert panel.summary.text() == "0 of 4 found, 2 lost to sparsity, 2 lost to the segmentation"


def test_targets_are_measured_sorted_and_filtered(session: Session, qtbot: QtBot) -> None:
    panel = WhyPanel(FrameVerdicts(session))
    qtbot.addWidget(panel)
    panel.show()
    arrive(session, prediction((20, 20, 3, 3), (50, 40, 2, 2)))
    label(session, (20, 20, 3, 2), (30, 20, 2, 2), (60, 20, 1, 1))  # the second lies on the bright spot of the frame
    table = panel.table
    qtbot.waitUntil(lambda: table.topLevelItemCount() == 4)

    def column(number: int) -> list[str]:
        rows = [table.topLevelItem(i) for i in range(table.topLevelItemCount())]
        return [row.text(number) for row in rows if row is not None and not row.isHidden()]

    assert session.frame is not None
    pixels = session.frame.pixels
    assert column(3) == ["6", "4", "1", "4"] and column(6) == [f"{6 / 9:.2f}", "–", "–", "–"]
    assert column(5) == ["0.90", "0.02", "0.02", "0.90"]
    places = (slice(20, 22), slice(20, 23)), (slice(20, 22), slice(30, 32)), (20, 60), (slice(40, 42), slice(50, 52))
    assert column(7) == [f"{float(pixels[place].max()):.4g}" for place in places]
    spot = np.zeros(pixels.shape, np.bool_)
    spot[20:22, 30:32] = True
    assert column(8)[1] == f"{scr(pixels, spot):.1f}" and float(column(8)[1]) > 10
    table.sortByColumn(8, Qt.SortOrder.DescendingOrder)
    assert column(3)[0] == "4" and column(1)[0] in ("30", "31")
    with qtbot.waitSignal(panel.place_chosen) as chosen:
        table.clicked.emit(table.model().index(0, 0))
    assert chosen.args == [30.5, 20.5]
    table.sortByColumn(3, Qt.SortOrder.AscendingOrder)
    assert column(3) == ["1", "4", "4", "6"]
    panel.filter.setCurrentText("Lost")
    assert sorted(column(4)) == ["faint, peak 0.02", "faint, peak 0.02"]
    panel.filter.setCurrentText("False alarms")
    assert column(4) == ["false, peak 0.90"]
    session.predictions.set_threshold(0.95)
    qtbot.waitUntil(lambda: table.topLevelItemCount() == 3)
    assert column(4) == []


def test_nothing_is_computed_while_nobody_looks(window: MainWindow, session: Session, qtbot: QtBot) -> None:
    why, stages = window.why, window.stages
    window.docks["stages"].hide()
    window.show_panel("targets")
    qtbot.wait(20)
    arrive(session, prediction((20, 20, 3, 3)))
    qtbot.wait(20)
    assert why.isVisible(), "Qt says so of a panel behind another tab"
    assert why.table.topLevelItemCount() == 0 and stages.cards["Mask"].picture is None
    window.show_panel("why")
    window.show_panel("stages")
    qtbot.waitUntil(lambda: why.table.topLevelItemCount() == 1 and stages.cards["Mask"].picture is not None)


def test_what_cannot_be_said_is_explained(session: Session, empty_session: Session, qtbot: QtBot) -> None:
    assert FrameVerdicts(empty_session).sentence == "Open a sequence to see why targets are found or lost."
    verdicts = FrameVerdicts(session)
    verdicts.outdated.connect(verdicts.refresh)
    assert verdicts.sentence == "No prediction, or no label that can be read, for this frame."
    arrive(session, prediction())
    assert verdicts.current == ()
    assert verdicts.sentence == "No target in the label, none predicted."


# ---- report -------------------------------------------------------------------------------------------------


def judged(session: Session) -> None:
    assert session.model is not None
    report = session.report
    made = prediction((20, 20, 3, 3))
    truth = np.zeros((48, 64), np.bool_)
    truth[20:23, 20:23] = truth[2:4, 2:4] = True
    report.begin(Conditions("net", Sparsity(), 0.5, session.model.identity))
    report.add(judge(0, "f0", made, truth, threshold=0.5, thresholds=report.thresholds))
    report.add(judge(1, "f1", made, None, threshold=0.5, thresholds=report.thresholds))
    report.add(Judged(2, "f2", problem="f2 cannot be read."))


def test_the_report_says_what_was_lost_where(session: Session, qtbot: QtBot) -> None:
    panel = ReportPanel(session)
    qtbot.addWidget(panel)
    assert panel.summary.text().startswith("Predict every frame") and not panel.export.isEnabled()
    judged(session)
    assert panel.judge.text() == "Stop"
    with qtbot.waitSignal(panel.stop_requested):
        panel.judge.click()
    session.report.end("done")
    assert panel.judge.text() == "Judge all frames" and panel.export.isEnabled()
    assert panel.summary.text().splitlines() == [
        "3 frames, 1 labelled",
        "1 of 2 found, 1 lost to sparsity, 0 to segmentation, 0 false",
        "nIoU 0.692  Pd 0.500  Fa 0·10⁻⁶",
        "1 frame could not be judged: the reason is in the table.",
    ]
    assert panel.summary.toolTip() == (
        "net, 25 % and 50 % of the patches dropped, threshold 0.50; IoU of all frames together 0.692"
    )
    rows = [[panel.model.index(r, c).data() for c in range(6)] for r in range(3)]
    assert rows == [
        ["f0", "1/2", "1", "0", "0", "0.69"], ["f1", "–", "–", "–", "1", "–"], ["f2", "–", "–", "–", "–", "–"],
    ]  # fmt: skip
    assert panel.model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole) == "f2 cannot be read."


def test_table_and_summary_follow_the_threshold(session: Session, qtbot: QtBot) -> None:
    panel = ReportPanel(session)
    qtbot.addWidget(panel)
    judged(session)
    session.predictions.set_threshold(0.95)  # above the 0.9 of the target
    assert [panel.model.index(0, c).data() for c in range(1, 6)] == ["0/2", "1", "1", "0", "0.00"]
    qtbot.waitUntil(lambda: "0 of 2 found, 1 lost to sparsity, 1 to segmentation" in panel.summary.text())


def test_a_judgement_of_another_setting_is_told(session: Session, qtbot: QtBot) -> None:
    panel, measures = ReportPanel(session), MeasuresPanel(session)
    for widget in (panel, measures):
        qtbot.addWidget(widget)
        widget.show()
    judged(session)
    assert "judge again" not in panel.summary.text()
    session.set_sparsity(Sparsity((0.9, 0.97)))
    told = "All frames were judged with another model or other patches: judge again."
    qtbot.waitUntil(lambda: panel.summary.text().endswith(told) and told in measures.note.text())
    session.set_sparsity(Sparsity())
    qtbot.waitUntil(lambda: "judge again" not in panel.summary.text())
    session.set_model(Model("other", Path("other"), {}))
    qtbot.waitUntil(lambda: panel.summary.text().endswith(told) and told in measures.note.text())


def test_the_measures_of_frame_selection_and_sequence(session: Session, qtbot: QtBot) -> None:
    panel = MeasuresPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 420)
    with qtbot.waitSignal(session.report.wanted):
        panel.show()
    qtbot.waitUntil(lambda: "Judge all frames" in panel.note.text())
    judged(session)
    qtbot.waitUntil(lambda: panel.figures["All"][3].text() == "1/2")
    assert [label.text() for label in panel.figures["All"]] == ["0.692", "0.500", "0", "1/2"]
    assert [label.text() for label in panel.figures["Frame"]] == ["–"] * 4
    session.report.show(session.report.frames[0])
    panel.show_selection((0, 1, 2))
    qtbot.waitUntil(lambda: panel.figures["Selection"][3].text() == "1/2")
    assert [label.text() for label in panel.figures["Frame"]] == ["0.692", "0.500", "0", "1/2"]
    session.predictions.set_threshold(0.52)
    qtbot.waitUntil(lambda: "those at 0.5, the nearest" in panel.note.text())
    assert panel.threshold.value() == 52
    session.predictions.set_threshold(0.98)
    qtbot.waitUntil(lambda: [one.text() for one in panel.figures["All"]] == ["0.000", "0.000", "0", "0/2"])
    session.report.set_outdated(0)
    qtbot.waitUntil(lambda: "judge again" in panel.note.text())


def test_a_click_on_the_curve_takes_its_threshold(session: Session, qtbot: QtBot) -> None:
    panel = MeasuresPanel(session)
    qtbot.addWidget(panel)
    panel.threshold_requested.connect(session.predictions.set_threshold)
    panel.resize(340, 420)
    panel.show()
    session.report.begin(Conditions("net", Sparsity(), 0.5))
    made = prediction((20, 20, 3, 3))
    made.probability[40:44, 8:12] = 0.3  # false below that
    made.probability[4:6, 50:52] = 0.6
    truth = made.probability > 0.4
    session.report.add(judge(0, "f0", made, truth, threshold=0.5, thresholds=session.report.thresholds))
    qtbot.waitUntil(lambda: len(panel.plot.points("all")) == len(session.report.thresholds))
    points = {point.threshold: point for point in panel.plot.points("all")}
    assert points[0.25].fa == pytest.approx(16 / (48 * 64)) and points[0.25].pd == 1.0
    assert points[0.5].fa == 0.0 and points[0.7].pd == 0.5
    pause(50)
    for wanted in (0.25, 0.7):
        QTest.mouseClick(
            panel.plot.viewport(), Qt.MouseButton.LeftButton, pos=panel.plot.position_of(points[wanted]).toPoint()
        )
        pause(50)
        threshold = session.predictions.threshold
        assert (points[threshold].fa, points[threshold].pd) == (points[wanted].fa, points[wanted].pd)
        ((fa, pd),) = panel.plot.marked
        assert (fa, pd) == pytest.approx((points[wanted].fa, points[wanted].pd), abs=1e-9)


def test_rows_sort_and_lead_to_their_frame(session: Session, qtbot: QtBot) -> None:
    panel = ReportPanel(session)
    qtbot.addWidget(panel)
    judged(session)
    panel.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    first = panel.table.model().index(0, 0)
    assert first.data() == "f0"
    panel.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert panel.table.model().index(0, 0).data() == "f2"
    with qtbot.waitSignal(panel.frame_requested) as asked:
        panel.table.clicked.emit(panel.table.model().index(0, 0))
    assert asked.args == [2]
    with qtbot.waitSignal(panel.selection_changed) as chosen, qtbot.assertNotEmitted(panel.frame_requested):
        panel.table.selectAll()
        panel.table.clicked.emit(panel.table.model().index(0, 0))
    assert chosen.args == [(0, 1, 2)]
