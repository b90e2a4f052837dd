"""What was predicted in an earlier run is shown without the network, and only that."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from adsnet.config import ForcedPatch, Sparsity
from adsnet.messages import Predicted
from adsnet.prediction import Prediction
from adsnet.storage.files import stamp_of
from app.engine.client import WorkerClient
from app.engine.judge import JudgeEngine
from app.engine.keeping import Keeping
from app.engine.predict import PredictEngine
from app.state.predictions import PredictionKey
from app.state.session import Model, Session
from app.storage.prediction_cache import PredictionCache, Recipe
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


def test_a_model_that_is_replaced_while_it_is_read_gives_its_name_to_nothing(
    make_client: MakeClient, session: Session, cache: PredictionCache, model: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    engine = PredictEngine(make_client("replaced"), session, cache=cache)
    engine.load(model)
    shown(session, qtbot)
    assert session.model is not None and session.model.stamp is not None
    assert model.read_bytes() == b"trained meanwhile"
    assert engine._keeping.waiting == 0
    qtbot.wait(100)
    assert on_disk(tmp_path) == 0


def test_what_a_new_process_computes_with_another_file_does_not_go_by_the_name_of_the_first(
    engine: PredictEngine, client: WorkerClient, session: Session, model: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 1, timeout=20000)
    asked: list[PredictionKey | None] = []

    def ask() -> None:
        """Before the new process has said which file it read."""
        session.set_engine("dense")
        asked.append(session.prediction_key())

    model.write_bytes(b"other weights")
    client.crashed.connect(lambda _text: QTimer.singleShot(0, ask))
    os.kill(client.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(asked), timeout=20000)
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 2, timeout=20000)
    shown(session, qtbot)
    assert asked[0] is not None and asked[0] != session.prediction_key()
    assert session.predictions.known(asked[0]) is None
    qtbot.wait(100)
    assert on_disk(tmp_path) == 2


def test_positions_that_a_slider_passes_over_are_not_kept(
    engine: PredictEngine, session: Session, computed: list[str], tmp_path: Path, qtbot: QtBot
) -> None:
    session.set_engine("slow")
    shown(session, qtbot)
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 2, timeout=20000)
    computed.clear()
    session.set_sparsity(Sparsity((0.5, 0.6)))
    qtbot.waitUntil(lambda: engine._client.jobs != (), timeout=20000)
    session.set_sparsity(Sparsity((0.5, 0.75)))
    shown(session, qtbot)
    assert len(computed) == 2
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 3, timeout=20000)
    qtbot.wait(100)
    assert on_disk(tmp_path) == 3


def test_only_the_last_position_of_a_slider_is_looked_for(
    engine: PredictEngine,
    session: Session,
    cache: PredictionCache,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    looked: list[Recipe] = []
    name, began, go_on = cache.name, threading.Event(), threading.Event()

    def slow(pixels: NDArray[Any], recipe: Recipe) -> str | None:
        looked.append(recipe)
        began.set()
        go_on.wait(20)
        return name(pixels, recipe)

    monkeypatch.setattr(cache, "name", slow)
    session.set_sparsity(Sparsity((0.1, 0.5)))
    assert began.wait(20)
    for share in range(51, 70):
        session.set_sparsity(Sparsity((0.1, share / 100)))
    go_on.set()
    shown(session, qtbot)
    assert [recipe.sparsity.drop for recipe in looked] == [(0.1, 0.5), (0.1, 0.69)]
    assert len(engine._asked) == 0


def test_predictions_that_come_faster_than_they_are_written_do_not_fill_the_memory(qtbot: QtBot) -> None:
    kept: list[str | None] = []
    go_on = threading.Event()

    class Slow(PredictionCache):
        def keep(self, name: str | None, prediction: Prediction) -> None:
            go_on.wait(20)
            kept.append(name)

    keeping = Keeping(Slow(Path("unused")))
    large = Prediction(np.zeros((4096, 4096), np.float32), (), (), (4096, 4096), 0.1, "adsnet", "net", "dense")
    for number in range(40):
        keeping.keep(str(number), large)
    go_on.set()
    qtbot.waitUntil(lambda: keeping.waiting == 0 and len(kept) >= 5, timeout=20000)
    qtbot.wait(50)
    assert 5 <= len(kept) <= 6  # the one that is written, and what waits
    keeping.close()


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

    session.set_model(Model("net", model, {}, stamp_of(model)))
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


def test_another_file_under_the_name_of_the_model_is_not_judged_with(
    judging: tuple[JudgeEngine, list[WorkerClient]], session: Session, model: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    engine, _ = judging
    engine.start()
    qtbot.waitUntil(lambda: session.report.status == "done", timeout=20000)
    qtbot.waitUntil(lambda: on_disk(tmp_path) == 3, timeout=20000)
    model.write_bytes(b"trained again")
    session.set_engine("dense")
    engine.start()
    qtbot.waitUntil(lambda: session.report.status != "running", timeout=20000)
    assert session.report.status == "stopped" and not session.report.frames
    assert [n.key for n in session.notices.current] == ["judge"]
    assert "was replaced since it was loaded" in session.notices.current[0].text
    qtbot.wait(100)
    assert on_disk(tmp_path) == 3


def test_a_model_that_cannot_be_loaded_ends_the_judgement_with_the_reason(
    judging: tuple[JudgeEngine, list[WorkerClient]], session: Session, qtbot: QtBot
) -> None:
    engine, _ = judging
    session.set_model(Model("net", Path("bad"), {}))
    engine.start()
    qtbot.waitUntil(lambda: session.report.status != "running", timeout=20000)
    assert session.report.status == "stopped" and not session.report.frames
    assert [n.text for n in session.notices.current] == ["The model bad is damaged: choose another."]
