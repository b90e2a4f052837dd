"""Where everything that nobody caught ends up: in the log file and in a notice. The window lives on."""

from __future__ import annotations

import faulthandler
import logging
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QSocketNotifier, Qt, QtMsgType, Signal, qInstallMessageHandler

from app.state.notices import Notices

LOGGER = logging.getLogger("adsnet-studio")
LOG_BYTES, LOG_FILES = 1_000_000, 5
# Said by Qt on platforms without a window manager; nothing a user could do about.
_HARMLESS = ("does not support propagateSizeHints", "This plugin does not support", "QFont::setPointSizeF")


def start_log(folder: Path) -> Path | None:
    """Log to a rotating file in ``folder``, or to stderr only where that cannot be written.

    Returns:
        the log file, or None.
    """
    LOGGER.setLevel(logging.INFO)
    for old in tuple(LOGGER.handlers):
        LOGGER.removeHandler(old)
        old.close()
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    path = folder / "adsnet-studio.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    except OSError as error:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(form)
        LOGGER.addHandler(handler)
        LOGGER.warning("no log file can be written in %s: %s", folder, error)
        return None
    handler.setFormatter(form)
    LOGGER.addHandler(handler)
    return path


class FailureNet(QObject):
    """Catches exceptions of slots, paint events and threads, and the messages of Qt.

    Call ``release`` to put back what was there before.
    """

    _caught = Signal(str, str)

    def __init__(self, notices: Notices, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        # Queued: an exception may come from any thread, a notice must be posted in this one.
        self._caught.connect(self._post, Qt.ConnectionType.QueuedConnection)
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._from_python
        threading.excepthook = self._from_thread
        self._qt_before = qInstallMessageHandler(self._from_qt)
        if sys.stderr is not None and not faulthandler.is_enabled():
            faulthandler.enable()

    def release(self) -> None:
        """Put the former hooks back."""
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(self._qt_before)

    def _from_python(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._record(kind, error, trace, "")

    def _from_thread(self, arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread is not None else "a thread"
        if arguments.exc_value is not None:
            self._record(arguments.exc_type, arguments.exc_value, arguments.exc_traceback, f" in {name}")

    def _record(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, where: str) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        LOGGER.error("not caught%s\n%s", where, details)
        text = f"Something went wrong{where} ({kind.__name__}); your labels are safe, the details are in the log."
        self._caught.emit(text, details)

    def _from_qt(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if any(part in text for part in _HARMLESS):
            return
        serious = kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg)
        LOGGER.log(logging.ERROR if serious else logging.WARNING, "Qt: %s", text)
        if serious:
            self._caught.emit("Qt reports a serious fault; the details are in the log.", text)

    def _post(self, text: str, details: str) -> None:
        self._notices.error(text, key="failure", details=details)


class TerminationWatch(QObject):
    """Turns SIGTERM and SIGINT into a call in the event loop, so that labels are saved before the end."""

    def __init__(self, on_signal: Callable[[], None], *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._on_signal = on_signal
        self._before: dict[int, object] = {}
        if threading.current_thread() is not threading.main_thread():
            return
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        # The interpreter only runs handlers between byte codes; the byte on the socket wakes Qt's event loop.
        self._old_wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, lambda *_: None)

    def release(self) -> None:
        """Put the former handlers back."""
        if not self._before:
            return
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()
        self._reader.close()
        self._writer.close()

    def _woken(self) -> None:
        try:
            self._reader.recv(64)
        except BlockingIOError:
            return
        self._on_signal()
