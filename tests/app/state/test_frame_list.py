"""The list follows the session: what is known about the frames, which pass, and what is told about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from adsnet.config import Sparsity
from adsnet.data.labels import write_mask
from app.state.frame_list import FrameList
from app.state.frame_table import FrameFilter
from app.state.report import Conditions, Judged
from app.state.session import Session
from app.storage.settings import Settings
from tests.app.state.conftest import SHAPE, write_frame

WITH, WITHOUT = FrameFilter(targets="labelled"), FrameFilter(targets="none labelled")


@pytest.fixture
def session(tmp_path: Path, qtbot: QtBot) -> Iterator[Session]:
    """Five frames; the first has a label with a target, the second one without, the third a file that is no mask."""
    for i in range(5):
        write_frame(tmp_path / "set" / "images" / f"f{i}.png", i)
    mask = np.zeros(SHAPE, np.bool_)
    write_mask(tmp_path / "set" / "masks" / "f1.png", mask)
    mask[2, 3] = True
    write_mask(tmp_path / "set" / "masks" / "f0.png", mask)
    (tmp_path / "set" / "masks" / "f2.png").write_text("no mask")
    made = Session(Settings(autosave=False))
    made.open([tmp_path / "set"])
    yield made
    made.close_sequence(discard=True)


def rows(frames: FrameList) -> list[int]:
    return [frames.frame_at(row) for row in range(len(frames))]


def test_labels_are_read_for_their_targets_when_somebody_asks(session: Session, qtbot: QtBot) -> None:
    frames = FrameList(session)
    assert (frames.targets.known == -1).all() and not frames.targets.reading
    frames.set_filter(WITH)
    assert "labels are being read" in frames.sentence and session.jobs.busy("labels")
    qtbot.waitUntil(lambda: rows(frames) == [0])
    assert not session.jobs.busy("labels")
    frames.set_filter(WITHOUT)
    assert rows(frames) == [1, 2, 3, 4]


def test_what_is_drawn_and_saved_is_known_at_once(session: Session, qtbot: QtBot) -> None:
    frames = FrameList(session)
    frames.set_filter(WITH)
    qtbot.waitUntil(lambda: rows(frames) == [0])
    session.go_to(4)
    session.document.apply_region("Draw", (3, 3, 1, 1), np.ones((1, 1), np.bool_))
    session.save()
    assert frames.targets.known[4] == 1
    session.go_to(0)
    session.document.apply_mask("Clear", np.zeros_like(session.document.mask))
    session.save()
    qtbot.wait(400)
    assert rows(frames) == [0], "what is corrected stays until the filter is set again"
    frames.set_filter(WITH)
    assert rows(frames) == [4]


def test_another_filter_stops_the_reading(session: Session, qtbot: QtBot) -> None:
    frames = FrameList(session)
    frames.set_filter(WITH)
    frames.set_filter(FrameFilter())
    assert not frames.targets.reading and not session.jobs.busy("labels") and len(frames) == 5
    qtbot.wait(50)
    assert (frames.targets.known == -1).any()


def test_another_sequence_begins_without_a_filter(session: Session, tmp_path: Path) -> None:
    frames = FrameList(session)
    frames.set_filter(FrameFilter(text="f3"))
    assert rows(frames) == [3] and frames.row_of(3) == 0 and frames.row_of(0) is None
    write_frame(tmp_path / "other" / "x.png", 1)
    session.open([tmp_path / "other"])
    assert frames.filter == FrameFilter() and rows(frames) == [0] and frames.name(0) == "x.png"
    session.close_sequence()
    assert len(frames) == 0 and frames.sentence == "No sequence"


def test_a_new_judgement_forgets_the_measures_of_the_one_before(session: Session, qtbot: QtBot) -> None:
    frames = FrameList(session)
    for peaks in ((0.2, 0.9), (0.7,)):
        session.report.begin(Conditions("m", Sparsity(), 0.5))
        for i, peak in enumerate(peaks):
            session.report.add(Judged(i, f"f{i}", predicted=1, peak=peak, unsure=0.5))
        session.report.end("done")
    assert frames.measure(0, "score") == pytest.approx(0.7) and frames.measure(1, "score") is None
    assert frames.measure(0, "disagreement") is None
    frames.set_filter(FrameFilter(targets="predicted", order="score", descending=True))
    assert rows(frames) == [0] and "1 with score" in frames.sentence


def test_a_frame_whose_state_changes_stays_until_the_filter_is_set_again(session: Session) -> None:
    frames = FrameList(session)
    frames.set_filter(FrameFilter(state="new"))
    before = rows(frames)
    session.mark_reviewed()
    assert rows(frames) == before
    frames.set_filter(FrameFilter(state="new"))
    assert rows(frames) == before[1:]
