"""Python's garbage collection, in the thread of the window only."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

INTERVAL_MS = 250
LATER_MS = 1000


def sweep() -> None:
    """Collect the oldest generation whose turn it is, by Python's own counts and thresholds.

    What survives a look at everything is not looked at again, until ``sweep_all``: mostly it lives as long as the
    program, and a look at a hundred thousand objects stops the window for 40 ms.
    """
    due = [count > threshold > 0 for count, threshold in zip(gc.get_count(), gc.get_threshold(), strict=True)]
    for generation in (2, 1, 0):
        if due[generation]:
            gc.collect(generation)
            if generation == 2:
                gc.freeze()
            return


def sweep_all() -> None:
    """Look at everything; for moments in which nobody works with the window."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _look_at_all_when_left(state: Qt.ApplicationState) -> None:
    if state != Qt.ApplicationState.ApplicationActive:
        sweep_all()


def let_go_later(*kept: object) -> None:
    """Keep objects for a moment more: to free the names of a hundred thousand frames stops the window for 7 ms, which
    are not felt unless they are added to those of opening something else.
    """
    QTimer.singleShot(LATER_MS, lambda: kept)


class GarbageCollector(QObject):
    """Takes the place of the automatic collection until ``stop``.

    Python collects in whichever thread happens to allocate, be it the one that reads frames ahead. A Qt object must be
    destroyed in its own thread: elsewhere its timer stays behind, and the next tick of it ends the program.

    What there is at the beginning, the window with all its panels, is left out like what survives a look later.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        gc.freeze()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(sweep)
        self._timer.start()
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        self._application = application
        application.applicationStateChanged.connect(_look_at_all_when_left)

    def stop(self) -> None:
        """Give collecting back to Python."""
        self._timer.stop()
        self._application.applicationStateChanged.disconnect(_look_at_all_when_left)
        gc.unfreeze()
        gc.enable()
