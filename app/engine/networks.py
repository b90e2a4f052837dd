"""The processes of several networks, one each, started at the first need."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, SignalInstance

from adsnet.config import Sparsity
from adsnet.messages import JobFailed, Predicted
from app.engine.client import WorkerClient
from app.engine.retired import Retired


@dataclass(eq=False)
class _Network:
    client: WorkerClient
    load: int
    slots: list[tuple[SignalInstance, Callable[..., None]]]


def comparing_client(threads: int | None) -> WorkerClient:
    """The worker of a network that is compared; one that dies is not started again."""
    return WorkerClient(name="the process of a compared network", threads=threads, restarts=False)


class Networks(QObject):
    """Predicts with networks by name, whatever kind of network the worker makes of their model files.

    Signals:
        predicted(str, object): the name, and the message ``Predicted``.
        failed(str, str): this frame could not be predicted; why.
        lost(str, str): the model could not be loaded, or the process died: it is gone. Why.
    """

    predicted = Signal(str, object)
    failed = Signal(str, str)
    lost = Signal(str, str)

    def __init__(self, client_factory: Callable[[int | None], WorkerClient], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_client = client_factory
        self._networks: dict[str, _Network] = {}
        self._retired = Retired(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that have a process."""
        return tuple(self._networks)

    def predict(
        self,
        name: str,
        model: Path,
        number: int,
        frame: str,
        pixels: NDArray[Any],
        sparsity: Sparsity,
        engine: str,
        *,
        device: str,
        threads: int | None,
    ) -> None:
        """Ask for one prediction, which ends in one of the signals.

        Args:
            name, model: which network, and its file, for the case that its process has to be started.
            number: comes back as the generation.
            frame, pixels, sparsity, engine: as in ``WorkerClient.predict``.
            device, threads: for a new process.
        """
        if name not in self._networks:
            client = self._make_client(threads)
            slots: list[tuple[SignalInstance, Callable[..., None]]] = [
                (client.predicted, partial(self._on_predicted, name)),
                (client.failed, partial(self._on_failed, name)),
                (client.gave_up, partial(self._on_lost, name)),
                (client.crashed, partial(self._on_lost, name)),
            ]
            for signal, slot in slots:
                signal.connect(slot)
            client.start()
            self._networks[name] = _Network(client, client.load_model(os.fspath(model), device), slots)
        self._networks[name].client.predict(number, frame, pixels, sparsity, engine)

    def dismiss(self, *names: str) -> None:
        """End the processes of these networks; what they still say is not heard."""
        for name in names:
            network = self._networks.pop(name, None)
            if network is not None:
                for signal, slot in network.slots:
                    signal.disconnect(slot)
                self._retired.take(network.client)

    def wait_shutdown(self, milliseconds: int) -> None:
        """Wait until the processes are gone."""
        self._retired.wait_shutdown(milliseconds)

    def _on_predicted(self, name: str, message: Predicted) -> None:
        self.predicted.emit(name, message)

    def _on_failed(self, name: str, message: JobFailed) -> None:
        network = self._networks[name]
        if not network.client.is_ready or message.job == network.load:
            self._on_lost(name, message.text)
        else:
            self.failed.emit(name, message.text)

    def _on_lost(self, name: str, text: str) -> None:
        self.dismiss(name)
        self.lost.emit(name, text)
