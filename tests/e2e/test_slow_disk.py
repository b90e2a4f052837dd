"""A disk that takes long, in the real window: it lives, says what it waits for, and goes where it was sent."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from adsnet.data.frames import Frame
from app.bootstrap import Studio
from app.state.sequence import Sequence
from tests.e2e.conftest import RunStudio
from tests.e2e.hands import colours_seen
from tests.e2e.test_showing import press, ready, wait
from tests.waiting import pause

COUNT = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frames that are dark, and brighter from one to the next in their left half."""
    (tmp_path / "share").mkdir()
    for index in range(COUNT):
        pixels = np.zeros((24, 32), np.uint8)
        pixels[:, :16] = 10 * index + 20
        Image.fromarray(pixels).save(tmp_path / "share" / f"f{index:02}.png")
    return tmp_path / "share"


@pytest.mark.timeout(150)
def test_a_slow_disk(folder: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked = threading.Event(), list[int]()
    gate.set()
    read = Sequence.read

    def slowly(sequence: Sequence, index: int) -> Frame:
        asked.append(index)
        assert gate.wait(60)
        return read(sequence, index)

    monkeypatch.setattr(Sequence, "read", slowly)
    monkeypatch.setattr("app.state.fetching.PATIENCE_S", 0.02)

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        ready(studio)
        canvas, timeline, rows = window.workspace.canvas, window.workspace.timeline, window.frames.list
        wait(lambda: session.frame is not None, "the first frame")
        sequence = session.sequence
        assert sequence is not None
        wait(lambda: session.frames.known(sequence, 1) is not None, "the second, read ahead")
        session.display.set_window("fixed")
        session.display.set_levels(0, 255)
        press(studio, Qt.Key.Key_F)

        def grey() -> int:
            return int(colours_seen(studio)[5, 3, 0])

        wait(lambda: abs(grey() - 20) <= 1, "its picture")
        gate.clear()
        press(studio, Qt.Key.Key_D)
        assert session.frame_index == 1
        longest = 0.0
        for _ in range(6):
            began = time.perf_counter()
            press(studio, Qt.Key.Key_D)
            longest = max(longest, time.perf_counter() - began)
        assert longest < 2, "it waited for the disk"
        assert session.frame_index == 1 and session.destination == 7
        pause(50)
        assert timeline.slider.value() == 7 and timeline.number.value() == 8 and rows.currentIndex().row() == 7
        press(studio, Qt.Key.Key_R)  # typed ahead: about a frame that is not there yet
        assert session.review.count("reviewed") == 0
        assert "Reading f07.png" in window.status.running.text()
        wait(lambda: abs(grey() - 30) <= 1, "the frame before stays")
        press(studio, Qt.Key.Key_B)
        QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(20, 10).toPoint())
        assert session.document.stem == "f01" and session.document.mask[10, 20]

        gate.set()
        wait(lambda: session.frame_index == 7, "where it was sent")
        wait(lambda: abs(grey() - 90) <= 1, "its picture")
        assert not session.jobs.busy("read") and timeline.slider.value() == 7 and rows.currentIndex().row() == 7
        assert session.unsaved == () and (folder / "masks" / "f01.png").is_file(), "what was drawn is saved"
        assert not session.document.mask.any()

        # A row that is gone to stays marked while one on the way to it is shown: keys go on from there.
        wait(lambda: session.frames.known(sequence, 8) is not None, "the next, read ahead")
        gate.clear()
        asked.clear()
        rows.setFocus()
        for row in (12, 15):
            QTest.mouseClick(
                rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualRect(rows.model().index(row, 0)).center()
            )
            wait(lambda: asked == [12], "the disk")
        QTest.keyClick(rows, Qt.Key.Key_Down)
        assert session.frame_index == 7 and session.destination == 16 and rows.currentIndex().row() == 16
        seen: list[tuple[int, int, int]] = []
        watching = session.frame_changed.connect(
            lambda: seen.append((session.frame_index, rows.currentIndex().row(), timeline.slider.value()))
        )
        gate.set()
        wait(lambda: session.frame_index == 16, "where it was sent")
        assert seen == [(12, 16, 16), (16, 16, 16)], "the one on the way was shown too"
        session.frame_changed.disconnect(watching)
        assert asked[:2] == [12, 16], "row 15 was passed by"

        # Going back to the frame that is shown is staying, and the list and the timeline say so.
        wait(lambda: session.frames.known(sequence, 17) is not None, "the next, read ahead")
        gate.clear()
        timeline.slider.setValue(3)
        assert session.destination == 3
        QTest.keyClick(rows, Qt.Key.Key_Up)
        assert session.destination == 2 and timeline.slider.value() == 2
        timeline.slider.setValue(16)
        pause(50)
        assert session.destination == session.frame_index == rows.currentIndex().row() == 16
        gate.set()
        pause(200)
        assert session.frame_index == 16 and not session.jobs.busy("read")

    assert run_studio([str(folder)], drive) == 0
