"""Where the time of a forward pass goes, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

Lap = Callable[[str], None]
"""Called with the name of a stage when it is computed."""


def no_lap(name: str) -> None:
    """Time nothing."""


class Laps:
    """Seconds by stage. Waiting for the device makes the figures true and the whole a little slower."""

    def __init__(self, device: torch.device) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device
        self._last = self._now()

    def __call__(self, name: str) -> None:
        now = self._now()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
