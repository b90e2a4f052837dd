"""What was predicted in an earlier run is shown without the network, and only that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from adsnet.config import ForcedPatch, Sparsity
from adsnet.messages import Predicted
from app.engine.client import WorkerClient
from app.engine.judge import JudgeEngine
from app.engine.predict import PredictEngine
from app.state.session import Model, Session
from app.storage.prediction_cache import PredictionCache
from tests.app.engine.conftest import MakeClient


@pytest.fixture
def cache(tmp_path: Path) -> PredictionCache:
    return PredictionCache(tmp_path / "cache")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def client(make_client: MakeClient) -> WorkerClient:
    return make_client()


@pytest.fixture
def computed(client: WorkerClient) -> list[str]:
    """Names of the frames that the worker predicted."""
    frames: list[str] = []

    def note(message: Predicted) -> None:
        frames.append(Path(message.frame.partition("#")[0]).stem)

    client.predicted.connect(note)
    return frames


@pytest.fixture
def engine(
    client: WorkerClient, session: Session, cache: PredictionCache, model: Path, computed: list[str], qtbot: QtBot
) -> PredictEngine:
    engine = PredictEngine(client, session, cache=cache)
    engine.load(model)
    shown(session, qtbot)
    return engine


def shown(session: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: session.prediction is not None and not session.jobs.busy("predict"), timeout=20000)


def on_disk(tmp_path: Path) -> int:
    return len(list((tmp_path / "cache").glob("*.prediction")))


def test_an_opened_sequence_is_not_predicted_twice(
    engine: PredictEngine, session: Session, computed: list[str], tmp_path: Path, qtbot: QtBot
) -> None:
    for _ in range(2):
        session.step(1)
        shown(session, qtbot)
    assert computed == ["a", "b", "c"]
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 3, timeout=20000)
    session.open([tmp_path / "set"])
    for _ in range(3):
        shown(session, qtbot)
        session.step(1)
    assert computed == ["a", "b", "c"] and session.review.state(2) == "predicted"

    engine.request()
    qtbot.waitUntil(lambda: computed == ["a", "b", "c", "c"], timeout=20000)
    session.set_sparsity(Sparsity((0.5, 0.75)))
    qtbot.waitUntil(lambda: computed == ["a", "b", "c", "c", "c"], timeout=20000)


def test_what_is_computed_for_a_frame_that_was_left_is_kept_too(
    engine: PredictEngine, session: Session, computed: list[str], tmp_path: Path, qtbot: QtBot
) -> None:
    session.set_engine("slow")
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 2, timeout=20000)
    session.open([tmp_path / "set"])
    shown(session, qtbot)
    session.go_to(2)
    key = session.prediction_key()
    qtbot.waitUntil(lambda: engine._client.jobs != (), timeout=20000)
    session.go_to(0)
    shown(session, qtbot)
    assert computed == ["a", "a"] and key is not None
    qtbot.waitUntil(lambda: computed == ["a", "a", "c"], timeout=20000)
    assert session.predictions.known(key) is not None
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 3, timeout=20000)


def test_another_model_under_the_same_name_predicts_again(
    engine: PredictEngine, session: Session, computed: list[str], model: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 1, timeout=20000)
    model.write_bytes(b"other weights")
    engine.load(model)
    qtbot.waitUntil(lambda: computed == ["a", "a"], timeout=20000)
    shown(session, qtbot)


def test_forced_patches_are_tried_and_forgotten(
    engine: PredictEngine, session: Session, computed: list[str], tmp_path: Path, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 1, timeout=20000)
    session.set_sparsity(Sparsity(forced=(ForcedPatch(3, 0, 0, False),)))
    qtbot.waitUntil(lambda: computed == ["a", "a"], timeout=20000)
    qtbot.wait(100)
    assert on_disk(tmp_path) == 1


def test_clearing_removes_all_and_says_so(
    engine: PredictEngine, session: Session, computed: list[str], tmp_path: Path, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 1, timeout=20000)
    engine.clear_cache()
    qtbot.waitUntil(lambda: [n.key for n in session.notices.current] == ["cache"], timeout=20000)
    assert on_disk(tmp_path) == 0
    session.open([tmp_path / "set"])
    qtbot.waitUntil(lambda: computed == ["a", "a"], timeout=20000)


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_without_a_folder_to_write_to_everything_is_predicted(
    client: WorkerClient, session: Session, model: Path, computed: list[str], tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    engine = PredictEngine(client, session, cache=PredictionCache(tmp_path / "cache"))
    engine.load(model)
    shown(session, qtbot)
    session.step(1)
    shown(session, qtbot)
    assert computed == ["a", "b"] and session.notices.current == ()


@pytest.fixture
def judging(
    session: Session, labels: None, model: Path, cache: PredictionCache, make_client: MakeClient
) -> Iterator[tuple[JudgeEngine, list[WorkerClient]]]:
    """The engine, and the workers that it made."""
    made: list[WorkerClient] = []

    def make(_threads: int | None) -> WorkerClient:
        made.append(make_client(restarts=False))
        return made[-1]

    status = os.stat(model)
    session.set_model(Model("net", model, {}, (status.st_size, status.st_mtime_ns)))
    engine = JudgeEngine(session, cache=cache, client_factory=make)
    yield engine, made
    engine.shutdown()
    engine.wait_shutdown(4000)


def test_a_judged_sequence_is_judged_again_without_a_process(
    judging: tuple[JudgeEngine, list[WorkerClient]], session: Session, tmp_path: Path, qtbot: QtBot
) -> None:
    engine, made = judging
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=20000)
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 3, timeout=20000)
    before = session.report.frames
    session.predictions.forget()
    started: list[str] = []

    engine.start()
    made[-1].state_changed.connect(started.append)
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=20000)
    assert len(made) == 2 and started == [], "no process"
    assert [frame.counts for frame in session.report.frames] == [frame.counts for frame in before]
    key = session.prediction_key()
    assert key is not None and session.predictions.known(key) is not None

    next(iter((tmp_path / "cache").glob("*.prediction"))).write_bytes(b"damaged")
    engine.start()
    made[-1].state_changed.connect(started.append)
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=20000)
    assert "ready" in started and [f.counts for f in session.report.frames] == [f.counts for f in before]
