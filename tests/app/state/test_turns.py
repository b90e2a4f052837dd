"""Answers of threads are taken in turns of their own."""

from __future__ import annotations

from functools import partial

import shiboken6
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from app.state.backstage import Backstage
from app.state.turns import Later, Turns


def test_a_timer_that_is_due_goes_between_any_two(qtbot: QtBot) -> None:
    done: list[str] = []
    parent = QObject()
    turns = Turns(parent)
    timer = QTimer(parent, interval=0)
    timer.timeout.connect(lambda: done.append("."))
    timer.start()
    for name in "abc":
        turns.take(partial(done.append, name), of=parent)
    qtbot.waitUntil(lambda: "c" in done)
    text = "".join(done)
    assert [name for name in text if name != "."] == ["a", "b", "c"]
    assert "ab" not in text and "bc" not in text


def test_what_fails_does_not_hold_up_the_next(qtbot: QtBot) -> None:
    done: list[str] = []
    parent = QObject()
    turns = Turns(parent)

    def fail() -> None:
        raise ValueError("of the test")

    turns.take(fail, of=parent)
    turns.take(lambda: done.append("next"), of=parent)
    with qtbot.captureExceptions() as failures:
        qtbot.waitUntil(lambda: bool(done))
    assert [kind for kind, _, _ in failures] == [ValueError]


def test_answers_keep_their_order(qtbot: QtBot) -> None:
    done: list[object] = []
    backstage = Backstage()
    backstage.finished.connect(done.append)
    for number in range(5):
        backstage.submit(partial(int, number))
    qtbot.waitUntil(lambda: len(done) == 5)
    assert done == [0, 1, 2, 3, 4]
    backstage.close()


def test_nothing_is_done_for_what_is_gone(qtbot: QtBot) -> None:
    done: list[str] = []
    parent = QObject()
    turns, gone, there = Turns(parent), QObject(), QObject()
    turns.take(lambda: done.append("gone"), of=gone)
    turns.take(lambda: done.append("there"), of=there)
    shiboken6.delete(gone)
    qtbot.waitUntil(lambda: bool(done))
    assert done == ["there"]


def test_wishes_are_carried_out_once_and_two_not_in_one_turn(qtbot: QtBot) -> None:
    done: list[str] = []
    parent = QObject()
    first, second = (Later(partial(done.append, name), parent=parent) for name in ("first", "second"))
    timer = QTimer(parent, interval=0)
    timer.timeout.connect(lambda: done.append("."))
    timer.start()
    for _ in range(3):
        first.wish()
        second.wish("what a signal says")
    assert not done
    qtbot.waitUntil(lambda: "second" in done)
    qtbot.wait(20)
    assert [name for name in done if name != "."] == ["first", "second"]
    assert "." in done[done.index("first") : done.index("second")]
