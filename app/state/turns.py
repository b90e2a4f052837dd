"""Work in turns of its own of the event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer


class Turns(QObject):
    """Does one thing after another, each in a turn of its own.

    Posted events are carried out in one go, with those that are posted meanwhile and with the painting that follows
    from them: the answer of a thread that comes while the window works makes it work on, and no key is looked at.
    Timers have their turn after that. (``QTimer.singleShot`` of no time is a posted event.)
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: deque[tuple[Callable[[], None], QObject]] = deque()
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._next)

    @staticmethod
    def of_the_window() -> Turns:
        """The turns that all parts of the window share, so that no two of them work in the same one."""
        application = QCoreApplication.instance()
        assert application is not None, "there is no event loop yet"
        found = application.findChild(Turns, "turns", Qt.FindChildOption.FindDirectChildrenOnly)
        if isinstance(found, Turns):
            return found
        turns = Turns(application)
        turns.setObjectName("turns")
        return turns

    def take(self, action: Callable[[], None], *, of: QObject) -> None:
        """Do something in the next turn that is free, unless the object that it is for is gone by then."""
        self._waiting.append((action, of))
        self._timer.start()

    def _next(self) -> None:
        action, of = self._waiting.popleft()
        if self._waiting:
            self._timer.start()
        if shiboken6.isValid(of):
            action()


class Later(QObject):
    """Calls once after one or many wishes, in a turn of its own; never once its parent is gone."""

    def __init__(self, action: Callable[[], None], *, parent: QObject) -> None:
        super().__init__(parent)
        self._action = action
        self._wanted = False
        self._turns = Turns.of_the_window()

    def wish(self, *_: object) -> None:
        """Ask for the action; what a signal says beside that it was emitted is left alone."""
        if not self._wanted:
            self._wanted = True
            self._turns.take(self._act, of=self)

    def _act(self) -> None:
        self._wanted = False
        self._action()
