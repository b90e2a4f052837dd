"""Features are asked for when somebody looks, once for a frame, and never in the way of a prediction."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from adsnet.config import Sparsity
from app.engine.client import WorkerClient
from app.engine.examine import REST_MS, ExamineEngine
from app.engine.predict import PredictEngine
from app.state.features import FeatureState
from app.state.session import Session
from tests.app.engine.conftest import MakeClient

WAIT = 30_000
Start = Callable[..., WorkerClient]


@pytest.fixture
def start(make_client: MakeClient, session: Session, qtbot: QtBot) -> Start:
    """``start(mode)`` gives the client after the first frame is predicted."""

    def begin(mode: str = "") -> WorkerClient:
        client = make_client(mode)
        PredictEngine(client, session, parent=client)
        ExamineEngine(client, session, parent=client)
        client.start()
        qtbot.waitUntil(lambda: session.prediction is not None, timeout=WAIT)
        return client

    return begin


def looks(state: FeatureState) -> float:
    """How often the worker was asked when it made what is there; 0 without anything."""
    strength = state.map("B2")
    return 0 if strength is None else float(strength.values[0, 0])


def test_they_come_when_somebody_looks_and_once_for_a_frame(start: Start, session: Session, qtbot: QtBot) -> None:
    start()
    state = session.predictions.features
    qtbot.wait(2 * REST_MS)
    assert state.current is None
    state.want()
    qtbot.waitUntil(lambda: looks(state) == 1, timeout=WAIT)
    for stage2 in (0.6, 0.7, 0.8):  # they do not depend on what is dropped
        session.set_sparsity(Sparsity(drop=(0.5, stage2)))
        qtbot.wait(REST_MS + 50)
    assert looks(state) == 1
    session.step(1)
    assert state.current is None
    state.want()
    qtbot.waitUntil(lambda: looks(state) == 2, timeout=WAIT)
    session.step(1)
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=WAIT)
    qtbot.wait(2 * REST_MS)
    assert state.current is None


def test_a_frame_that_is_predicted_already_is_sent_again(start: Start, session: Session, qtbot: QtBot) -> None:
    start()
    session.step(1)
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=WAIT)
    session.step(-1)  # its prediction is remembered, the worker looks at the other frame
    assert session.prediction is not None
    session.predictions.features.want()
    qtbot.waitUntil(lambda: looks(session.predictions.features) == 1, timeout=WAIT)
    session.set_sparsity(Sparsity(drop=(0.5, 0.9)))
    qtbot.waitUntil(lambda: not session.jobs.busy("predict"), timeout=WAIT)
    assert session.prediction.engine == "again"  # and now at this one


def test_nothing_is_asked_while_a_prediction_is_computed(start: Start, session: Session, qtbot: QtBot) -> None:
    client = start()
    frame = session.frame
    assert frame is not None
    client.predict(99, "x", frame.pixels, session.sparsity, "slow")
    assert client.examine("x", frame.pixels) == 0
    with qtbot.waitSignal(client.predicted, timeout=WAIT):
        pass
    assert client.examine("x", frame.pixels) > 0


def test_they_come_although_the_worker_was_busy_with_another_frame(
    start: Start, session: Session, qtbot: QtBot
) -> None:
    start()
    session.set_engine("slower")
    qtbot.waitUntil(lambda: not session.jobs.busy("predict"), timeout=WAIT)
    session.step(1)
    session.step(-1)  # predicted before; the worker is busy with the other frame for longer than this one rests
    assert session.prediction is not None
    session.predictions.features.want()
    qtbot.wait(REST_MS + 50)
    assert session.predictions.features.current is None
    qtbot.waitUntil(lambda: session.predictions.features.current is not None, timeout=WAIT)


def test_a_failure_is_told_once_and_predictions_go_on(start: Start, session: Session, qtbot: QtBot) -> None:
    start("blind")
    session.predictions.features.want()
    qtbot.waitUntil(lambda: session.notices.current != (), timeout=WAIT)
    (notice,) = session.notices.current
    assert notice.key == "features" and "too little memory" in notice.text
    session.notices.withdraw("features")
    session.set_sparsity(Sparsity(drop=(0.5, 0.9)))
    qtbot.waitUntil(lambda: not session.jobs.busy("predict"), timeout=WAIT)
    qtbot.wait(2 * REST_MS)
    assert session.notices.current == () and session.prediction is not None


def test_a_worker_that_dies_of_it_is_not_asked_again(start: Start, session: Session, qtbot: QtBot) -> None:
    client = start("dies looking")
    first = client.pid
    session.predictions.features.want()
    qtbot.waitUntil(lambda: client.is_ready and client.pid != first, timeout=WAIT)
    second = client.pid
    session.set_sparsity(Sparsity(drop=(0.5, 0.9)))
    qtbot.waitUntil(lambda: session.prediction is not None and not session.jobs.busy("predict"), timeout=WAIT)
    qtbot.wait(3 * REST_MS)
    assert client.pid == second and client.is_ready
