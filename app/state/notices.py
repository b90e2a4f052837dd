"""What the user is told: one sentence each, at most one of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal

Level = Literal["info", "warn", "error"]


@dataclass(frozen=True)
class Notice:
    """One sentence for the user.

    Attributes:
        level: ``info``, ``warn`` or ``error``.
        key: a notice of the same key takes its place; "" stands alone.
        text: what happened, with which file, and what to do.
        details: a traceback or the end of a log, shown on demand; "" without.
    """

    level: Level
    key: str
    text: str
    details: str = ""


class Notices(QObject):
    """The notices that hold at present.

    Signals:
        posted(Notice): a new one, or another one of the same key.
        withdrawn(str): the notice of this key no longer holds.
    """

    posted = Signal(object)
    withdrawn = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current: dict[str, Notice] = {}

    @property
    def current(self) -> tuple[Notice, ...]:
        """The notices with a key that were not withdrawn, oldest first."""
        return tuple(self._current.values())

    def info(self, text: str, *, key: str = "", details: str = "") -> None:
        """Tell something that needs no action."""
        self._post(Notice("info", key, text, details))

    def warn(self, text: str, *, key: str = "", details: str = "") -> None:
        """Tell something that may need action."""
        self._post(Notice("warn", key, text, details))

    def error(self, text: str, *, key: str = "", details: str = "") -> None:
        """Tell that something did not work."""
        self._post(Notice("error", key, text, details))

    def keep(self, key: str, text: str) -> None:
        """Tell ``text`` as long as it holds; nothing any more when it is empty."""
        if text:
            self.info(text, key=key)
        else:
            self.withdraw(key)

    def _post(self, notice: Notice) -> None:
        # A failure that repeats itself, say a full disk, is told once and not at every attempt.
        if notice.key and self._current.get(notice.key) == notice:
            return
        if notice.key:
            self._current.pop(notice.key, None)
            self._current[notice.key] = notice
        self.posted.emit(notice)

    def withdraw(self, key: str) -> None:
        """The notice of this key no longer holds; without one nothing happens."""
        if self._current.pop(key, None) is not None:
            self.withdrawn.emit(key)
