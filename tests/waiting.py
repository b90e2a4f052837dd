"""Waiting while the window works."""

from __future__ import annotations

from PySide6.QtCore import QEventLoop, QTimer


def pause(milliseconds: int) -> None:
    """Let the event loop run. ``QTest.qWait`` keeps the interpreter while it sleeps: threads would hardly get on."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
