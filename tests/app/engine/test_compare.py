"""Comparing detectors with the fake worker in the place of networks: order, failures, labels that change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from adsnet.errors import ConfigError
from app.engine.compare import CompareEngine
from app.state.comparison import Comparison
from app.state.session import Model, Session
from tests.app.engine.conftest import MakeClient


@pytest.fixture
def comparison(session: Session, labels: None) -> Comparison:
    """Top-hat and the network take part, and two frames have labels."""
    assert session.sequence is not None
    session.open([session.sequence.root])
    session.set_model(Model("net", Path("net.safetensors"), {}))
    made = Comparison(session)
    for one in made.detectors:
        made.choose(one.name, one.name in ("adsnet", "tophat"))
    return made


@pytest.fixture
def engine(session: Session, comparison: Comparison, make_client: MakeClient) -> Iterator[CompareEngine]:
    made = CompareEngine(session, comparison, client_factory=lambda threads: make_client(restarts=False))
    yield made
    made.shutdown()
    made.wait_shutdown(4000)


def finish(engine: CompareEngine, comparison: Comparison, qtbot: QtBot) -> None:
    engine.start()
    qtbot.waitUntil(lambda: comparison.status == "done", timeout=20_000)


def test_all_labelled_frames_are_compared(
    engine: CompareEngine, comparison: Comparison, session: Session, qtbot: QtBot
) -> None:
    engine.start()
    with pytest.raises(ConfigError, match="being compared already"):
        engine.start()
    assert session.jobs.busy("compare")
    qtbot.waitUntil(lambda: comparison.status == "done", timeout=20_000)
    assert not session.jobs.busy("compare") and not engine.running
    assert list(comparison.frames) == [0, 1]
    network = comparison.metrics()["adsnet"]
    assert (network.images, network.targets, network.pd, network.false_components) == (2, 1, 1.0, 1)
    key = comparison.conditions
    assert key is not None and [one.name for one in key.detectors] == ["adsnet", "tophat"]


def test_what_cannot_start_says_why(
    engine: CompareEngine, comparison: Comparison, session: Session, tmp_path: Path
) -> None:
    session.set_model(None)
    with pytest.raises(ConfigError, match="still being loaded"):
        engine.start()
    for one in comparison.detectors:
        comparison.choose(one.name, False)
    with pytest.raises(ConfigError, match="tick at least one"):
        engine.start()
    comparison.choose("lef", True)
    for path in (session.sequence.root / "masks").iterdir():  # type: ignore[union-attr]
        path.unlink()
    session.open([session.sequence.root])  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="No frame has a label"):
        engine.start()
    session.close_sequence(discard=True)
    with pytest.raises(ConfigError, match="open a sequence"):
        engine.start()
    assert comparison.status == "empty"


def test_a_label_that_changes_is_compared_anew_also_while_nobody_looks(
    engine: CompareEngine, comparison: Comparison, session: Session, qtbot: QtBot
) -> None:
    finish(engine, comparison, qtbot)
    assert not comparison.shown and session.frame_index == 0
    empty = np.zeros((12, 16), np.bool_)
    session.document.apply_mask("Clear", empty)
    qtbot.waitUntil(lambda: comparison.metrics()["adsnet"].targets == 0, timeout=10_000)
    assert comparison.metrics()["adsnet"].images == 2
    session.document.undo()
    qtbot.waitUntil(lambda: comparison.metrics()["adsnet"].targets == 1, timeout=10_000)


@pytest.mark.parametrize("path", ["bad", "kill"])
def test_a_model_that_cannot_be_loaded_takes_no_part_and_the_others_go_on(
    path: str, engine: CompareEngine, comparison: Comparison, qtbot: QtBot
) -> None:
    engine.add_model(Path(path))
    finish(engine, comparison, qtbot)
    assert comparison.metrics()["adsnet"].images == 2 and comparison.metrics()[path].images == 0
    assert all(f.outcomes[path].problem for f in comparison.frames.values())


def test_stopped_it_keeps_what_there_is_and_starts_again(
    engine: CompareEngine, comparison: Comparison, session: Session, qtbot: QtBot
) -> None:
    engine.start()
    engine.stop()
    assert comparison.status == "stopped" and not session.jobs.running
    finish(engine, comparison, qtbot)
    assert list(comparison.frames) == [0, 1]


def test_an_unreadable_frame_is_said_and_passed_over(
    engine: CompareEngine, comparison: Comparison, session: Session, qtbot: QtBot
) -> None:
    sequence = session.sequence
    assert sequence is not None
    qtbot.waitUntil(lambda: session.frames.known(sequence, 1) is not None)  # read ahead, as it was before
    session.frames.clear()
    (sequence.root / "b.png").write_bytes(b"no image")
    finish(engine, comparison, qtbot)
    assert "b.png" in comparison.frames[1].problem and comparison.metrics()["tophat"].images == 1


def test_the_frame_that_is_shown_is_compared_while_somebody_looks(
    engine: CompareEngine, comparison: Comparison, session: Session, qtbot: QtBot
) -> None:
    comparison.choose("adsnet", False)
    assert comparison.frame is None
    comparison.set_shown(True)
    qtbot.waitUntil(lambda: comparison.frame is not None, timeout=10_000)
    session.go_to(2)
    qtbot.waitUntil(lambda: comparison.frame is not None and comparison.frame.index == 2, timeout=10_000)
    comparison.set_shown(False)
    session.go_to(1)
    qtbot.wait(100)
    assert comparison.frame is None


def test_another_model_ends_it(engine: CompareEngine, comparison: Comparison, session: Session) -> None:
    engine.start()
    session.set_model(Model("other", Path("other.safetensors"), {}))
    assert comparison.status == "stopped" and not engine.running
    assert comparison.outdated
