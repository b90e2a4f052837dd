"""What nobody caught: it is logged, told in a notice, and the program goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer, qWarning
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.failures import LOGGER, FailureNet, start_log
from app.state.notices import Notices


@pytest.fixture
def notices(qapp: QApplication) -> Notices:
    return Notices()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = start_log(tmp_path / "logs")
    assert path is not None
    yield path
    for handler in tuple(LOGGER.handlers):
        LOGGER.removeHandler(handler)
        handler.close()


@pytest.fixture
def net(notices: Notices, log: Path) -> Iterator[FailureNet]:
    made = FailureNet(notices)
    yield made
    made.release()


def _raise() -> None:
    raise RuntimeError("broken on purpose")


@pytest.mark.usefixtures("net")
def test_an_exception_in_a_slot_becomes_a_notice_and_a_log_entry(notices: Notices, log: Path, qtbot: QtBot) -> None:
    QTimer.singleShot(0, _raise)
    qtbot.waitUntil(lambda: len(notices.current) == 1)
    notice = notices.current[0]
    assert notice.level == "error" and "RuntimeError" in notice.text and "broken on purpose" in notice.details
    assert "broken on purpose" in log.read_text()


@pytest.mark.usefixtures("net")
def test_an_exception_in_a_thread_arrives_in_the_main_thread(notices: Notices, qtbot: QtBot) -> None:
    seen: list[str] = []
    notices.posted.connect(lambda notice: seen.append(threading.current_thread().name))
    thread = threading.Thread(target=_raise, name="reader")
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: seen == ["MainThread"])
    assert "reader" in notices.current[0].text


@pytest.mark.usefixtures("net")
def test_messages_of_qt_go_to_the_log(log: Path, notices: Notices) -> None:
    qWarning("a message of Qt")
    qWarning("This plugin does not support propagateSizeHints()")
    text = log.read_text()
    assert "a message of Qt" in text and "propagateSizeHints" not in text and notices.current == ()


def test_release_puts_the_former_hooks_back(notices: Notices) -> None:
    before = (sys.excepthook, threading.excepthook)
    FailureNet(notices).release()
    assert (sys.excepthook, threading.excepthook) == before


def test_a_log_that_cannot_be_written_does_not_stop_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert start_log(blocked / "logs") is None
    assert "no log file" in capsys.readouterr().err
    for handler in tuple(LOGGER.handlers):
        LOGGER.removeHandler(handler)


def test_the_net_lives_as_long_as_its_parent(notices: Notices) -> None:
    parent = QObject()
    net = FailureNet(notices, parent=parent)
    net.release()
    assert net.parent() is parent
