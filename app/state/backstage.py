"""One thread behind the window for work that would hold it up: reading files, counting targets."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.state.turns import Turns


class Backstage(QObject):
    """Runs functions one after the other and reports each result in the thread of the window, in a turn of its own.

    Signals:
        finished(object): what a function returned.
    """

    finished = Signal(object)
    _done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turns = Turns.of_the_window()
        self._done.connect(self._report, Qt.ConnectionType.QueuedConnection)

    def submit(self, task: Callable[[], Any]) -> None:
        """Run a function that raises nothing."""
        self._tasks.put(task)
        if self._thread is None:
            # A daemon: a file on a dead network share must not keep the program from ending.
            self._thread = threading.Thread(target=self._work, name="backstage", daemon=True)
            self._thread.start()

    @property
    def waiting(self) -> int:
        """How many functions have not begun."""
        return self._tasks.qsize()

    def close(self) -> None:
        """End the thread once it has done what was submitted; nothing can be submitted afterwards."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                result = task()
            except Exception:  # noqa: BLE001  the end of the thread would end all that follows without a word
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
                continue
            with contextlib.suppress(RuntimeError):  # whoever asked was closed meanwhile
                self._done.emit(result)

    def _report(self, result: Any) -> None:
        self._turns.take(lambda: self.finished.emit(result), of=self)
