"""The two small pieces that every two-way control uses: no echo, and no flood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QObject, QTimer


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
