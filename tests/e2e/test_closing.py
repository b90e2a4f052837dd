"""The end of the program, good and bad: labels that cannot be saved, edits that outlived a crash."""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from adsnet.data.labels import read_mask
from adsnet.errors import StorageError
from app import bootstrap
from app.bootstrap import Studio
from app.engine.client import WorkerClient
from app.engine.train import TrainEngine
from app.state.model import Model
from app.storage.labels import LabelStore
from tests.app.engine.conftest import FAKE
from tests.e2e.conftest import NoQuestions, RunStudio
from tests.waiting import pause

ROOT = Path(__file__).resolve().parents[2]
CRASH = """
import os, sys
from pathlib import Path
from typing import Literal
import numpy as np
from PySide6.QtCore import QCoreApplication
from app.state.session import Session
from app.storage.settings import Settings

application = QCoreApplication([])
session = Session(Settings(autosave=False))
session.open([Path(sys.argv[1])])
session.document.apply_region("Draw", (4, 5, 2, 1), np.ones((1, 2), np.bool_))
os._exit(0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "clip"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for i in range(2):
        Image.fromarray(np.full((24, 32), 100 + i, np.uint8)).save(root / "images" / f"f{i}.png")
    return root


def test_the_system_ends_the_program_without_questions(
    folder: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither about a training that runs nor about a label that another program changed."""

    def drive(studio: Studio) -> None:
        session = studio.session
        session.document.apply_region("Draw", (4, 5, 2, 1), np.ones((1, 2), np.bool_))
        Image.fromarray(np.full((24, 32), 255, np.uint8)).save(folder / "masks" / "f0.png")
        monkeypatch.setattr(TrainEngine, "running", property(lambda engine: True))
        studio._terminate()
        assert not studio.window.isVisible()

    assert run_studio([str(folder)], drive) == 0
    assert read_mask(folder / "masks" / "f0.png").all(), "the other program's"
    assert list((folder / "adsnet" / "journal").iterdir()), "and ours is offered at the next start"


def test_the_window_stays_when_a_label_cannot_be_saved(
    folder: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stay(NoQuestions):
        def ask_discard(self, stems: object) -> bool:
            self.asked.append("discard")
            return False

    working: Callable[..., object] = LabelStore.save

    def full(*_: object, **__: object) -> None:
        raise StorageError("The label of f0 could not be written: the disk is full.")

    def drive(studio: Studio) -> None:
        dialogs = Stay()
        studio.context.dialogs = dialogs
        monkeypatch.setattr(LabelStore, "save", full)
        studio.session.document.apply_region("Draw", (4, 5, 2, 1), np.ones((1, 2), np.bool_))
        assert not studio.window.close() and studio.window.isVisible() and dialogs.asked == ["discard"]
        assert [n.key for n in studio.session.notices.current] == ["save"]
        assert studio.session.unsaved == ("f0",) and studio.session.document.mask.any()
        monkeypatch.setattr(LabelStore, "save", working)

    assert run_studio([str(folder)], drive) == 0
    assert np.argwhere(read_mask(folder / "masks" / "f0.png")).tolist() == [[5, 4], [5, 5]]


@pytest.mark.parametrize("answer", ["recover", "discard", "later"])
def test_edits_that_outlived_a_crash_are_offered(
    folder: Path, run_studio: RunStudio, answer: Literal["recover", "discard", "later"]
) -> None:
    subprocess.run([sys.executable, "-c", CRASH, str(folder)], cwd=ROOT, check=True, timeout=60)

    class Answer(NoQuestions):
        def ask_recover(self, stems: Sequence[str]) -> Literal["recover", "discard", "later"]:
            self.asked += stems
            return answer

    def drive(studio: Studio) -> None:
        dialogs = Answer()
        studio.context.dialogs = dialogs
        pause(50)
        assert dialogs.asked == ["f0"]
        assert bool(studio.session.document.mask.any()) == (answer == "recover")
        assert len(studio.session.saving.pending) == (1 if answer == "later" else 0)

    assert run_studio([str(folder)], drive) == 0
    assert (folder / "masks" / "f0.png").exists() is (answer == "recover")


@pytest.mark.parametrize("mode", ["slow", "slow deaf"])
def test_closing_stops_the_training_and_waits_for_it_but_not_for_ever(
    folder: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(bootstrap, "_TRAINING_GRACE_MS", 20_000 if mode == "slow" else 300)
    monkeypatch.setattr(bootstrap, "_WORKER_GRACE_MS", 400)
    ends: list[str] = []
    dialogs = NoQuestions()

    def drive(studio: Studio) -> None:
        studio.context.dialogs = dialogs
        session = studio.session
        session.set_model(Model("net", folder / "net.safetensors", {}))
        for index in range(2):
            session.go_to(index)
            session.document.apply_region("Draw", (4, 5, 2, 1), np.ones((1, 2), np.bool_))
            session.save()
        fake = functools.partial(WorkerClient, program=sys.executable, arguments=(FAKE, mode), restarts=False)
        studio.training = studio.context.training = TrainEngine(session, client_factory=lambda threads: fake())
        session.fine_tune.status_changed.connect(ends.append)
        studio.training.start(None, iterations=5000)
        limit = time.monotonic() + 20
        while not session.fine_tune.steps and time.monotonic() < limit:
            pause(20)
        assert not studio.window.close() and studio.window.isVisible() and dialogs.asked == ["stop training"]
        assert "closing" in [notice.key for notice in session.notices.current]
        assert not studio.window.close() and dialogs.asked == ["stop training"], "asked once"

    assert run_studio([str(folder)], drive) == 0
    assert ends[:2] == ["running", "stopping"] and (ends[2:] == ["stopped"]) is (mode == "slow")
    assert (folder / "adsnet" / "training" / "1" / "model.safetensors").exists() is (mode == "slow")
