"""Saves a moment after an edit, once for a burst of edits."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

RETRY_MS = 30_000


class Autosave(QObject):
    """A timer that calls ``save`` at most ``delay_ms`` after the first edit since the last save.

    Args:
        save: saves what is unsaved; returns whether all of it is saved now and must not raise.
        delay_ms: from the first edit to the save. Further edits do not postpone it.
        retry_ms: until the next attempt after one that failed; an edit comes first.
    """

    def __init__(
        self, save: Callable[[], bool], *, delay_ms: int, retry_ms: int = RETRY_MS, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._save = save
        self._retry_ms = retry_ms
        self.enabled = True
        self.delay_ms = delay_ms
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._run)

    @property
    def waiting(self) -> bool:
        """Whether a save is due."""
        return self._timer.isActive()

    def touch(self) -> None:
        """Something was edited."""
        if self.enabled and not (self._timer.isActive() and self._timer.remainingTime() <= self.delay_ms):
            self._timer.start(self.delay_ms)

    def cancel(self) -> None:
        """Forget the save that is due."""
        self._timer.stop()

    def _run(self) -> None:
        if not self._save() and self.enabled:
            self._timer.start(self._retry_ms)
