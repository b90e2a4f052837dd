"""Raw frames through the real window: dropped, asked about with a live preview, opened, remembered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.bootstrap import Studio
from app.views.dialogs import WindowDialogs
from app.views.raw_dialog import RawDialog
from tests.e2e.conftest import RunStudio
from tests.waiting import pause


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


def drop(studio: Studio, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    studio.window.dropEvent(event)


def picture(dialog: RawDialog, name: str) -> None:
    """For the person who looks: only where a folder for pictures is named."""
    folder = os.environ.get("ADSNET_PICTURES")
    if folder:
        dialog.grab().save(str(Path(folder) / name))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames of 96×80 behind a header of 64 bytes, big-endian."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:80, :96]
    frames = [7000 + 12 * y + 3 * x + rng.normal(0, 6, (80, 96)) for _ in range(6)]
    for i, frame in enumerate(frames):
        frame[30:33, 20 + 9 * i : 23 + 9 * i] += 900
    (tmp_path / "clip.raw").write_bytes(b"h" * 64 + np.stack(frames).astype(">u2").tobytes())
    return tmp_path / "clip.raw"


@pytest.mark.timeout(120)
def test_raw_frames_are_asked_about_seen_and_remembered(clip: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        session = studio.session
        no_questions = studio.context.dialogs
        studio.context.dialogs = WindowDialogs(studio.window)
        problems: list[BaseException] = []

        def answer() -> None:
            shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, RawDialog) and w.isVisible()]
            if not shown:
                QTimer.singleShot(50, answer)
                return
            dialog = shown[0]
            try:
                fill(dialog)
            except BaseException as problem:  # noqa: BLE001  raised by the test below, outside of the dialog's loop
                problems.append(problem)
                dialog.reject()

        def fill(dialog: RawDialog) -> None:
            wait(lambda: "ends at byte" in dialog.sentence.text(), "the sentence that the proposal does not fit")
            assert not dialog.open_button.isEnabled() and dialog.picture.pixmap().isNull()
            picture(dialog, "raw-wrong.png")
            for field, value in ((dialog.width_field, 96), (dialog.height_field, 80), (dialog.offset_field, 64)):
                field.selectAll()
                QTest.keyClicks(field, str(value))
            wait(lambda: dialog.sentence.text().startswith("6 frames, nothing left over"), "the layout that fits")
            swapped = dialog.picture.pixmap().toImage()
            QTest.keyClick(dialog.order_field, Qt.Key.Key_Down)
            wait(lambda: "Values 69" in dialog.sentence.text(), "the right byte order")
            first = dialog.picture.pixmap().toImage()
            assert first != swapped
            dialog.frame_field.selectAll()
            QTest.keyClicks(dialog.frame_field, "4")
            wait(lambda: dialog.picture.pixmap().toImage() != first, "another frame")
            picture(dialog, "raw-right.png")
            QTest.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)

        answer()
        drop(studio, clip)
        wait(lambda: bool(problems) or _is_open(studio, clip), "the raw frames")
        if problems:
            raise problems[0]
        assert session.sequence is not None and session.sequence.kind == "raw" and len(session.sequence) == 6
        assert session.frame is not None and session.frame.pixels.dtype == np.uint16
        assert 6900 < session.frame.pixels.min() < session.frame.pixels.max() < 9500

        # Closed and opened again, it is not asked about: the dialogs of the test fail on any question.
        studio.context.dialogs = no_questions
        studio.window.action_set["file.close"].trigger()
        assert session.sequence is None
        drop(studio, clip)
        wait(lambda: _is_open(studio, clip), "the raw frames again")
        assert session.sequence is not None and len(session.sequence) == 6

        # What cannot be opened leaves what is open, with one sentence.
        drop(studio, clip.parent / "gone.png")
        wait(lambda: any(notice.key == "open" for notice in session.notices.current), "the sentence")
        assert session.sequence.source == clip

    assert run_studio([], drive) == 0


def _is_open(studio: Studio, path: Path) -> bool:
    sequence = studio.session.sequence
    return sequence is not None and sequence.source == path


def test_the_layout_can_be_given_at_the_start(clip: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        sequence = studio.session.sequence
        assert sequence is not None and len(sequence) == 6

    assert run_studio([str(clip), "--raw", "96x80,uint16,big,offset=64"], drive) == 0
