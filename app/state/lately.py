"""Remembers in the settings what was opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.storage.settings import with_recent

if TYPE_CHECKING:
    from app.state.session import Session

_LATER_MS = 200


class Lately(QObject):
    """A moment after a sequence is open, or when it is closed: to store the settings waits for the disk, and the
    window is busy enough then.

    Args:
        session: whose sequence and settings these are.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._source: Path | None = None
        self._later = QTimer(self, singleShot=True, interval=_LATER_MS)
        self._later.timeout.connect(self._remember)
        session.sequence_changed.connect(self._follow)

    def _follow(self) -> None:
        self._remember()
        sequence = self._session.sequence
        if sequence is not None:
            self._source = sequence.source
            self._later.start()

    def _remember(self) -> None:
        source, self._source = self._source, None
        self._later.stop()
        if source is not None:
            self._session.set_settings(with_recent(self._session.settings, source))
