"""Reads the frame that comes next before it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.state.frames import FrameCache

if TYPE_CHECKING:
    from app.state.session import Session


class ReadAhead(QObject):
    """Has the next frame read in the direction of the last step.

    Not before the present one is painted, which it would hold up; at once while the sequence is played.

    Args:
        session: whose frames these are.
        frames: where they are kept.
    """

    def __init__(self, session: Session, frames: FrameCache) -> None:
        super().__init__(session)
        self._session, self._frames = session, frames
        self._index, self._by = -1, 1
        self._later = QTimer(self, singleShot=True, interval=0)  # timers have their turn after painting
        self._later.timeout.connect(self._read)
        session.sequence_changed.connect(self._start)
        session.frame_changed.connect(self._follow)

    def _start(self) -> None:
        self._index, self._by = -1, 1

    def _follow(self) -> None:
        index = self._session.frame_index
        self._by = 1 if index >= self._index else -1
        self._index = index
        if self._session.player.playing:
            self._read()
        else:
            self._later.start()

    def _read(self) -> None:
        sequence = self._session.sequence
        if sequence is not None and self._session.destination == self._index:  # else another one is waited for
            self._frames.ahead(sequence, self._index + self._by)
