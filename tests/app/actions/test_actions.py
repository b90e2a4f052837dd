"""The table of actions, when each can be used, and what the handlers do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from adsnet.config import ForcedPatch, Sparsity
from adsnet.prediction import Prediction
from adsnet.resources import path_of
from app.actions import handlers
from app.actions.conditions import has_targets
from app.actions.context import Context
from app.actions.spec import Situation
from app.actions.table import ACTIONS, MENUS
from app.state.report import Conditions, Judged
from app.state.saving import Saving
from app.state.session import Session
from app.storage.journal import PendingEdits
from app.storage.settings import Settings
from app.wording import counted, listed
from tests.app.actions.conftest import SHAPE, Puppet


def _arrive(ctx: Context, *boxes: tuple[int, int, int, int]) -> None:
    probability = np.zeros(SHAPE, np.float32)
    for x, y, w, h in boxes:
        probability[y : y + h, x : x + w] = 0.9
    key = ctx.session.prediction_key()
    assert key is not None
    made = Prediction(probability, (), (), SHAPE, 0.01, "adsnet", "test", "dense")
    assert ctx.session.predictions.take(ctx.session.predictions.next_generation(), key, made)


def _enabled(situation: Situation) -> set[str]:
    return {a.id for a in ACTIONS if a.enabled_when is None or a.enabled_when(situation) is None}


# ---- the table ----------------------------------------------------------------------------------------------


def test_ids_are_unique_and_each_has_a_handler() -> None:
    ids = [a.id for a in ACTIONS]
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(handlers.HANDLERS)


def test_no_key_means_two_things() -> None:
    keys = Counter(QKeySequence(key).toString() for a in ACTIONS for key in a.keys)
    assert [key for key, count in keys.items() if count > 1] == []
    assert "" not in keys, "every key is one that Qt knows"


def test_every_action_has_a_menu_and_its_icon_exists() -> None:
    for action in ACTIONS:
        assert action.menu in MENUS and action.text
        if action.icon:
            assert (path_of("icons") / f"{action.icon}.svg").is_file(), action.icon


def test_the_keys_people_bring_along() -> None:
    keys = {key: a.id for a in ACTIONS for key in a.keys}
    expected = {
        "V": "tool.select", "B": "tool.brush", "E": "tool.eraser", "[": "brush.smaller", "]": "brush.larger",
        "Ctrl+Z": "edit.undo", "Ctrl+Shift+Z": "edit.redo", "Ctrl+Y": "edit.redo", "Return": "label.accept_frame",
        "D": "go.next", "Right": "go.next", "A": "go.previous", "Left": "go.previous", "N": "go.next_unreviewed",
        "X": "layer.label", "1": "layer.mask", "6": "layer.attention3", "Ctrl+S": "file.save", "R": "label.reviewed",
        "Ctrl+T": "model.fine_tune", "F1": "help.keys", "Esc": "tool.select", "Ctrl+0": "view.fit",
    }  # fmt: skip
    assert {key: keys.get(key) for key in expected} == expected


# ---- when they can be used ----------------------------------------------------------------------------------


def test_with_nothing_open_only_what_needs_nothing_is_enabled(qapp: QApplication) -> None:
    enabled = _enabled(Situation(Session(Settings())))
    assert {"file.open", "file.sample", "file.quit", "help.keys", "tool.brush", "model.load"} <= enabled
    assert not enabled & {"file.save", "edit.undo", "go.next", "label.accept_frame", "label.reviewed", "view.fit"}


def test_the_enabled_set_follows_the_session(ctx: Context) -> None:
    first = _enabled(ctx.situation)
    assert "go.next" in first and "go.previous" not in first and "label.accept_frame" not in first
    _arrive(ctx, (3, 3, 2, 2))
    assert "label.accept_frame" in _enabled(ctx.situation) and "label.accept_target" not in _enabled(ctx.situation)
    ctx.pick.select(0)
    assert {"label.accept_target", "label.reject_target"} <= _enabled(ctx.situation)
    assert "edit.undo" not in _enabled(ctx.situation)
    handlers.run("label.accept_frame", ctx)
    assert {"edit.undo", "label.clear"} <= _enabled(ctx.situation)
    ctx.session.go_to(2)
    last = _enabled(ctx.situation)
    assert "go.next" not in last and "go.previous" in last and "edit.undo" not in last


def test_a_candidate_is_decided_on_where_it_was_made(ctx: Context, tmp_path: Path) -> None:
    session, tune = ctx.session, ctx.session.fine_tune
    assert session.project is not None
    deciding = {"model.accept", "model.discard"}
    assert not deciding & _enabled(ctx.situation)
    for root, enabled in ((session.project.root, deciding), (tmp_path / "elsewhere", set())):
        tune.begin(iterations=1, run=root / "adsnet" / "training" / "1")
        assert not deciding & _enabled(ctx.situation)
        tune.end("done", candidate=tune.run / "model.safetensors" if tune.run else None)
        assert deciding & _enabled(ctx.situation) == enabled


def test_reasons_are_sentences(qapp: QApplication) -> None:
    situation = Situation(Session(Settings()))
    reasons = [a.enabled_when(situation) for a in ACTIONS if a.enabled_when is not None]
    assert all(reason is None or reason.endswith(".") for reason in reasons) and any(reasons)


# ---- handlers -----------------------------------------------------------------------------------------------


def test_accepting_a_frame_leaves_rejected_targets_out(ctx: Context, puppet: Puppet) -> None:
    _arrive(ctx, (3, 3, 2, 2), (20, 10, 1, 1))
    puppet.target = 1
    handlers.run("label.reject_target", ctx)
    handlers.run("label.accept_frame", ctx)
    assert np.argwhere(ctx.session.document.mask).tolist() == [[3, 3], [3, 4], [4, 3], [4, 4]]
    handlers.run("edit.undo", ctx)
    assert not ctx.session.document.mask.any()
    handlers.run("label.reject_target", ctx)
    assert ctx.session.predictions.rejected == frozenset()


def test_accepting_a_target_adds_only_it(ctx: Context, puppet: Puppet) -> None:
    _arrive(ctx, (3, 3, 2, 2), (20, 10, 1, 1))
    puppet.target = 1
    handlers.run("label.accept_target", ctx)
    assert np.argwhere(ctx.session.document.mask).tolist() == [[10, 20]] and puppet.target is None


def test_undo_during_a_stroke_takes_the_stroke_back(ctx: Context, puppet: Puppet) -> None:
    ctx.session.document.apply_region("Draw", (1, 1, 1, 1), np.ones((1, 1), np.bool_))
    puppet.stroke = True
    handlers.run("edit.undo", ctx)
    assert ctx.session.document.mask.any()
    handlers.run("edit.undo", ctx)
    assert not ctx.session.document.mask.any()


def test_escape_takes_back_then_selects_then_clears(ctx: Context, puppet: Puppet) -> None:
    puppet.tool, puppet.stroke, puppet.target = "brush", True, 0
    handlers.run("tool.select", ctx)
    assert (puppet.tool, puppet.stroke, puppet.target) == ("brush", False, 0)
    handlers.run("tool.select", ctx)
    assert (puppet.tool, puppet.target) == ("select", 0)
    handlers.run("tool.select", ctx)
    assert puppet.target is None


def test_reviewed_toggles_and_next_skips_reviewed(ctx: Context) -> None:
    handlers.run("label.reviewed", ctx)
    ctx.session.go_to(1)
    handlers.run("label.reviewed", ctx)
    ctx.session.go_to(0)
    handlers.run("go.next_unreviewed", ctx)
    assert ctx.session.frame_index == 2
    handlers.run("label.reviewed", ctx)
    handlers.run("go.next_unreviewed", ctx)
    assert [n.key for n in ctx.session.notices.current] == ["review"]
    handlers.run("label.reviewed", ctx)
    assert ctx.session.review.state(2) != "reviewed"


def _conflict(ctx: Context, folder: Path) -> None:
    """Edits of the frame that is shown, and another program that wrote its label meanwhile."""
    ctx.session.document.apply_region("Draw", (1, 1, 1, 1), np.ones((1, 1), np.bool_))
    foreign = np.zeros(SHAPE, np.uint8)
    foreign[5, 5] = 255
    Image.fromarray(foreign).save(folder / "masks" / "f0.png")


def test_a_conflict_on_saving_is_asked_about(ctx: Context, puppet: Puppet, folder: Path) -> None:
    _conflict(ctx, folder)
    handlers.run("file.save", ctx)
    assert "conflict? f0" in puppet.calls
    assert np.asarray(Image.open(folder / "masks" / "f0.png"))[5, 5] == 255
    puppet.conflict = "reload"
    handlers.settle_conflict(ctx, "f0")
    assert np.argwhere(ctx.session.document.mask).tolist() == [[5, 5]]


@pytest.mark.parametrize("answer", ["overwrite", "reload"])
def test_the_answer_is_about_the_frame_that_was_asked_about(
    ctx: Context, puppet: Puppet, folder: Path, answer: Literal["overwrite", "reload"]
) -> None:
    _conflict(ctx, folder)
    ctx.session.go_to(1)
    ctx.session.document.apply_region("Draw", (2, 2, 1, 1), np.ones((1, 1), np.bool_))
    puppet.conflict = answer
    handlers.settle_conflict(ctx, "f0")
    assert ctx.session.unsaved == ("f1",) and ctx.session.frame_index == (1 if answer == "overwrite" else 0)
    there = np.argwhere(np.asarray(Image.open(folder / "masks" / "f0.png"))).tolist()
    assert there == ([[1, 1]] if answer == "overwrite" else [[5, 5]])
    ctx.session.go_to(0)
    assert np.argwhere(ctx.session.document.mask).tolist() == there
    if answer == "reload":
        ctx.session.document.undo()
        assert ctx.session.document.mask[1, 1], "as the question promises"
    ctx.session.go_to(1)
    assert np.argwhere(ctx.session.document.mask).tolist() == [[2, 2]]


def _put_off(ctx: Context, puppet: Puppet, folder: Path, qtbot: QtBot) -> Session:
    """The session, after autosave asked about such edits and got no answer."""
    session = ctx.session
    session.conflict_found.connect(lambda stem: handlers.settle_conflict(ctx, stem))
    session.set_settings(replace(session.settings, autosave=True, autosave_seconds=0.1))
    _conflict(ctx, folder)
    qtbot.waitUntil(lambda: puppet.calls == ["conflict? f0"])
    return session


def test_a_question_that_was_put_off_comes_back(ctx: Context, puppet: Puppet, folder: Path, qtbot: QtBot) -> None:
    session = _put_off(ctx, puppet, folder, qtbot)
    session.document.apply_region("Draw", (2, 1, 1, 1), np.ones((1, 1), np.bool_))
    qtbot.wait(200)
    assert puppet.calls == ["conflict? f0"], "not while the frame is worked on"
    session.go_to(1)
    session.go_to(0)
    qtbot.waitUntil(lambda: puppet.calls == ["conflict? f0"] * 2)
    puppet.conflict = "overwrite"
    assert handlers.leave_sequence(ctx) == "saved" and puppet.calls == ["conflict? f0"] * 3
    assert np.argwhere(np.asarray(Image.open(folder / "masks" / "f0.png"))).tolist() == [[1, 1], [1, 2]]


def test_undone_edits_leave_no_question_behind(ctx: Context, puppet: Puppet, folder: Path, qtbot: QtBot) -> None:
    session = _put_off(ctx, puppet, folder, qtbot)
    session.document.undo()
    session.go_to(1)
    session.go_to(0)
    assert session.document.mask[5, 5], "the file of the other program"
    session.document.apply_region("Draw", (2, 2, 1, 1), np.ones((1, 1), np.bool_))
    qtbot.waitUntil(lambda: not session.unsaved)
    assert puppet.calls == ["conflict? f0"]


def test_a_conflict_on_marking_as_reviewed_is_asked_about(ctx: Context, puppet: Puppet, folder: Path) -> None:
    _conflict(ctx, folder)
    handlers.run("label.reviewed", ctx)
    assert puppet.calls == ["conflict? f0"] and ctx.session.review.state(0) != "reviewed"
    assert ctx.session.unsaved == ("f0",) and ctx.session.notices.current == ()
    puppet.conflict = "overwrite"
    handlers.run("label.reviewed", ctx)
    assert ctx.session.review.state(0) == "reviewed"
    assert np.argwhere(np.asarray(Image.open(folder / "masks" / "f0.png"))).tolist() == [[1, 1]]


def test_a_label_taken_from_the_file_is_not_reviewed_unseen(ctx: Context, puppet: Puppet, folder: Path) -> None:
    _conflict(ctx, folder)
    puppet.conflict = "reload"
    handlers.run("label.reviewed", ctx)
    assert ctx.session.review.state(0) != "reviewed" and ctx.session.document.mask[5, 5]


@pytest.mark.parametrize("answer", [False, True])
def test_another_sequence_opens_when_the_user_gives_edits_up(
    ctx: Context, puppet: Puppet, folder: Path, tmp_path: Path, qtbot: QtBot, answer: bool
) -> None:
    ctx.session.document.apply_region("Draw", (1, 1, 1, 1), np.ones((1, 1), np.bool_))
    masks = folder / "masks"
    masks.rmdir()
    masks.write_text("a file in the way of the folder: no label can be saved")
    other = tmp_path / "other.png"
    Image.fromarray(np.full(SHAPE, 9, np.uint8)).save(other)
    puppet.discard_answer = answer
    handlers.open_paths(ctx, [tmp_path / "missing.png"])
    qtbot.waitUntil(lambda: not ctx.session.jobs.busy("open"), timeout=20000)
    assert ctx.session.unsaved == ("f0",), "what cannot be opened costs no edits"
    handlers.open_paths(ctx, [other])
    qtbot.waitUntil(lambda: not ctx.session.jobs.busy("open"), timeout=20000)
    assert puppet.calls == ["discard? f0"] * 2 and ctx.session.sequence is not None
    assert (ctx.session.sequence.source == other) is answer
    assert ctx.session.unsaved == (() if answer else ("f0",))
    ctx.session.close_sequence(discard=True)


def test_leaving_with_labels_that_cannot_be_saved_asks(
    ctx: Context, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctx.session, "save_all", lambda *, again: ("f0",))
    handlers.run("file.close", ctx)
    assert puppet.calls == ["discard? f0"] and ctx.session.sequence is not None
    puppet.discard_answer = True
    handlers.run("file.close", ctx)
    assert ctx.session.sequence is None


def test_tuning_saves_first(ctx: Context, puppet: Puppet, folder: Path) -> None:
    ctx.session.document.apply_region("Draw", (1, 1, 1, 1), np.ones((1, 1), np.bool_))
    handlers.start_tuning(ctx, 7, "corrected")
    assert puppet.calls == ["train 7 False True"] and np.asarray(Image.open(folder / "masks" / "f0.png"))[1, 1] == 255


def test_a_candidate_without_decision_is_not_dropped_unasked(ctx: Context, puppet: Puppet) -> None:
    session, tune = ctx.session, ctx.session.fine_tune
    assert session.project is not None
    tune.begin(iterations=1, run=session.project.root / "adsnet" / "training" / "1")
    tune.end("done", candidate=session.project.root / "model.safetensors")
    handlers.start_tuning(ctx, 7, "reviewed")
    assert puppet.calls == ["discard the candidate?"]
    puppet.discard_answer = True
    handlers.start_tuning(ctx, 7, "reviewed")
    assert puppet.calls[1:] == ["discard the candidate?", "discard", "train 7 True False"]


def test_one_frame_is_not_some_frames(
    ctx: Context, puppet: Puppet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = PendingEdits("f1", SHAPE, 2, 0.0)
    monkeypatch.setattr(Saving, "pending", property(lambda _: (edits,)))
    monkeypatch.setattr(Saving, "recover", lambda _: 1)
    puppet.recovery = "recover"
    handlers.offer_recovery(ctx)
    assert puppet.calls == ["recover? f1"]
    assert ctx.session.notices.current[-1].text == "The unsaved edits of 1 frame are back."
    assert counted(0, "label") == "0 labels" and listed("abcdefg") == "a, b, c, d, e …"


def test_accepting_says_why_not_when_nothing_is_left_to_accept(ctx: Context, puppet: Puppet) -> None:
    predictions = ctx.session.predictions
    _arrive(ctx, (5, 5, 2, 2))
    assert "label.accept_frame" in _enabled(ctx.situation)
    predictions.reject(0)
    assert "label.accept_frame" not in _enabled(ctx.situation)
    predictions.restore(0)
    predictions.set_threshold(1.0)
    reason = has_targets(ctx.situation)
    assert reason is not None and "Clear label" in reason


def test_an_error_becomes_a_notice(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    from adsnet.errors import ModelFileError

    def fail() -> Path:
        raise ModelFileError("The candidate is damaged: train again.")

    monkeypatch.setattr(ctx.training, "accept", fail)
    handlers.run("model.accept", ctx)
    assert [(n.level, n.text) for n in ctx.session.notices.current] == [
        ("error", "The candidate is damaged: train again.")
    ]


@pytest.mark.parametrize("name", ["mask", "label", "patches3", "patches2", "attention4", "attention3"])
def test_layer_keys_toggle_their_overlay(ctx: Context, name: str) -> None:
    before = ctx.session.display.visible(name)
    handlers.run(f"layer.{name}", ctx)
    assert ctx.session.display.visible(name) is not before


def test_verdicts_are_exported_where_the_user_says(ctx: Context, puppet: Puppet, folder: Path) -> None:
    report = ctx.session.report
    report.begin(Conditions("test", Sparsity(), 0.5))
    report.add(Judged(0, "f0"))
    report.end("done")
    handlers.run("model.export_verdicts", ctx)  # cancelled
    puppet.csv_answer = folder / "verdicts.csv"
    handlers.run("model.export_verdicts", ctx)
    assert puppet.calls == ["csv clip-verdicts.csv"] * 2
    assert (folder / "verdicts.csv").read_text() == report.csv() and report.csv().startswith("frame,verdict,x,y")
    puppet.csv_answer = folder / "images" / "f0.png" / "no.csv"
    handlers.run("model.export_verdicts", ctx)
    assert "no.csv" in ctx.session.notices.current[-1].text


def test_the_whole_sequence_is_judged_and_stopped(ctx: Context, puppet: Puppet) -> None:
    handlers.run("model.judge", ctx)
    handlers.run("model.stop_judging", ctx)
    assert puppet.calls == ["train None False False", "panel report", "stop"]


def test_the_what_if_tool_shows_what_it_is_about(ctx: Context, puppet: Puppet) -> None:
    handlers.run("tool.patches", ctx)
    assert puppet.tool == "patches" and ctx.session.display.visible("patches2")
    ctx.session.set_sparsity(replace(ctx.session.sparsity, forced=(ForcedPatch(3, 0, 0, False),)))
    handlers.set_drop(ctx, 0.5, 0.75)
    assert ctx.session.sparsity == Sparsity((0.5, 0.75), forced=(ForcedPatch(3, 0, 0, False),))
    handlers.set_keep_threshold(ctx, 0.2, 0.4)
    assert ctx.session.sparsity == Sparsity((0.5, 0.75), (0.2, 0.4), forced=(ForcedPatch(3, 0, 0, False),))
    handlers.run("model.free_patches", ctx)
    assert ctx.session.sparsity == Sparsity((0.5, 0.75), (0.2, 0.4))
    handlers.set_drop(ctx, 0.5, 0.75)
    assert ctx.session.sparsity == Sparsity((0.5, 0.75))
