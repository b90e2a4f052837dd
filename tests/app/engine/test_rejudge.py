"""The judgement follows the labels as they are now, for the frame that is shown and for the sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from adsnet.config import Sparsity
from adsnet.prediction import Prediction
from app.engine.rejudge import RejudgeEngine
from app.state.predictions import PredictionKey
from app.state.report import Conditions, Judged, judge
from app.state.session import Model, Session

PIXEL = np.ones((1, 1), np.bool_)


@pytest.fixture
def judged(session: Session, qtbot: QtBot) -> Iterator[Session]:
    """All three frames are judged: a target of one pixel is predicted in each, the labels are empty."""
    for index in range(3):
        session.go_to(index)
        session.mark_reviewed()  # which writes an empty label
    session.go_to(0)
    session.set_model(Model("net", Path("net.safetensors"), {}))
    RejudgeEngine(session, parent=session)
    model, sequence = session.model, session.sequence
    assert model is not None and sequence is not None
    session.report.begin(Conditions("net", Sparsity(), 0.5, model.identity, "auto"))
    for index in range(3):
        empty = np.zeros((12, 16), np.bool_)
        session.report.add(
            judge(index, "abc"[index], made(), empty, threshold=0.5, thresholds=session.report.thresholds)
        )
        session.predictions.take(-1, PredictionKey(sequence.key(index), Sparsity(), model.identity, "auto"), made())
    session.report.end("done")
    show(session)
    yield session


def made() -> Prediction:
    probability = np.zeros((12, 16), np.float32)
    probability[1, 2] = 0.9
    return Prediction(probability, (), (), (16, 16), 0.01, "adsnet", "net", "auto")


def show(session: Session) -> None:
    key = session.prediction_key()
    assert key is not None and session.predictions.recall(key)


def draw(session: Session, row: int = 1, column: int = 2) -> None:
    session.document.apply_region("Draw", (column, row, 1, 1), PIXEL)


def frame(session: Session, index: int) -> Judged:
    return session.report.frames[index]


def test_an_edit_changes_the_line_of_the_frame_at_once_and_so_does_its_undoing(judged: Session, qtbot: QtBot) -> None:
    before = judged.report.measures(0.5)
    assert before is not None and (before.targets, before.false) == (0, 3)
    draw(judged)
    assert not judged.document.is_clean  # not saved, and yet it counts
    qtbot.waitUntil(lambda: frame(judged, 0).counts == {"found": 1}, timeout=10_000)
    after = judged.report.measures(0.5)
    assert after is not None and (after.targets, after.found, after.false) == (1, 1, 2)
    judged.document.undo()
    qtbot.waitUntil(lambda: judged.report.measures(0.5) == before, timeout=10_000)


def test_an_edit_counts_although_the_frame_is_left_at_once(judged: Session, qtbot: QtBot) -> None:
    draw(judged)
    judged.go_to(1)
    qtbot.waitUntil(lambda: frame(judged, 0).counts == {"found": 1}, timeout=10_000)
    assert frame(judged, 1).counts == {"false": 1}


def test_with_other_settings_the_line_keeps_those_of_the_judgement(judged: Session, qtbot: QtBot) -> None:
    judged.set_sparsity(Sparsity((0.9, 0.9)))
    key = judged.prediction_key()
    assert key is not None
    nothing = replace(made(), probability=np.zeros((12, 16), np.float32))
    judged.predictions.take(judged.predictions.next_generation(), key, nothing)
    draw(judged)
    qtbot.waitUntil(lambda: frame(judged, 0).counts == {"found": 1}, timeout=10_000)  # by the prediction of then


def test_without_the_prediction_of_then_it_is_said(judged: Session, qtbot: QtBot) -> None:
    judged.predictions.forget()
    draw(judged)
    assert judged.report.outdated == {0}
    assert frame(judged, 0).counts == {"false": 1}


def test_the_frame_that_is_shown_is_judged_where_somebody_looks(judged: Session, qtbot: QtBot) -> None:
    qtbot.wait(50)
    assert judged.report.shown is None
    judged.report.want()
    qtbot.waitUntil(lambda: judged.report.shown is not None, timeout=10_000)
    assert judged.report.shown is not None and judged.report.shown.counts == {"false": 1}
    draw(judged)
    qtbot.waitUntil(
        lambda: judged.report.shown is not None and judged.report.shown.counts == {"found": 1}, timeout=10_000
    )
    judged.go_to(1)
    judged.report.want()
    assert judged.report.shown is None
    show(judged)
    judged.report.want()
    qtbot.waitUntil(lambda: judged.report.shown is not None and judged.report.shown.index == 1, timeout=10_000)


def test_a_frame_without_a_label_has_none(session: Session, qtbot: QtBot) -> None:
    session.set_model(Model("net", Path("net.safetensors"), {}))
    RejudgeEngine(session, parent=session)
    key = session.prediction_key()
    assert key is not None
    session.predictions.take(session.predictions.next_generation(), key, made())
    session.report.want()
    qtbot.waitUntil(lambda: session.report.shown is not None, timeout=10_000)
    assert session.report.shown is not None and session.report.shown.sweep is None
    draw(session)
    session.report.want()
    qtbot.waitUntil(lambda: session.report.shown is not None and session.report.shown.sweep is not None, timeout=10_000)


def test_another_sequence_has_nothing_of_the_one_before(judged: Session, qtbot: QtBot) -> None:
    judged.report.want()
    draw(judged)
    judged.close_sequence(discard=True)
    judged.report.clear()
    qtbot.wait(200)
    assert judged.report.frames == [] and judged.report.shown is None
