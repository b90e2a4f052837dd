"""The session's prediction follows frame, model and sparsity; what goes wrong is one notice."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from adsnet.config import Sparsity
from app.engine.client import WorkerClient
from app.engine.predict import PredictEngine
from app.state.session import Session
from tests.app.engine.conftest import MakeClient


@pytest.fixture
def client(make_client: MakeClient) -> WorkerClient:
    return make_client()


@pytest.fixture
def engine(client: WorkerClient, session: Session, qtbot: QtBot) -> PredictEngine:
    """An engine whose usual model is loaded and whose first frame is predicted."""
    engine = PredictEngine(client, session)
    client.start()
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    return engine


def asked(session: Session) -> str:
    """How the worker was asked for the prediction that is shown."""
    return session.prediction.engine if session.prediction is not None else "none"


def keys(session: Session) -> list[str]:
    return [notice.key for notice in session.notices.current]


def test_the_usual_model_is_loaded_and_each_frame_predicted(
    engine: PredictEngine, session: Session, qtbot: QtBot
) -> None:
    assert session.model is not None and session.model.name == "adsnet-default"
    assert session.review.state(0) == "predicted" and session.jobs.running == ()
    session.step(1)
    assert session.prediction is None and session.jobs.busy("predict")
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    assert asked(session) == "with pixels" and session.jobs.running == ()
    session.set_sparsity(Sparsity(drop=(0.5, 0.75)))
    qtbot.waitUntil(lambda: asked(session) == "again", timeout=20000)


def test_what_was_predicted_before_is_there_at_once(engine: PredictEngine, session: Session, qtbot: QtBot) -> None:
    session.step(1)
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    session.step(-1)
    assert session.prediction is not None and session.jobs.running == ()
    engine.request()
    assert session.jobs.busy("predict"), "but it is computed again when asked for"
    qtbot.waitUntil(lambda: not session.jobs.busy("predict"), timeout=20000)


def test_a_late_answer_never_shows_on_another_frame(engine: PredictEngine, session: Session, qtbot: QtBot) -> None:
    session.set_engine("slow")
    qtbot.waitUntil(lambda: not session.jobs.busy("predict"), timeout=20000)
    session.step(1)
    session.step(1)
    assert session.prediction is None
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    assert session.sequence is not None and session.frame_index == 2
    session.step(-1)
    assert session.prediction is not None, "the answer that came too late is kept for its own frame"


def test_only_on_request(engine: PredictEngine, session: Session, qtbot: QtBot) -> None:
    session.set_settings(dataclasses.replace(session.settings, predict_automatically=False))
    session.step(1)
    qtbot.wait(80)
    assert session.prediction is None and session.jobs.running == ()
    engine.request()
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    session.set_sparsity(Sparsity(drop=(0.5, 0.75)))
    qtbot.waitUntil(lambda: asked(session) == "again", timeout=20000)


def test_another_model(engine: PredictEngine, session: Session, qtbot: QtBot) -> None:
    told: list[str] = []
    session.prediction_cleared.connect(lambda: told.append("cleared"))
    session.prediction_arrived.connect(lambda: told.append("arrived"))
    engine.load("other", "cpu")
    assert session.jobs.busy("load")
    qtbot.waitUntil(lambda: told == ["cleared", "arrived"], timeout=20000)
    assert session.model is not None and session.model.name == "other"
    assert session.jobs.running == ()
    engine.load("bad")
    qtbot.waitUntil(lambda: keys(session) == ["model"], timeout=20000)
    assert session.model is not None and session.model.name == "other" and session.jobs.running == ()


def load(engine: PredictEngine, session: Session, qtbot: QtBot, model: str) -> None:
    engine.load(model)
    qtbot.waitUntil(lambda: session.jobs.running == (), timeout=20000)


def made_by(session: Session) -> str:
    return session.prediction.model if session.prediction is not None else "none"


def test_a_frame_gone_to_while_a_model_is_loaded_is_predicted_by_that_model(
    engine: PredictEngine, session: Session, qtbot: QtBot
) -> None:
    load(engine, session, qtbot, "first")
    engine.load("slow second")
    session.step(1)
    assert session.jobs.busy("load") and not session.jobs.busy("predict")
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    assert made_by(session) == "slow second"
    load(engine, session, qtbot, "first")
    assert made_by(session) == "first", "nothing of the other model was kept under its name"


def test_a_request_that_waits_while_a_model_is_loaded_is_not_kept_for_the_model_before(
    engine: PredictEngine, session: Session, qtbot: QtBot
) -> None:
    load(engine, session, qtbot, "first")
    session.set_engine("slow")
    session.step(1)
    session.step(1)
    load(engine, session, qtbot, "slow second")
    qtbot.waitUntil(lambda: made_by(session) == "slow second", timeout=20000)
    load(engine, session, qtbot, "first")
    assert made_by(session) == "first"


def test_what_was_asked_for_while_a_model_was_loaded_comes_also_when_that_fails(
    engine: PredictEngine, session: Session, qtbot: QtBot
) -> None:
    session.set_settings(dataclasses.replace(session.settings, predict_automatically=False))
    engine.load("bad")
    session.step(1)
    engine.request()
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    assert made_by(session) == "adsnet-default" and keys(session) == ["model"]


def test_a_file_that_was_trained_again_is_another_model(
    engine: PredictEngine, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "model.file"
    path.write_bytes(b"weights")
    load(engine, session, qtbot, str(path))
    session.step(1)
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    path.write_bytes(b"other weights")
    told: list[str] = []
    session.prediction_cleared.connect(lambda: told.append("cleared"))
    session.prediction_arrived.connect(lambda: told.append("arrived"))
    engine.load(str(path))
    qtbot.waitUntil(lambda: told == ["cleared", "arrived"], timeout=20000)
    session.step(-1)
    assert session.prediction is None, "the prediction of the file as it was is not shown"
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)


def test_a_damaged_model_of_the_settings_is_not_the_end(client: WorkerClient, session: Session, qtbot: QtBot) -> None:
    session.set_settings(dataclasses.replace(session.settings, model="bad"))
    engine = PredictEngine(client, session)
    client.start()
    qtbot.waitUntil(lambda: session.model is not None, timeout=20000)
    assert session.model is not None and session.model.name == "adsnet-default"
    assert "bad" in session.notices.current[0].text, "the user is to know why it is not the chosen one"
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    assert engine.automatic and keys(session) == ["model"]


def test_an_accepted_model_is_used_even_after_one_was_loaded_by_hand(
    engine: PredictEngine, session: Session, qtbot: QtBot
) -> None:
    engine.load("other")
    qtbot.waitUntil(lambda: session.model is not None and session.model.name == "other", timeout=20000)
    assert session.project is not None
    candidate = session.project.new_run() / "model.safetensors"
    candidate.write_bytes(b"weights")
    path = session.project.accept_candidate(candidate)
    session.project_changed.emit()
    qtbot.waitUntil(lambda: session.model is not None and session.model.path == path, timeout=20000)
    assert session.model is not None and session.model.name == "adsnet-1"


def test_a_failed_prediction_is_told_until_one_works(engine: PredictEngine, session: Session, qtbot: QtBot) -> None:
    session.set_engine("fail")
    qtbot.waitUntil(lambda: keys(session) == ["predict"], timeout=20000)
    assert session.notices.current[0].details == "traceback" and session.jobs.running == ()
    session.set_sparsity(Sparsity(drop=(0.1, 0.1)))
    session.set_engine("auto")
    qtbot.waitUntil(lambda: keys(session) == [], timeout=20000)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_frame_that_kills_the_worker_is_not_tried_for_ever(
    engine: PredictEngine, session: Session, client: WorkerClient, qtbot: QtBot
) -> None:
    crashes: list[str] = []
    client.crashed.connect(crashes.append)
    session.set_engine("kill")
    qtbot.waitUntil(lambda: len(crashes) == 1, timeout=20000)
    assert keys(session) == ["worker"] and session.jobs.running == ()
    assert session.notices.current[0].text.endswith("I predicts it again.")
    qtbot.waitUntil(lambda: client.is_ready and keys(session) == [], timeout=20000)
    qtbot.wait(150)
    assert len(crashes) == 1 and client.is_ready
    session.set_engine("auto")
    session.step(1)
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_frame_in_flight_is_blamed_for_a_crash_and_not_the_newest(
    engine: PredictEngine, session: Session, client: WorkerClient, qtbot: QtBot
) -> None:
    crashes: list[str] = []
    client.crashed.connect(crashes.append)
    session.set_engine("kill")
    session.set_engine("auto")
    session.step(1)
    qtbot.waitUntil(lambda: len(crashes) == 1, timeout=20000)
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
    assert session.frame_index == 1, "it was only waiting and is asked for again"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_worker_that_never_works_leaves_the_window_usable(
    make_client: MakeClient, session: Session, qtbot: QtBot
) -> None:
    client = make_client("exit3")
    engine = PredictEngine(client, session)
    client.start()
    qtbot.waitUntil(lambda: any(n.level == "error" for n in session.notices.current), timeout=20000)
    assert keys(session) == ["worker"] and "exit code 3" in session.notices.current[0].text
    session.step(1)
    assert session.document.is_open and session.jobs.running == ()
    qtbot.wait(50)
    assert not client.is_running
    engine.request()
    assert client.is_running, "asking for it tries again"


def test_closing_the_sequence_forgets_what_is_on_its_way(
    engine: PredictEngine, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    session.set_engine("slow")
    session.step(1)
    session.close_sequence()
    qtbot.wait(250)
    assert session.prediction is None and session.jobs.running == ()
    session.set_engine("auto")
    session.open([tmp_path / "set"])
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=20000)
