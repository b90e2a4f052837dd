"""Python's garbage collection, in the thread of the window only."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 250


def sweep() -> None:
    """Collect the oldest generation whose turn it is, by Python's own counts and thresholds."""
    due = [count > threshold > 0 for count, threshold in zip(gc.get_count(), gc.get_threshold(), strict=True)]
    for generation in (2, 1, 0):
        if due[generation]:
            gc.collect(generation)
            return


class GarbageCollector(QObject):
    """Takes the place of the automatic collection until ``stop``.

    Python collects in whichever thread happens to allocate, be it the one that reads frames ahead. A Qt object must be
    destroyed in its own thread: elsewhere its timer stays behind, and the next tick of it ends the program.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(sweep)
        self._timer.start()

    def stop(self) -> None:
        """Give collecting back to Python."""
        self._timer.stop()
        gc.enable()
