"""Judging a whole sequence with the fake worker: all frames, in order, whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from adsnet.errors import TrainingError
from app.engine.judge import JudgeEngine
from app.state.session import Model, Session
from app.storage.labels import LabelStore
from tests.app.engine.conftest import MakeClient


@pytest.fixture
def engine(session: Session, labels: None, make_client: MakeClient) -> Iterator[JudgeEngine]:
    """The model is named, and two frames have labels."""
    session.set_model(Model("net", Path("net.safetensors"), {}))
    made = JudgeEngine(session, client_factory=lambda threads: make_client(restarts=False))
    yield made
    made.shutdown()
    made.wait_shutdown(4000)


def reopened(session: Session) -> None:
    """With the labels that are there now."""
    assert session.sequence is not None
    session.open([session.sequence.root])
    session.set_model(Model("net", Path("net.safetensors"), {}))


def test_every_frame_is_judged_in_order(engine: JudgeEngine, session: Session, qtbot: QtBot) -> None:
    reopened(session)
    engine.start()
    with pytest.raises(TrainingError, match="being judged already"):
        engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=10_000)
    assert not engine.running and not session.jobs.busy("judge")
    a, b, c = session.report.frames
    assert [f.stem for f in (a, b, c)] == ["a", "b", "c"]
    assert a.counts == {"found": 1} and b.counts == {"false": 1}
    assert c.sweep is None and c.predicted == 1
    measures = session.report.measures(0.5)
    assert measures is not None and (measures.frames, measures.pd, measures.false) == (2, 1.0, 1)
    assert session.report.conditions is not None and session.report.conditions.model == "net"


def test_the_window_does_not_look_for_the_labels(
    engine: JudgeEngine, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred thousand frames that takes seconds."""
    reopened(session)
    lookers: set[str] = set()
    source = LabelStore.source

    def looking(store: LabelStore, stem: str) -> Path | None:
        lookers.add(threading.current_thread().name)
        return source(store, stem)

    monkeypatch.setattr(LabelStore, "source", looking)
    engine.start()
    assert threading.current_thread().name not in lookers
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=10_000)
    assert lookers == {"backstage"} and session.report.labelled == 2


def test_what_was_predicted_is_not_predicted_again(engine: JudgeEngine, session: Session, qtbot: QtBot) -> None:
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=10_000)
    session.go_to(2)
    key = session.prediction_key()
    assert key is not None and session.predictions.recall(key)


def test_a_frame_that_cannot_be_read_is_said_and_passed_over(
    engine: JudgeEngine, session: Session, qtbot: QtBot
) -> None:
    assert session.sequence is not None
    reopened(session)
    session.frames.clear()
    (session.sequence.root / "b.png").write_bytes(b"no image")
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=10_000)
    assert "b.png" in session.report.frames[1].problem and session.report.frames[2].problem == ""


def test_a_prediction_that_fails_is_said_and_passed_over(engine: JudgeEngine, session: Session, qtbot: QtBot) -> None:
    session.set_engine("fail")
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=10_000)
    assert [frame.problem for frame in session.report.frames] == ["It did not work."] * 3


def test_stopping_keeps_what_is_judged(engine: JudgeEngine, session: Session, qtbot: QtBot) -> None:
    session.set_engine("slow")
    engine.start()
    qtbot.waitUntil(lambda: len(session.report.frames) == 1, timeout=10_000)
    engine.stop()
    assert session.report.status == "stopped" and not engine.running
    qtbot.wait(300)
    assert len(session.report.frames) == 1 and not session.jobs.busy("judge")
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=10_000)
    assert len(session.report.frames) == 3


def test_what_a_stopped_judgement_still_says_is_not_about_the_next(
    engine: JudgeEngine, session: Session, qtbot: QtBot
) -> None:
    session.set_engine("slow")
    engine.start()
    qtbot.waitUntil(lambda: len(session.report.frames) == 1, timeout=10_000)
    engine.stop()  # its process is computing, and will fail that prediction as it ends
    engine.start()
    qtbot.waitUntil(lambda: session.report.status != "running", timeout=10_000)
    assert session.report.status == "done" and session.notices.current == ()
    assert [frame.problem for frame in session.report.frames] == [""] * 3


def test_a_process_that_dies_ends_it_with_a_sentence(engine: JudgeEngine, session: Session, qtbot: QtBot) -> None:
    session.set_engine("kill")
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "stopped", timeout=10_000)
    texts = [notice.text for notice in session.notices.current]
    assert any("stopped working" in text for text in texts), texts


def test_another_sequence_ends_it(engine: JudgeEngine, session: Session, qtbot: QtBot) -> None:
    session.set_engine("slow")
    engine.start()
    session.close_sequence()
    assert not engine.running and session.report.status == "empty"
    with pytest.raises(TrainingError, match="nothing to judge"):
        engine.start()
