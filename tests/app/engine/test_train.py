"""A training from the window: what it is given, how it is followed, and what becomes of its candidate."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from adsnet.config import TrainConfig
from adsnet.data.datasets import Sample, open_dataset
from adsnet.errors import ConfigError, TrainingError
from adsnet.messages import Evaluated
from app.engine.client import WorkerClient
from app.engine.scores import load_scores, save_scores
from app.engine.train import MANIFEST, TrainEngine
from app.imaging.raster import brush
from app.state.labelled import samples_of
from app.state.model import Model
from app.state.session import Session
from tests.app.engine.conftest import MakeClient

MakeEngine = Callable[..., TrainEngine]


@pytest.fixture
def make_engine(make_client: MakeClient, session: Session) -> Iterator[MakeEngine]:
    """Engines that train with the fake worker in the given mode."""
    made: list[TrainEngine] = []
    session.set_model(Model("net", Path("/models/net.safetensors"), {}))

    def make(mode: str = "") -> TrainEngine:
        engine = TrainEngine(session, client_factory=lambda threads: make_client(mode, threads=threads, restarts=False))
        made.append(engine)
        return engine

    yield make
    for engine in made:
        assert engine.wait_shutdown(4000)


def label(session: Session, *frames: int) -> None:
    for index in frames:
        session.go_to(index)
        session.document.begin_stroke(True)
        session.document.paint(*brush(index, index, diameter=1, shape=session.document.shape))
        session.save()


def wait(qtbot: QtBot, session: Session, status: str) -> None:
    qtbot.waitUntil(lambda: session.fine_tune.status == status, timeout=20000)


def test_a_training_from_labels_to_an_accepted_model(
    make_engine: MakeEngine, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    label(session, 0, 2)
    engine = make_engine()
    engine.start(None, iterations=5)
    tune = session.fine_tune
    assert engine.running and tune.status == "running" and session.jobs.busy("train")
    with pytest.raises(TrainingError, match="running"):
        engine.start(None)
    wait(qtbot, session, "done")
    assert tune.steps == [1, 2, 3, 4, 5] and tune.losses["total"][0] == 1.0
    assert [change.verdict for change in tune.comparison()] == ["better"]
    assert not engine.running and session.jobs.running == ()
    run = tmp_path / "set" / "adsnet" / "training" / "1"
    assert tune.candidate == run / "model.safetensors"
    given = open_dataset(run / MANIFEST)
    assert [sample.frame.path.name for sample in given.samples] == ["a.png", "c.png"]
    assert all(sample.mask is not None and sample.mask.is_file() for sample in given.samples)
    assert given.read(0)[1].sum() == 1

    path = engine.accept()
    assert path.read_bytes() == b"candidate"
    assert session.project is not None and session.project.model == path and tune.status == "idle"
    with pytest.raises(TrainingError, match="no candidate"):
        engine.accept()


def test_a_stopped_training_has_a_candidate(make_engine: MakeEngine, session: Session, qtbot: QtBot) -> None:
    label(session, 0, 1)
    engine = make_engine("slow")
    engine.start(TrainConfig(iterations=400))
    qtbot.waitUntil(lambda: len(session.fine_tune.steps) >= 2, timeout=20000)
    assert session.jobs.running[0].fraction is not None
    engine.stop()
    assert session.fine_tune.status == "stopping"
    wait(qtbot, session, "stopped")
    assert session.fine_tune.candidate is not None


def test_a_candidate_belongs_to_the_sequence_it_was_trained_on(
    make_engine: MakeEngine, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    label(session, 0, 1)
    engine = make_engine()
    engine.start(None, iterations=2)
    other = tmp_path / "other" / "x.png"
    other.parent.mkdir()
    shutil.copy(tmp_path / "set" / "a.png", other)
    session.open([other])
    wait(qtbot, session, "done")
    path = engine.accept()
    assert path.is_relative_to(tmp_path / "set")
    assert session.project is not None and session.project.model is None
    session.open([tmp_path / "set"])
    assert session.project.model == path


@pytest.mark.parametrize("decision", ["accept", "discard"])
def test_a_candidate_that_nobody_decided_on_is_offered_after_a_restart(
    make_engine: MakeEngine, session: Session, qtbot: QtBot, tmp_path: Path, decision: str
) -> None:
    label(session, 0, 1)
    make_engine().start(None, iterations=3)
    wait(qtbot, session, "done")
    known, candidate = session.fine_tune.comparison(), session.fine_tune.candidate
    session.close_sequence()

    later = Session(session.settings)
    later.open([tmp_path / "set"])
    engine = TrainEngine(later)
    tune = later.fine_tune
    assert (tune.status, tune.candidate, tune.iteration) == ("done", candidate, 3) and len(known) == 1
    assert tune.comparison() == known
    assert [notice.key for notice in later.notices.current] == ["candidate"]
    if decision == "accept":
        assert engine.accept().read_bytes() == b"candidate"
    else:
        engine.discard()
    assert tune.status == "idle" and later.notices.current == ()
    later.close_sequence()
    later.open([tmp_path / "set"])
    assert later.fine_tune.status == "idle", "it was decided on"
    later.close_sequence()


def test_damaged_scores_do_not_hide_a_candidate(session: Session, tmp_path: Path) -> None:
    assert session.project is not None
    candidate = session.project.new_run() / "model.safetensors"
    candidate.write_bytes(b"candidate")
    (candidate.parent / "scores.json").write_text('{"format": "adsnet-scores-1", "models": {"current": {"frames": 3}}}')
    engine = TrainEngine(session)
    assert session.fine_tune.candidate == candidate and session.fine_tune.comparison() == ()
    engine.discard()


def test_scores_without_a_value_are_kept(tmp_path: Path) -> None:
    entry = {"frame": "a", "targets": 0, "found": 0, "false": 0, "iou": float("nan")}
    save_scores(tmp_path, (Evaluated(4, "current", {"pd": float("inf")}, (entry,)), None), 2)
    assert load_scores(tmp_path) == ((Evaluated(0, "current", {"pd": None}, ({**entry, "iou": None},)),), 2)


def test_a_discarded_candidate_is_gone(make_engine: MakeEngine, session: Session, qtbot: QtBot) -> None:
    label(session, 0, 1)
    engine = make_engine()
    with pytest.raises(TrainingError, match="no candidate"):
        engine.discard()
    engine.start({"iterations": 2})
    wait(qtbot, session, "done")
    run = session.fine_tune.run
    engine.discard()
    assert run is not None and not run.exists() and session.fine_tune.status == "idle"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_training_that_dies_is_told_and_can_be_discarded(
    make_engine: MakeEngine, session: Session, qtbot: QtBot
) -> None:
    label(session, 0, 1)
    engine = make_engine("dies in training")
    engine.start(None, iterations=50)
    wait(qtbot, session, "failed")
    assert "signal 9" in session.fine_tune.text and not engine.running
    assert [notice.key for notice in session.notices.current] == ["train"]
    assert "last words" in session.notices.current[0].details
    with pytest.raises(TrainingError):
        engine.accept()
    engine.discard()
    engine.start(None, iterations=2)
    assert session.notices.current == ()


def test_the_threads_of_the_settings_hold_for_training(session: Session, qtbot: QtBot) -> None:
    label(session, 0, 1)
    session.set_model(Model("net", Path("/models/net.safetensors"), {}))
    session.set_settings(dataclasses.replace(session.settings, threads=3))
    given: list[int | None] = []

    def refuse(threads: int | None) -> WorkerClient:
        given.append(threads)
        raise TrainingError("enough is known")

    engine = TrainEngine(session, client_factory=refuse)
    engine.start(None)
    wait(qtbot, session, "failed")
    assert session.fine_tune.text == "enough is known" and not engine.running
    assert given == [3]


def test_what_cannot_be_trained_on_is_refused(make_engine: MakeEngine, session: Session) -> None:
    engine = make_engine()
    label(session, 0)
    with pytest.raises(TrainingError, match="there are 1"):
        engine.start(None)
    label(session, 1)
    with pytest.raises(TrainingError, match="reviewed"):
        engine.start(None, only_reviewed=True)
    with pytest.raises(ConfigError, match="speed"):
        engine.start({"speed": 3})
    session.set_model(None)
    with pytest.raises(TrainingError, match="No model"):
        engine.start(None)
    assert session.project is not None and not (session.project.root / "adsnet" / "training").exists()
    session.close_sequence()
    with pytest.raises(TrainingError, match="open"):
        engine.start(None)
    assert not engine.running and session.jobs.running == ()


def test_labels_are_gathered_behind_the_window(
    make_engine: MakeEngine, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(session, 0, 1)
    gate, threads = threading.Event(), list[str]()

    def slowly(*arguments: Any) -> tuple[Sample, ...]:
        threads.append(threading.current_thread().name)
        assert gate.wait(30)
        return samples_of(*arguments)

    monkeypatch.setattr("app.engine.train.samples_of", slowly)
    engine, tune = make_engine(), session.fine_tune
    engine.start(None, iterations=2)
    qtbot.waitUntil(lambda: threads == ["backstage"])
    assert engine.running and tune.status == "running" and session.jobs.busy("train")
    with pytest.raises(TrainingError, match="running"):
        engine.start(None)
    engine.stop()
    assert str(tune.status) == "stopped" and tune.candidate is None and not engine.running
    assert not session.jobs.running and tune.run is not None and not tune.run.exists()
    gate.set()
    engine.start(None, iterations=2)
    wait(qtbot, session, "done")
    assert threads == ["backstage", "backstage"]
    engine.discard()


def test_no_process_is_started_at_the_end_of_the_program(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(session, 0, 1)
    session.set_model(Model("net", Path("/models/net.safetensors"), {}))
    gate, gathered = threading.Event(), list[int]()
    monkeypatch.setattr("app.engine.train.samples_of", lambda *a: gate.wait(30) and samples_of(*a))
    engine = TrainEngine(session, client_factory=lambda _: pytest.fail("a process was started"))
    engine._backstage.finished.connect(lambda _: gathered.append(1))
    engine.start(None, iterations=2)
    engine.shutdown()
    gate.set()
    qtbot.waitUntil(lambda: bool(gathered))
    assert not engine.running


def test_whatever_goes_wrong_while_labels_are_gathered_is_told(
    make_engine: MakeEngine, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(session, 0, 1)

    def broken(*_: Any) -> tuple[Sample, ...]:
        raise MemoryError("no memory")

    monkeypatch.setattr("app.engine.train.samples_of", broken)
    engine = make_engine()
    engine.start(None, iterations=2)
    wait(qtbot, session, "failed")
    assert session.fine_tune.text == "The labels could not be gathered (no memory): try again."
    assert not engine.running and session.fine_tune.run is not None and not session.fine_tune.run.exists()


def test_labels_that_are_gone_by_the_time_are_told(make_engine: MakeEngine, session: Session, qtbot: QtBot) -> None:
    label(session, 0, 1)
    assert session.sequence is not None
    (session.sequence.root / "masks" / "b.png").unlink()
    engine = make_engine()
    engine.start(None, iterations=2)
    wait(qtbot, session, "failed")
    text = "Training needs two frames with a label, and there are 1: label more frames."
    assert session.fine_tune.text == session.notices.current[-1].text == text
    assert not engine.running and not session.jobs.running
