"""The end of the program, good and bad: labels that cannot be saved, edits that outlived a crash."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from PySide6.QtTest import QTest

from adsnet.data.labels import read_mask
from adsnet.errors import StorageError
from app.bootstrap import Studio
from app.storage.labels import LabelStore
from tests.e2e.conftest import NoQuestions, RunStudio

_ROOT = Path(__file__).resolve().parents[2]
_CRASH = """
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
    subprocess.run([sys.executable, "-c", _CRASH, str(folder)], cwd=_ROOT, check=True, timeout=60)

    class Answer(NoQuestions):
        def ask_recover(self, frames: int) -> Literal["recover", "discard", "later"]:
            self.asked.append(f"{frames}")
            return answer

    def drive(studio: Studio) -> None:
        dialogs = Answer()
        studio.context.dialogs = dialogs
        QTest.qWait(50)
        assert dialogs.asked == ["1"]
        assert bool(studio.session.document.mask.any()) == (answer == "recover")
        assert len(studio.session.pending) == (1 if answer == "later" else 0)

    assert run_studio([str(folder)], drive) == 0
    assert (folder / "masks" / "f0.png").exists() is (answer == "recover")
