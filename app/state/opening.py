"""Opening a sequence without making the window wait."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal

from adsnet.errors import AdsnetError
from app.state.jobs import Jobs
from app.state.notices import Notices
from app.state.sequence import Sequence, open_sequence


class Opener(QObject):
    """Runs ``open_sequence`` in a thread; the last wish counts.

    Signals:
        opened(Sequence, bool): it is ready; and whether unsaved edits of the present one are not wanted. What
            cannot be opened is a notice with the key ``open``.
    """

    opened = Signal(object, bool)
    _answered = Signal(int, object)

    def __init__(self, jobs: Jobs, notices: Notices, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._notices = notices
        self._discard = False
        self._wish = 0
        self._job = 0
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)

    def open(self, paths: tuple[Path, ...], *, discard: bool) -> None:
        """Begin; an earlier wish is dropped. ``discard`` comes back with ``opened``."""
        self.drop()
        self._discard = discard
        name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        self._job = self._jobs.start("open", f"Opening {name}")
        # A daemon: a dead network share must not keep the program from ending.
        threading.Thread(target=self._run, args=(self._wish, paths), name="open", daemon=True).start()

    def drop(self) -> None:
        """Forget the wish, if any: something else is opened."""
        self._wish += 1
        self._jobs.finish(self._job)

    def _run(self, wish: int, paths: tuple[Path, ...]) -> None:
        result: Sequence | str = "The files could not be opened: see the log for what went wrong."
        try:
            result = open_sequence(paths)
        except AdsnetError as error:
            result = str(error)
        finally:
            with contextlib.suppress(RuntimeError):  # the window was closed meanwhile
                self._answered.emit(wish, result)

    def _on_answered(self, wish: int, result: object) -> None:
        if wish != self._wish:
            return
        self._jobs.finish(self._job)
        if isinstance(result, Sequence):
            self.opened.emit(result, self._discard)
        else:
            self._notices.error(str(result), key="open")
