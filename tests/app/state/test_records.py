"""What is known of the labels of a sequence is read before it is opened, and is still right when it is."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

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
    opened = ready([folder])
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
    opened = ready([dataset])
    session.mark_reviewed()
    session._install(*opened, False)
    assert states(session) == [("new", True), ("new", True)]
