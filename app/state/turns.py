"""Work in turns of its own of the event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Turns(QObject):
    """Does one thing after another, each in a turn of its own.

    Posted events are carried out in one go, with those that are posted meanwhile and with the painting that follows
    from them: the answer of a thread that comes while the window works makes it work on, and no key is looked at.
    Timers have their turn after that. (``QTimer.singleShot`` of no time is a posted event.)
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._next)

    def take(self, action: Callable[[], None]) -> None:
        """Do something in the next turn that is free."""
        self._waiting.append(action)
        self._timer.start()

    def _next(self) -> None:
        action = self._waiting.popleft()
        if self._waiting:
            self._timer.start()
        action()
