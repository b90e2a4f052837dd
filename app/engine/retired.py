"""Workers whose work is done, kept until their processes have ended."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.engine.client import WorkerClient


class Retired(QObject):
    """Ends the workers that are given to it and lets go of each when its process is gone."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ending: list[WorkerClient] = []

    def take(self, client: WorkerClient) -> None:
        """End the process of a worker that nobody uses any more."""
        client.shutdown()
        if client.is_running:
            self._ending.append(client)
            client.state_changed.connect(self._sweep)
        else:
            client.deleteLater()

    def wait_shutdown(self, milliseconds: int) -> bool:
        """Wait for the processes to end; returns whether they are gone. For the end of the program."""
        return all([client.wait_shutdown(milliseconds) for client in self._ending])

    def _sweep(self) -> None:
        for client in [one for one in self._ending if not one.is_running]:
            self._ending.remove(client)
            client.deleteLater()
