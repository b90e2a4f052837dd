"""What the user does while something is opened: it goes to the old sequence or to the new one, never to both."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest

from adsnet.data.labels import read_mask
from app.bootstrap import Studio
from app.state.turns import Turns
from tests.e2e.conftest import NoQuestions, RunStudio
from tests.e2e.test_closing import CRASH, ROOT
from tests.waiting import pause


def write_folder(root: Path, names: str) -> Path:
    for seed, name in enumerate(names):
        (root / "images").mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(80, 120, (24, 32)).astype(np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
    return root


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "old", "abc")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "new", "uvwxy")


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(5)


def just_before_it_is_taken_over(studio: Studio, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something once, between the answer of the thread that opens and the turn in which it is taken over."""
    turns, opener = Turns.of_the_window(), studio.session.opener
    take = turns.take

    def taking(action: Callable[[], None], *, of: QObject) -> None:
        take(action, of=of)
        if of is opener:
            monkeypatch.setattr(turns, "take", take)
            act()

    monkeypatch.setattr(turns, "take", taking)


def shown(studio: Studio) -> tuple[str, int, int, int]:
    """What is open by session, list of frames, timeline and review states: all tell the same."""
    session, window = studio.session, studio.window
    assert session.sequence is not None
    count = len(session.sequence)
    assert window.frames.model.rowCount() == len(session.review) == count
    assert window.workspace.timeline.slider.maximum() == count - 1
    assert window.workspace.timeline.slider.value() == session.frame_index
    assert window.frames.list.currentIndex().row() == session.frame_index
    assert session.document.stem == session.sequence.stems[session.frame_index]
    return session.sequence.source.name, count, session.frame_index, session.review.count("reviewed")


def test_keys_before_it_is_taken_over_go_to_what_is_open(
    old: Path, new: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drive(studio: Studio) -> None:
        session, canvas = studio.session, studio.window.workspace.canvas
        before: list[tuple[str, int, int, int]] = []
        QTest.qWaitForWindowActive(studio.window)

        def keys() -> None:
            QTest.keyClick(canvas, Qt.Key.Key_D)
            session.document.apply_region("Draw", (4, 5, 2, 1), np.ones((1, 2), np.bool_))
            QTest.keyClick(canvas, Qt.Key.Key_R)
            before.append(shown(studio))

        just_before_it_is_taken_over(studio, monkeypatch, keys)
        studio.window.paths_dropped.emit([new])
        until(lambda: session.sequence is not None and session.sequence.source == new, "the new folder")
        assert before == [("old", 3, 1, 1)]
        assert shown(studio) == ("new", 5, 0, 0) and not session.document.mask.any()
        QTest.keyClick(canvas, Qt.Key.Key_D)
        assert shown(studio) == ("new", 5, 1, 0)

    assert run_studio([str(old)], drive) == 0
    assert np.argwhere(read_mask(old / "masks" / "b.png")).tolist() == [[5, 4], [5, 5]]
    assert not (new / "masks").exists()


def test_nothing_is_painted_and_no_key_is_heard_between_two_halves(old: Path, new: Path, run_studio: RunStudio) -> None:
    """Whatever hears of the new sequence is in one turn with its first frame."""

    def drive(studio: Studio) -> None:
        session, timeline = studio.session, studio.window.workspace.timeline
        turns: list[str] = []
        session.sequence_changed.connect(lambda: turns.append("sequence"))
        session.frame_changed.connect(lambda: turns.append("frame"))
        timer = QTimer(studio.window, interval=0)
        timer.timeout.connect(lambda: turns.append("."))
        timer.start()
        studio.window.paths_dropped.emit([new])
        until(lambda: "frame" in turns, "the first frame")
        assert "sequence frame" in " ".join(turns)
        assert timeline.isVisible() and shown(studio) == ("new", 5, 0, 0)

    assert run_studio([str(old)], drive) == 0


def test_the_last_wish_counts_even_when_the_first_is_ready(
    old: Path, new: Path, tmp_path: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = write_folder(tmp_path / "last", "pq")

    def drive(studio: Studio) -> None:
        session, opened = studio.session, []
        session.sequence_changed.connect(lambda: opened.append(session.sequence and session.sequence.source.name))
        just_before_it_is_taken_over(studio, monkeypatch, lambda: studio.window.paths_dropped.emit([last]))
        studio.window.paths_dropped.emit([new])
        until(lambda: "last" in opened, "the last folder")
        pause(50)
        assert opened == ["last"] and shown(studio) == ("last", 2, 0, 0)
        assert not session.jobs.busy("open")

    assert run_studio([str(old)], drive) == 0


def test_edits_that_outlived_a_crash_are_offered_once_the_first_frame_is_shown(
    old: Path, new: Path, run_studio: RunStudio
) -> None:
    subprocess.run([sys.executable, "-c", CRASH, str(new)], cwd=ROOT, check=True, timeout=60)

    def drive(studio: Studio) -> None:
        seen: list[tuple[str, int, int, int]] = []

        class Later(NoQuestions):
            def ask_recover(self, stems: Sequence[str]) -> Literal["recover", "discard", "later"]:
                seen.append(shown(studio))
                return "recover"

        studio.context.dialogs = Later()
        studio.window.paths_dropped.emit([new])
        until(lambda: bool(seen), "the question")
        pause(20)
        assert seen == [("new", 5, 0, 0)]
        assert studio.session.document.mask.any() and not studio.session.saving.pending

    assert run_studio([str(old)], drive) == 0
    assert read_mask(new / "masks" / "u.png").any()


def test_closing_the_window_drops_what_is_being_opened(
    old: Path, new: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drive(studio: Studio) -> None:
        session, opened = studio.session, []
        session.sequence_changed.connect(lambda: opened.append(session.sequence))
        just_before_it_is_taken_over(studio, monkeypatch, studio.window.close)
        studio.window.paths_dropped.emit([new])
        until(lambda: not studio.window.isVisible(), "the end")
        pause(50)
        assert not opened and session.sequence is not None and session.sequence.source == old
        assert not (new / "adsnet").exists()

    assert run_studio([str(old)], drive) == 0
