"""The window opens the table of files as the library does; raw files once it is known how their values lie."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from adsnet.data.raw import RawLayout
from adsnet.data.video import close_videos
from adsnet.errors import AdsnetError, UnknownFormatError
from app.state.raw_preview import Look, RawPreview, look
from app.state.sequence import open_sequence
from app.state.session import Session
from app.storage.settings import Settings
from tests.adsnet.data.golden import CASES, Case, Opens
from tests.app.state.conftest import write_frame

LAYOUT = RawLayout(16, 12, "uint16", offset=4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_window_opens_every_file_of_the_table_or_says_why_not(case: Case, tmp_path: Path, qtbot: QtBot) -> None:
    if case.make.__name__ == "locked" and os.geteuid() == 0:
        pytest.skip("nothing is locked for root")
    path, session = case.make(tmp_path), Session(Settings())
    try:
        if isinstance(case.expected, Opens):
            session.open([path])
            assert session.sequence is not None and len(session.sequence) == len(case.expected.frames)
            for index, expected in enumerate(case.expected.frames):
                session.go_to(index)
                assert session.frame is not None and session.frame.pixels.dtype == expected.dtype
                assert np.abs(session.frame.pixels.astype(float) - expected.astype(float)).max() <= case.expected.near
                assert session.document.is_open and session.document.shape == expected.shape
            assert session.notices.current == ()
        else:
            try:
                session.open([path])
            except AdsnetError as error:
                text = str(error)
            else:  # a still is read when it is shown
                assert session.frame is None
                text = next(notice.text for notice in session.notices.current if notice.key == "frame")
            assert text.endswith(".") and "\n" not in text
    finally:
        session.close_sequence(discard=True)
        close_videos()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Five raw frames behind four bytes."""
    values = np.stack([np.arange(192, dtype="<u2").reshape(12, 16) + 1000 * i for i in range(5)])
    (tmp_path / "clip.raw").write_bytes(b"head" + values.tobytes())
    return tmp_path / "clip.raw"


def test_a_raw_file_is_opened_once_its_layout_is_known(clip: Path) -> None:
    with pytest.raises(UnknownFormatError):
        open_sequence([clip])
    sequence = open_sequence([clip], raw=LAYOUT)
    assert (sequence.kind, len(sequence), sequence.root) == ("raw", 5, clip.parent / "clip.adsnet")
    assert sequence.read(3).pixels[0, 1] == 3001
    again = open_sequence([clip])  # what was chosen is remembered
    assert again.frames == sequence.frames
    clip.write_bytes(bytes(50))
    with pytest.raises(UnknownFormatError):  # another file by now
        open_sequence([clip])


def test_another_layout_has_other_keys(clip: Path) -> None:
    other = RawLayout(12, 16, "uint16", offset=4)
    assert open_sequence([clip], raw=LAYOUT).key(0) != open_sequence([clip], raw=other).key(0)


def test_images_among_raw_files_stay_images(clip: Path) -> None:
    write_frame(clip.parent / "a.png", 0)
    sequence = open_sequence([clip, clip.parent / "a.png"], raw=LAYOUT)
    assert [ref.raw for ref in sequence.frames] == [LAYOUT] * 5 + [None]


def test_opening_in_the_background_asks_for_the_layout(clip: Path, qtbot: QtBot) -> None:
    session = Session(Settings())
    with qtbot.waitSignal(session.opener.layout_wanted) as asked:
        session.open_later([clip])
    assert asked.args == [clip, (clip,), False] and not session.jobs.running
    with qtbot.waitSignal(session.sequence_changed):
        session.open_later([clip], raw=LAYOUT)
    assert session.frame is not None and session.frame.pixels.shape == (12, 16)
    session.close_sequence(discard=True)


def test_the_preview_tells_how_well_a_layout_fits(clip: Path, qtbot: QtBot) -> None:
    seen = look(clip, LAYOUT, 99)
    assert (seen.index, seen.frames) == (4, 5) and "5 frames, nothing left over" in seen.sentence
    assert "left over" in look(clip, RawLayout(16, 12, "uint16"), 0).sentence
    assert look(clip, RawLayout(640, 512), 0).pixels is None
    parent = QObject()
    preview = RawPreview(clip, parent)
    answers: list[Look] = []
    preview.seen.connect(answers.append)
    for index in range(5):
        preview.ask(LAYOUT, index)
    qtbot.waitUntil(lambda: bool(answers) and answers[-1].index == 4)
    assert len(answers) == 1
    preview.close()
