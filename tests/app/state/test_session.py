"""The session: frames, labels, acceptance, saving and what happens when saving fails."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pytestqt.qtbot import QtBot

from adsnet.config import Sparsity
from adsnet.data.frames import Frame
from adsnet.data.labels import read_mask, write_mask
from adsnet.errors import AdsnetError, LabelError, StorageError
from adsnet.prediction import Features, Prediction
from adsnet.storage.folders import data_folder
from app.garbage import LATER_MS
from app.imaging.raster import brush
from app.state.labelled import labelled_frames, samples_of
from app.state.model import Model
from app.state.sequence import Sequence
from app.state.session import Session
from app.storage.labels import LabelConflict
from app.storage.settings import Settings, load_settings
from tests.app.state.conftest import SHAPE, write_frame

MakeSession = Callable[..., Session]


def draw(session: Session, x: int, y: int) -> None:
    document = session.document
    document.begin_stroke(True)
    document.paint(*brush(x, y, diameter=1, shape=document.shape))
    document.commit()


def points(mask: NDArray[np.bool_]) -> list[list[int]]:
    """Set pixels as [x, y]."""
    return [[int(x), int(y)] for y, x in np.argwhere(mask)]


def on_disk(folder: Path, stem: str = "a") -> list[list[int]]:
    return points(read_mask(folder / "masks" / f"{stem}.png"))


def predict(session: Session, *where: tuple[int, int]) -> None:
    session.set_model(Model("net", Path("net.safetensors"), {}))
    probability = np.zeros(session.document.shape or SHAPE, np.float32)
    for x, y in where:
        probability[y, x] = 0.9
    key = session.prediction_key()
    assert key is not None
    answer = Prediction(probability, (), (), (16, 16), 0.1, "adsnet", "net", "dense")
    session.predictions.take(session.predictions.next_generation(), key, answer)


def disk_full(descriptor: int) -> NoReturn:
    raise OSError(28, "No space left on device")


# ---- frames -------------------------------------------------------------------------------------------------


def test_opening_shows_the_first_frame(make_session: MakeSession, folder: Path) -> None:
    session = make_session()
    told: list[str] = []
    session.sequence_changed.connect(lambda: told.append("sequence"))
    session.frame_changed.connect(lambda: told.append("frame"))
    session.open([folder])
    assert told == ["sequence", "frame"]
    assert session.frame is not None and session.frame_index == 0 and session.document.shape == SHAPE
    assert 6000 <= session.display.levels.low < session.display.levels.high <= 8000
    session.step(-1)
    session.step(1)
    session.go_to(99)
    assert session.frame_index == 2 and told.count("frame") == 3
    assert list(folder.glob("adsnet*")) == [], "looking must not write"


def test_a_closed_sequence_is_freed_a_moment_after_the_next_one_is_there(
    make_session: MakeSession, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    session = make_session()
    session.open([folder])
    first = weakref.ref(session.sequence)
    session.open([write_frame(tmp_path / "one.png")])
    gc.collect()
    assert first() is not None, "freed in the moment in which something else is opened"

    def freed() -> bool:
        gc.collect()  # the frames that were asked for ahead may hold each other
        return first() is None

    qtbot.waitUntil(freed, timeout=LATER_MS + 4000)


def test_what_was_opened_is_remembered_a_moment_later_or_when_it_is_closed(
    make_session: MakeSession, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    session = make_session()
    one = write_frame(tmp_path / "one.png")

    def remembered() -> tuple[str, ...]:
        return session.settings.recent

    session.open([folder])
    assert remembered() == (), "not while the window is busy with what is opened"
    qtbot.waitUntil(lambda: load_settings()[0].recent == (str(folder),))
    session.open([one])
    session.open([folder])
    assert remembered() == (str(one), str(folder))
    session.close_sequence()
    assert load_settings()[0].recent == remembered() == (str(folder), str(one))


def test_a_frame_that_cannot_be_read_is_passed_over(session: Session, folder: Path) -> None:
    (folder / "c.png").write_bytes(b"broken")  # not the next frame, which may have been read ahead by now
    session.go_to(2)
    assert session.frame is None and session.frame_index == 2 and not session.document.is_open
    assert [(n.key, "c.png" in n.text) for n in session.notices.current] == [("frame", True)]
    assert not session.accept_frame() and not session.erase_target_at(1, 1)
    with pytest.raises(LabelError):
        session.mark_reviewed()
    session.step(-1)
    assert session.frame is not None and session.document.is_open and session.notices.current == ()
    write_frame(folder / "c.png")
    session.step(1)
    assert session.frame is not None


def test_a_failed_opening_leaves_everything(session: Session, tmp_path: Path) -> None:
    draw(session, 1, 1)
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(AdsnetError):
            session.open([path / "nothing here"])
    assert session.sequence is not None and session.sequence.name == "set"
    assert points(session.document.mask) == [[1, 1]] and session.document.can_undo


def test_opening_in_the_background(
    make_session: MakeSession, folder: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_session()
    readers: list[str] = []
    read: Callable[[Sequence, int], Frame] = Sequence.read

    def reading(sequence: Sequence, index: int) -> Frame:
        if index == 0:
            readers.append(threading.current_thread().name)
        return read(sequence, index)

    monkeypatch.setattr(Sequence, "read", reading)
    with qtbot.waitSignal(session.sequence_changed, timeout=20000):
        session.open_later([folder])
        assert session.jobs.busy("open")
    assert not session.jobs.busy("open") and session.frame is not None
    assert readers == ["open"], "the window does not wait for the first frame"
    session.open_later([tmp_path / "gone"])
    qtbot.waitUntil(lambda: any(one.key == "open" for one in session.notices.current), timeout=20000)
    assert session.sequence is not None and not session.jobs.busy("open")
    session.open_later([tmp_path / "gone"])
    session.open([folder])
    qtbot.wait(50)
    assert session.notices.current == (), "the wish that was overtaken tells nobody"


# ---- labels -------------------------------------------------------------------------------------------------


def test_leaving_a_frame_saves_it_and_coming_back_can_undo(session: Session, folder: Path) -> None:
    saved: list[str] = []
    session.saved.connect(saved.append)
    draw(session, 3, 4)
    assert session.unsaved == ("a",) and session.review.unsaved(0)
    session.step(1)
    assert on_disk(folder) == [[3, 4]] and saved == ["a"] and not session.unsaved
    assert (
        session.review.state(0) == "corrected" and session.review.has_label(0) and session.saving.last_write is not None
    )
    session.step(-1)
    assert points(session.document.mask) == [[3, 4]]
    assert session.document.undo()
    session.step(1)
    assert on_disk(folder) == []


def test_autosave_after_a_stroke(make_session: MakeSession, folder: Path, qtbot: QtBot) -> None:
    session = make_session(Settings(autosave_seconds=0.1))
    session.open([folder])
    with qtbot.waitSignal(session.saved, timeout=20000):
        draw(session, 3, 4)
    assert on_disk(folder) == [[3, 4]] and session.document.is_clean


def test_autosave_waits_for_the_end_of_a_stroke(make_session: MakeSession, folder: Path, qtbot: QtBot) -> None:
    session = make_session(Settings(autosave_seconds=0.1))
    session.open([folder])
    document, pixel = session.document, np.ones((1, 1), np.bool_)
    document.apply_region("Draw", (4, 5, 1, 1), pixel)
    document.begin_stroke(True, "Draw")
    document.paint((6, 5, 1, 1), pixel)
    qtbot.wait(250)
    assert session.unsaved != () and document.stroke_active
    document.commit()
    qtbot.waitUntil(lambda: session.unsaved == ())


def test_without_autosave_nothing_is_saved_unasked(make_session: MakeSession, folder: Path, tmp_path: Path) -> None:
    session = make_session(Settings(autosave=False))
    session.open([folder])
    draw(session, 3, 4)
    session.step(1)
    assert not (folder / "masks").exists() and session.unsaved == ("a",)
    assert session.close_sequence() == ("a",) and session.sequence is not None
    with pytest.raises(StorageError, match="not saved"):
        session.open([write_frame(tmp_path / "x.png")])
    with pytest.raises(AdsnetError):
        session.open([tmp_path / "gone.png"], discard=True)
    assert session.sequence.name == "set" and session.unsaved == ("a",), "dropped only for something that opens"
    assert session.save_all() == () and on_disk(folder) == [[3, 4]]
    assert session.close_sequence() == () and session.sequence is None


def test_edits_that_are_not_wanted_are_dropped_for_another_sequence(
    make_session: MakeSession, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    session = make_session(Settings(autosave=False))
    session.open([folder])
    draw(session, 3, 4)
    other = write_frame(tmp_path / "other" / "x.png")
    with qtbot.waitSignal(session.sequence_changed, timeout=20000):
        session.open_later([other], discard=True)
    assert session.sequence is not None and session.sequence.name == "x"
    session.open([folder])
    assert not session.saving.pending and not session.document.mask.any()


def test_saving_now(session: Session, folder: Path) -> None:
    session.save()
    assert not (folder / "masks").exists(), "nothing to save"
    draw(session, 3, 4)
    session.document.begin_stroke(True)
    session.document.paint(*brush(5, 5, diameter=1, shape=SHAPE))
    session.save()
    assert on_disk(folder) == [[3, 4], [5, 5]], "an open stroke belongs to what is saved"


def test_the_label_of_the_set_is_read_and_written_in_its_naming(make_session: MakeSession, dataset: Path) -> None:
    session = make_session()
    session.open([dataset])
    assert points(session.document.mask) == [[5, 1]] and session.review.has_label(0)
    draw(session, 0, 0)
    session.save()
    assert points(read_mask(dataset / "masks" / "Misc_1_pixels0.png")) == [[0, 0], [5, 1]]
    assert (dataset / "adsnet" / "originals" / "Misc_1_pixels0.png").exists()
    record = json.loads((dataset / "adsnet" / "review" / "Misc_1.json").read_text())
    assert record["state"] == "corrected" and record["provenance"][0]["actions"] == {"Draw": 1}


def test_a_label_that_cannot_be_read_is_not_drawn_over(session: Session, folder: Path) -> None:
    (folder / "masks").mkdir()
    write_mask(folder / "masks" / "b.png", np.zeros((3, 3), np.bool_))
    session.go_to(1)
    assert session.frame is not None and not session.document.is_open
    assert [one.key for one in session.notices.current] == ["label"]
    session.go_to(2)
    assert session.document.is_open and session.notices.current == ()


def test_a_folder_that_cannot_be_written(
    make_session: MakeSession, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(str(folder)) and real(path, mode))
    session = make_session()
    session.open([folder])
    draw(session, 3, 4)
    session.step(1)
    assert sorted(entry.name for entry in folder.iterdir()) == ["a.png", "b.png", "c.png"]
    assert session.sequence is not None and session.sequence.root.is_relative_to(data_folder())
    session.close_sequence()
    session.open([folder])
    assert points(session.document.mask) == [[3, 4]] and session.review.state(0) == "corrected"


# ---- predictions --------------------------------------------------------------------------------------------


def test_a_prediction_changes_no_label_until_it_is_accepted(session: Session, folder: Path) -> None:
    draw(session, 0, 0)
    predict(session, (5, 5), (9, 9))
    assert points(session.document.mask) == [[0, 0]] and session.review.state(0) == "predicted"
    assert session.accept_target(0) and points(session.document.mask) == [[0, 0], [5, 5]]
    assert not session.accept_target(0)
    assert session.document.undo_text == "Accept target"
    session.document.undo()
    session.predictions.reject(1)
    assert session.accept_frame() and points(session.document.mask) == [[5, 5]]
    session.document.undo()
    assert session.accept_frame(keep_label=True) and points(session.document.mask) == [[0, 0], [5, 5]]
    session.save()
    record = json.loads((folder / "adsnet" / "review" / "a.json").read_text())
    assert record["provenance"][0]["actions"]["Accept all (net)"] == 2


def test_predictions_belong_to_their_frame(session: Session) -> None:
    told: list[str] = []
    session.prediction_arrived.connect(lambda: told.append("arrived"))
    session.prediction_cleared.connect(lambda: told.append("cleared"))
    predict(session, (5, 5))
    session.step(1)
    assert session.prediction is None and told == ["arrived", "cleared"]
    assert not session.accept_frame() and not session.accept_target(0)
    predict(session, (7, 7))
    told.clear()
    session.step(-1)
    assert told == ["arrived"], "nothing is emptied where a prediction is known"
    assert session.predictions.mask is not None and points(session.predictions.mask) == [[5, 5]]
    key = session.prediction_key()
    assert key is not None and session.predictions.recall(key) and told == ["arrived"]
    session.set_model(Model("other", Path("other"), {}))
    assert session.prediction is None


def test_feature_maps_belong_to_their_frame(session: Session) -> None:
    predict(session, (5, 5))
    session.step(1)
    predict(session, (7, 7))
    features = session.predictions.features
    features.take(Features((), (16, 16)))
    session.set_sparsity(Sparsity((0.1, 0.2)))
    assert features.current is not None, "other patches, the same features"
    session.set_sparsity(Sparsity())
    session.step(-1)
    assert session.prediction is not None and features.current is None


def test_a_prediction_of_another_size_is_never_accepted(session: Session) -> None:
    predict(session, (5, 5))
    key = session.prediction_key()
    assert key is not None
    odd = Prediction(np.ones((3, 3), np.float32), (), (), (16, 16), 0.1, "adsnet", "net", "dense")
    session.predictions.take(session.predictions.next_generation(), key, odd)
    assert not session.accept_frame() and not session.accept_target(0)


def test_erasing_a_target(session: Session) -> None:
    draw(session, 3, 3)
    draw(session, 4, 4)
    draw(session, 9, 9)
    assert not session.erase_target_at(0, 0)
    assert session.erase_target_at(3.4, 2.6) and points(session.document.mask) == [[9, 9]]
    session.document.undo()
    assert session.document.mask.sum() == 3


def test_wishes_are_told_once(session: Session) -> None:
    told: list[str] = []
    session.sparsity_changed.connect(lambda: told.append("sparsity"))
    session.set_sparsity(Sparsity(drop=(0.1, 0.2)))
    session.set_sparsity(Sparsity(drop=(0.1, 0.2)))
    session.set_engine("dense")
    assert told == ["sparsity", "sparsity"] and session.engine == "dense"


# ---- review -------------------------------------------------------------------------------------------------


def test_reviewing_gives_every_frame_a_label(session: Session, folder: Path) -> None:
    session.mark_reviewed()
    assert on_disk(folder) == [] and session.review.state(0) == "reviewed"
    assert session.next_to_do() and session.frame_index == 1
    draw(session, 2, 2)
    session.mark_reviewed()
    assert on_disk(folder, "b") == [[2, 2]] and session.review.state(1) == "reviewed"
    assert session.next_to_do() and session.frame_index == 2
    sequence, label_of = session.sequence, session.saving.label_finder()
    assert sequence is not None and labelled_frames(session.review) == [0, 1]
    assert samples_of(sequence, [0, 1], label_of)[1].mask == folder / "masks" / "b.png"
    assert [sample.frame.stem for sample in samples_of(sequence, [1, 2], label_of)] == ["b"], "c has no file"
    session.mark_reviewed()
    assert not session.next_to_do()
    session.mark_reviewed(False)
    assert session.review.state(2) == "corrected"
    assert labelled_frames(session.review, only_reviewed=True) == [0, 1]
    assert labelled_frames(session.review, only_corrected=True) == labelled_frames(session.review) == [0, 1, 2]
    session.close_sequence()
    session.open([folder])
    assert [session.review.state(i) for i in range(3)] == ["reviewed", "reviewed", "corrected"]
    draw(session, 5, 5)
    session.save()
    assert session.review.state(0) == "corrected", "an edit is to be reviewed again"


def test_reviewing_does_not_rewrite_somebody_elses_mask(make_session: MakeSession, dataset: Path) -> None:
    path = dataset / "masks" / "Misc_1_pixels0.png"
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    session = make_session()
    session.open([dataset])
    session.mark_reviewed()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before and session.review.state(0) == "reviewed"
    session.mark_reviewed(False)
    assert session.review.state(0) == "new"


# ---- when saving fails --------------------------------------------------------------------------------------


def test_a_full_disk_costs_nothing(session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(session, 1, 1)
    session.save()
    posted: list[str] = []
    session.notices.posted.connect(lambda notice: posted.append(notice.key))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk_full)
        for x in range(2, 8):
            draw(session, x, 5)
            session.save_all()
        with pytest.raises(StorageError, match="disk is full"):
            session.save()
        session.step(1)
        assert session.frame_index == 1, "looking at other frames goes on"
        assert session.unsaved == ("a",) and on_disk(folder) == [[1, 1]]
        assert session.close_sequence() == ("a",) and session.sequence is not None
        session.step(-1)
        assert session.document.mask.sum() == 7 and not session.document.is_clean and session.document.can_undo
    assert sorted(posted) == ["journal", "save"], "one notice each, not one a stroke"
    session.save()
    assert not session.unsaved and len(on_disk(folder)) == 7
    draw(session, 0, 0)
    assert session.notices.current == ()


def test_a_label_changed_by_another_program_is_asked_about_once(session: Session, folder: Path) -> None:
    asked: list[str] = []
    session.conflict_found.connect(asked.append)
    draw(session, 1, 1)
    session.save()
    foreign = np.zeros(SHAPE, np.bool_)
    foreign[9, 9] = True
    write_mask(folder / "masks" / "a.png", foreign)
    draw(session, 2, 2)
    assert session.save_all() == ("a",) and session.save_all() == ("a",)
    session.step(1)
    session.step(-1)
    assert asked == ["a"] and on_disk(folder) == [[9, 9]]
    assert points(session.document.mask) == [[1, 1], [2, 2]]
    with pytest.raises(LabelConflict):
        session.save()
    session.save(overwrite=True)
    assert on_disk(folder) == [[1, 1], [2, 2]] and not session.unsaved
    assert points(read_mask(folder / "adsnet" / "originals" / "a.png")) == [[9, 9]]


def test_a_label_that_could_not_be_read_is_there_once_its_file_is_replaced(session: Session, folder: Path) -> None:
    (folder / "masks").mkdir(exist_ok=True)
    (folder / "masks" / "b.png").write_bytes(b"broken")
    session.go_to(1)
    assert not session.document.is_open and [one.key for one in session.notices.current] == ["label"]
    right = np.zeros(SHAPE, np.bool_)
    right[4, 4] = True
    write_mask(folder / "masks" / "b.png", right)
    session.check_disk()
    assert points(session.document.mask) == [[4, 4]] and session.notices.current == ()


def test_a_note_on_a_frame_is_there_while_it_is_shown(session: Session, folder: Path) -> None:
    Image.new("L", SHAPE[::-1]).save(folder / "z.jpg")
    whole = (folder / "z.jpg").read_bytes()
    (folder / "z.jpg").write_bytes(whole[:2] + b"\xff\xe1\0\7FLIR\0" + whole[2:])
    session.close_sequence()
    session.open([folder])
    assert session.sequence is not None
    session.go_to(len(session.sequence) - 1)
    assert [(n.key, "radiometric JPEG (FLIR)" in n.text) for n in session.notices.current] == [("note", True)]
    session.go_to(0)
    assert session.notices.current == ()


def test_taking_the_other_label_is_one_step(session: Session, folder: Path) -> None:
    draw(session, 1, 1)
    session.save()
    foreign = np.zeros(SHAPE, np.bool_)
    foreign[9, 9] = True
    write_mask(folder / "masks" / "a.png", foreign)
    draw(session, 2, 2)
    with pytest.raises(LabelConflict):
        session.save()
    session.saving.reload("a")
    assert points(session.document.mask) == [[9, 9]] and session.document.is_clean and not session.unsaved
    session.document.undo()
    assert points(session.document.mask) == [[1, 1], [2, 2]]
    session.save()
    assert on_disk(folder) == [[1, 1], [2, 2]]


def test_a_label_changed_while_another_frame_is_shown_is_read_again(session: Session, folder: Path) -> None:
    draw(session, 1, 1)
    session.step(1)
    foreign = np.zeros(SHAPE, np.bool_)
    foreign[9, 9] = True
    write_mask(folder / "masks" / "a.png", foreign)
    session.step(-1)
    assert points(session.document.mask) == [[9, 9]] and not session.document.can_undo
    assert [one.key for one in session.notices.current] == ["reread"]


def test_coming_back_to_the_window_looks_at_the_disk(session: Session, folder: Path) -> None:
    asked: list[str] = []
    session.conflict_found.connect(asked.append)
    draw(session, 1, 1)
    session.save()
    session.check_disk()
    assert session.notices.current == ()
    foreign = np.zeros(SHAPE, np.bool_)
    foreign[9, 9] = True
    write_mask(folder / "masks" / "a.png", foreign)
    session.check_disk()
    assert points(session.document.mask) == [[9, 9]] and asked == []
    draw(session, 2, 2)
    write_mask(folder / "masks" / "a.png", ~foreign)
    session.check_disk()
    assert asked == ["a"] and points(session.document.mask) == [[2, 2], [9, 9]]
    (folder / "masks" / "a.png").write_bytes(b"broken")
    session.document.undo()
    session.check_disk()
    assert points(session.document.mask) == [[9, 9]]


def test_a_second_window_cannot_open_the_same_labels(session: Session, make_session: MakeSession, folder: Path) -> None:
    second = make_session()
    second.open([folder])
    draw(session, 1, 1)
    draw(second, 2, 2)
    assert [one.key for one in second.notices.current] == ["journal"]
    assert second.save_all() == ("a",)
    third = make_session()
    with pytest.raises(StorageError, match="another window"):
        third.open([folder])
    session.close_sequence()
    third.open([folder])
    assert points(third.document.mask) == [[1, 1]]


def test_opening_the_same_folder_again_saves_first(session: Session, folder: Path) -> None:
    draw(session, 1, 1)
    session.open([folder])
    assert points(session.document.mask) == [[1, 1]] and on_disk(folder) == [[1, 1]]
    draw(session, 2, 2)
    session.save()


# ---- recovery -----------------------------------------------------------------------------------------------

CRASH = """
    import os, sys
    from pathlib import Path
    from PySide6.QtCore import QCoreApplication
    from app.imaging.raster import brush
    from app.state.session import Session
    from app.storage.settings import Settings
    application = QCoreApplication([])
    session = Session(Settings(autosave=False))
    session.open([Path(sys.argv[1])])
    for index, x in ((0, 1), (0, 2), (1, 3)):
        session.go_to(index)
        session.document.begin_stroke(True)
        session.document.paint(*brush(x, x, diameter=1, shape=session.document.shape))
        session.document.commit()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def crashed(folder: Path) -> Path:
    """The folder after a session was killed with edits of a and b that were not saved."""
    code = subprocess.run([sys.executable, "-c", textwrap.dedent(CRASH), str(folder)], check=False).returncode
    assert code == -9, "it ended before it was killed"
    assert not (folder / "masks").exists()
    return folder


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
def test_edits_of_a_killed_session_come_back(crashed: Path, make_session: MakeSession) -> None:
    session = make_session()
    session.open([crashed])
    assert [(one.stem, one.edits) for one in session.saving.pending] == [("a", 2), ("b", 1)]
    assert not session.document.mask.any(), "nothing comes back unasked"
    assert session.saving.recover() == 2 and not session.saving.pending
    assert points(session.document.mask) == [[1, 1], [2, 2]] and session.document.undo_text == "Recover"
    assert on_disk(crashed, "b") == [[3, 3]] and session.review.state(1) == "corrected"
    session.step(1)
    assert on_disk(crashed, "a") == [[1, 1], [2, 2]]
    session.close_sequence()
    session.open([crashed])
    assert not session.saving.pending


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
def test_recovery_can_wait_or_be_refused(crashed: Path, make_session: MakeSession) -> None:
    for _ in range(2):
        session = make_session()
        session.open([crashed])
        assert len(session.saving.pending) == 2
        session.close_sequence()
    session = make_session()
    session.open([crashed])
    draw(session, 7, 7)
    session.save()
    assert len(session.saving.pending) == 2, "saving something else does not lose them"
    assert session.saving.recover() == 2
    assert points(session.document.mask) == [[1, 1], [2, 2], [7, 7]]
    session.close_sequence()

    session.open([crashed])
    draw(session, 8, 8)
    session.close_sequence(discard=True)
    session.open([crashed])
    assert not session.saving.pending and [8, 8] not in points(session.document.mask)


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
def test_discarded_edits_are_gone(crashed: Path, make_session: MakeSession) -> None:
    session = make_session()
    session.open([crashed])
    session.saving.discard_pending()
    assert not session.saving.pending
    session.close_sequence()
    session.open([crashed])
    assert not session.saving.pending and not session.document.mask.any()


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
def test_edits_that_cannot_be_brought_back_stay(crashed: Path, make_session: MakeSession) -> None:
    (crashed / "masks").mkdir()
    write_mask(crashed / "masks" / "b.png", np.zeros((3, 3), np.bool_))
    session = make_session()
    session.open([crashed / "a.png"])
    assert session.saving.recover() == 1 and [one.stem for one in session.saving.pending] == ["b"]
    assert "open all of its folder" in session.notices.current[-1].text
    session.open([crashed])
    assert session.saving.recover() == 0 and "3×3" in session.notices.current[-1].text
    (crashed / "masks" / "b.png").unlink()
    session.open([crashed])
    assert session.saving.recover() == 1 and on_disk(crashed, "b") == [[3, 3]]


# ---- settings -----------------------------------------------------------------------------------------------


def test_settings_apply_at_once_and_survive(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    session.settings_changed.connect(lambda: told.append(1))
    wanted = dataclasses.replace(
        session.settings, brush_size=7, colour_map="ironbow", engine="dense", autosave=False, drop_stage2=0.75
    )
    session.set_settings(wanted)
    session.set_settings(wanted)
    assert told == [1] and session.display.brush_size == 7 and session.engine == "dense"
    assert session.sparsity == Sparsity(drop=(0.25, 0.75))
    assert load_settings()[0] == wanted
    by_threshold = dataclasses.replace(wanted, patches_by="threshold", keep_stage3=0.125)
    session.set_settings(by_threshold)
    assert session.sparsity == Sparsity(drop=(0.25, 0.75), threshold=(0.125, 0.5))
    assert load_settings()[0] == by_threshold
    monkeypatch.setattr(os, "fsync", disk_full)
    session.set_settings(dataclasses.replace(wanted, brush_size=9))
    assert session.display.brush_size == 9 and session.notices.current[-1].key == "settings"
