"""The small pieces that panels use: no echo, no flood, and nothing done for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.state.player import Player
from app.state.turns import Later

_PLAYING_MS = 100


@contextmanager
def quiet(*controls: QObject) -> Iterator[None]:
    """Set controls from the state without their signals coming back as wishes of the user."""
    before = [control.blockSignals(True) for control in controls]
    try:
        yield
    finally:
        for control, blocked in zip(controls, before, strict=True):
            control.blockSignals(blocked)


class Throttle(QObject):
    """Calls at most once an interval, the last wish always included.

    The first wish is carried out at once, so that a single click does not wait.
    """

    def __init__(self, action: Callable[[], None], *, interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._action = action
        self._wanted = False
        self._timer = QTimer(self, singleShot=True, interval=interval_ms)
        self._timer.timeout.connect(self._elapsed)

    def wish(self) -> None:
        """Ask for the action."""
        if self._timer.isActive():
            self._wanted = True
        else:
            self._timer.start()
            self._action()

    def flush(self) -> None:
        """Carry out a wish that is still waiting."""
        if self._wanted:
            self._timer.stop()
            self._elapsed()

    def _elapsed(self) -> None:
        if self._wanted:
            self._wanted = False
            self._timer.start()
            self._action()


class InPlay(Throttle):
    """Calls at once; ten times a second while the sequence is played: nobody reads faster, the canvas needs the time.

    Args:
        player: whether it plays.
        action: what is called.
    """

    def __init__(self, player: Player, action: Callable[[], None], *, parent: QObject) -> None:
        super().__init__(action, interval_ms=_PLAYING_MS, parent=parent)
        self._player = player

    def wish(self) -> None:
        """Ask for the action."""
        if self._player.playing:
            super().wish()
        else:
            self._wanted = False
            self._action()


class WhileSeen(QObject):
    """Calls a moment after one or many wishes, and only while a widget can be seen; else when it is seen next.

    A panel behind another tab counts as visible for Qt: it only lies beside the window. What tells is that nothing
    of it is painted.
    """

    def __init__(self, widget: QWidget, action: Callable[[], None]) -> None:
        super().__init__(widget)
        self._widget = widget
        self._action = action
        self._wanted = False
        self._later = Later(self._act, parent=self)
        widget.installEventFilter(self)

    def wish(self) -> None:
        """Ask for the action."""
        self._wanted = True
        if self._is_seen():
            self._later.wish()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """It is painted: somebody looks."""
        if self._wanted and event.type() == QEvent.Type.Paint:
            self._later.wish()
        return False

    def _act(self) -> None:
        if self._wanted and self._is_seen():
            self._wanted = False
            self._action()

    def _is_seen(self) -> bool:
        return not self._widget.visibleRegion().isEmpty()
