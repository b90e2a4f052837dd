"""Runs the real ``main()`` and lets a test drive its window from inside the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
from PySide6.QtWidgets import QApplication

from adsnet.data.raw import RawLayout
from app.bootstrap import Studio, main

Drive = Callable[[Studio], None]
RunStudio = Callable[[Sequence[str], Drive], int]


class NoQuestions:
    """Dialogs that must not appear; a question is recorded and answered in the way that changes nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open_files(self) -> list[Path]:
        self.asked.append("open files")
        return []

    def open_folder(self) -> Path | None:
        self.asked.append("open folder")
        return None

    def open_raw_files(self) -> list[Path]:
        self.asked.append("open raw files")
        return []

    def ask_layout(self, path: Path, proposal: RawLayout) -> RawLayout | None:
        self.asked.append(f"layout of {path.name}")
        return None

    def open_model(self) -> Path | None:
        self.asked.append("open model")
        return None

    def save_csv(self, name: str) -> Path | None:
        self.asked.append(f"csv {name}")
        return None

    def save_keys(self) -> Path | None:
        self.asked.append("save keys")
        return None

    def open_keys(self) -> Path | None:
        self.asked.append("open keys")
        return None

    def ask_discard(self, stems: Sequence[str]) -> bool:
        self.asked.append(f"discard {stems}")
        return True

    def ask_conflict(self, stem: str) -> Literal["overwrite", "reload", "cancel"]:
        self.asked.append(f"conflict {stem}")
        return "cancel"

    def ask_recover(self, stems: Sequence[str]) -> Literal["recover", "discard", "later"]:
        self.asked.append(f"recover {stems}")
        return "later"

    def ask_stop_training(self) -> bool:
        self.asked.append("stop training")
        return True

    def ask_discard_candidate(self) -> bool:
        self.asked.append("discard the candidate")
        return False

    def show_about(self) -> None:
        self.asked.append("about")


@pytest.fixture
def run_studio(qapp: QApplication) -> RunStudio:
    """``run_studio(arguments, drive)``: start ``main``, call ``drive(studio)``, close, return the exit code."""

    def run(arguments: Sequence[str], drive: Drive) -> int:
        failures: list[BaseException] = []
        dialogs = NoQuestions()

        def started(studio: Studio) -> None:
            studio.context.dialogs = dialogs
            try:
                drive(studio)
            except BaseException as failure:  # noqa: BLE001  carried out of the event loop to the test
                failures.append(failure)
                studio.window.may_close = lambda: True
            studio.window.close()
            if not studio.window.isVisible():
                # Where ``drive`` closed it and waited: an event loop that begins forgets the wish to quit.
                studio.application.quit()

        code = main(arguments, started=started)
        if failures:
            raise failures[0]
        assert dialogs.asked == []
        return code

    return run
