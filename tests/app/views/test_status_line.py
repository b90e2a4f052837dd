"""The status line says what is running, how far it is, and stops it."""

from __future__ import annotations

import numpy as np
import pytest

from app.actions.table import ACTIONS
from app.state.session import Session
from app.views.status_line import _STOPPED_BY
from app.views.window import MainWindow
from tests.waiting import pause


def test_a_job_is_shown_with_percent_time_and_stop(window: MainWindow, session: Session) -> None:
    line = window.status
    assert line.running.text() == "" and line.stop.isHidden()
    number = session.jobs.start("judge", "Judging all frames")
    assert line.running.text() == "Judging all frames" and line.stop.isVisible()
    session.jobs.progress(number, fraction=0.255, seconds_left=75)
    assert line.running.text() == "Judging all frames 26 % · 1 min 15 s left"
    short = session.jobs.start("predict", "Predicting")
    assert line.running.text() == "Judging all frames 26 % · 1 min 15 s left (+1)" and line.stop.isVisible()
    assert line.running.toolTip() == "Judging all frames\nPredicting"
    session.jobs.finish(number)
    assert line.running.text() == "Predicting" and line.stop.isHidden()
    session.jobs.finish(short)
    assert line.running.text() == "" and line.stop.isHidden()


@pytest.mark.parametrize("kind", sorted(_STOPPED_BY))
def test_stop_is_the_action_that_stops_this_job_while_that_can_be_used(
    window: MainWindow, session: Session, kind: str
) -> None:
    assert _STOPPED_BY[kind] in {spec.id for spec in ACTIONS}
    session.jobs.start(kind, "Something long")
    done: list[str] = []
    window.performed.connect(done.append)
    window.status.stop.click()
    assert done == [], "the action is not enabled: nothing of this kind runs"
    window.action_set[_STOPPED_BY[kind]].setEnabled(True)
    window.status.stop.click()
    assert done == [_STOPPED_BY[kind]]


def test_a_long_text_does_not_make_the_window_wider(window: MainWindow, session: Session) -> None:
    window.resize(1100, 740)
    number = session.jobs.start("judge", "Judging all frames of a sequence with a very long name " * 3)
    session.jobs.progress(number, fraction=0.5, seconds_left=1000)
    pause(20)
    assert window.width() == 1100


def test_what_was_written_last_is_said(window: MainWindow, session: Session) -> None:
    def said() -> str:
        return window.status.saved.text().rstrip("0123456789:")

    assert said() == "no changes"
    session.mark_reviewed()
    assert said() == "reviewed "
    session.mark_reviewed(False)
    assert said() == "not reviewed "
    session.mark_reviewed()  # now it has a label file, and only the state is written
    assert said() == "reviewed "
    session.document.apply_region("Dot", (3, 3, 1, 1), np.ones((1, 1), np.bool_))
    assert said() == "not saved yet"
    session.save()
    assert said() == "saved "
