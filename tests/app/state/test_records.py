"""What is known of the labels of a sequence is read before it is opened, and is still right when it is."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QLockFile
from pytestqt.qtbot import QtBot

from adsnet.errors import StorageError
from app.state.lock import RootLock, RootLocks
from app.state.opening import ready
from app.state.session import Session
from app.storage.labels import LabelStore

ONE = np.ones((1, 1), np.bool_)


def states(session: Session) -> list[tuple[str, bool]]:
    return [(session.review.state(i), session.review.has_label(i)) for i in range(len(session.review))]


def test_reviews_are_read_in_the_thread_that_opens(
    session: Session, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.go_to(1)
    session.mark_reviewed()
    session.close_sequence()
    read_in: list[int] = []
    read = LabelStore.states

    def noting(store: LabelStore) -> dict[str, str]:
        read_in.append(threading.get_ident())
        return read(store)

    monkeypatch.setattr(LabelStore, "states", noting)
    with qtbot.waitSignal(session.frame_changed):
        session.open_later([folder])
    assert len(read_in) == 1 and read_in[0] != threading.get_ident()
    assert states(session) == [("new", False), ("reviewed", True), ("new", False)]


def test_what_is_written_while_the_same_folder_is_read_is_known(session: Session, folder: Path) -> None:
    session.go_to(0)
    session.mark_reviewed()
    opened = ready([folder], session.saving.locks)
    session.mark_reviewed(False)
    session.go_to(1)
    session.mark_reviewed()
    session.go_to(2)
    session.document.apply_region("Draw", (3, 4, 1, 1), ONE)  # saved when the sequence is closed
    session._install(*opened, False)
    assert states(session) == [("corrected", True), ("reviewed", True), ("corrected", True)]
    session.go_to(2)
    assert np.argwhere(session.document.mask).tolist() == [[4, 3]]


def test_another_folder_is_as_it_was_read(session: Session, dataset: Path) -> None:
    opened = ready([dataset], session.saving.locks)
    session.mark_reviewed()
    session._install(*opened, False)
    assert states(session) == [("new", True), ("new", True)]


def test_labels_are_locked_in_the_thread_that_opens(
    session: Session, folder: Path, dataset: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.go_to(1)
    session.mark_reviewed()  # the folder has a lock from now on
    with qtbot.waitSignal(session.frame_changed):
        session.open_later([dataset])
    taken_in: list[int] = []
    take = QLockFile.tryLock

    def noting(lock: QLockFile, timeout: int) -> bool:
        taken_in.append(threading.get_ident())
        return take(lock, timeout)

    monkeypatch.setattr(QLockFile, "tryLock", noting)
    with qtbot.waitSignal(session.frame_changed):
        session.open_later([folder])
    assert len(taken_in) == 1 and taken_in[0] != threading.get_ident()
    with pytest.raises(StorageError, match="open in another window"):
        RootLocks().of(folder).acquire()


def test_labels_that_are_opened_again_stay_locked(session: Session, folder: Path) -> None:
    session.mark_reviewed()
    session.open([folder])
    with pytest.raises(StorageError, match="open in another window"):
        RootLocks().of(folder).acquire()
    session.close_sequence()
    free = RootLocks().of(folder)
    free.acquire()
    free.release()


@pytest.mark.parametrize("end", ["dropped", "refused"])
def test_labels_that_are_not_opened_after_all_are_let_go(
    session: Session, folder: Path, dataset: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    (dataset / "adsnet").mkdir()
    released: list[RootLock] = []
    release = RootLock.release

    def noting(lock: RootLock) -> None:
        with pytest.raises(StorageError, match="open in another window"):
            RootLocks().of(lock.root).acquire()
        release(lock)
        released.append(lock)

    monkeypatch.setattr(RootLock, "release", noting)
    session.set_settings(replace(session.settings, autosave=False))
    session.document.apply_region("Draw", (3, 4, 1, 1), ONE)
    session.open_later([dataset])
    if end == "dropped":
        session.opener.drop()
    qtbot.waitUntil(lambda: bool(released))
    monkeypatch.undo()
    assert [lock.root for lock in released] == [dataset]
    assert session.sequence is not None and session.sequence.root == folder
    assert [notice.key for notice in session.notices.current] == (["open"] if end == "refused" else [])
    free = RootLocks().of(dataset)
    free.acquire()
    free.release()
