"""What a 3×3 convolution costs each engine on this machine: measured once, kept in the cache folder.

The cost of a call is taken to be fixed + per_site · sites, where the dense engine computes all sites of a map and the
others those that are kept. Measured for each number of channels, type and device.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from adsnet.errors import StorageError
from adsnet.model.fused import FusedConv
from adsnet.model.layers import ConvBnRelu
from adsnet.sparse.contract import Engine
from adsnet.storage.atomic import read_json, write_json
from adsnet.storage.folders import cache_folder

FILE = "engine-costs.json"
FORMAT = "adsnet-engine-costs-1"
REPETITIONS = 12
SECONDS = 0.15
"""Of measuring one map, after which it is not repeated any more."""

SMALL_SIDE, LARGE_SIDE = 32, 256
"""Sides of the two square maps that are measured; a line through both is the cost."""

LARGE_OPERATIONS = 1.5e9
"""Of the large map at most, however many channels there are: fewer sites tell as much."""

PATCHES = (1, 2, 4, 8, 16)
"""Sides of patches that are told apart: the ring of a small one is most of the work."""

PLAUSIBLE = 1e-3
"""Seconds of a call without work. More means that another program kept the processors: such figures are not kept."""


class Cost(NamedTuple):
    """Seconds of one convolution: fixed + per_site · sites."""

    fixed: float
    per_site: float

    def seconds(self, sites: float) -> float:
        """The cost for a number of sites."""
        return self.fixed + self.per_site * sites


Costs = dict[str, Cost]
"""By the name of the engine."""

Measure = Callable[[int, int], Costs]
"""The costs of all engines for a number of channels and a side of the patches."""


class CostTable:
    """Costs of several engines on one device in one type, read from the cache folder or measured when first asked."""

    def __init__(self, engines: list[Engine], device: torch.device, dtype: torch.dtype) -> None:
        self._engines, self._device, self._dtype = engines, device, dtype
        self._known: dict[tuple[int, int], Costs] = {}

    def __call__(self, channels: int, patch: int) -> Costs:
        """The costs for convolutions from ``channels`` to ``channels`` on patches of about ``patch`` sites a side."""
        patch = max((side for side in PATCHES if side <= patch), default=1)
        if (channels, patch) not in self._known:
            key = self._key(channels, patch)
            stored = _read().get(key)
            costs = _costs_of(stored, [engine.name for engine in self._engines])
            if costs is None:
                costs = {e.name: measure(e, channels, patch, self._device, self._dtype) for e in self._engines}
                if all(cost.fixed < PLAUSIBLE and cost.per_site > 0 for cost in costs.values()):
                    _remember(key, costs)
            self._known[channels, patch] = costs
        return self._known[channels, patch]

    def _key(self, channels: int, patch: int) -> str:
        """What the figures hold for."""
        cpu = f"{platform.machine()} {processor()} {torch.get_num_threads()} threads"
        device = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else cpu
        dtype = str(self._dtype).removeprefix("torch.")
        return f"{device} | torch {torch.__version__} | {dtype} | {channels} channels | patches of {patch}"


def measure(engine: Engine, channels: int, patch: int, device: torch.device, dtype: torch.dtype) -> Cost:
    """Time one engine on two maps of which a quarter of the patches is kept."""
    layer = FusedConv.of(ConvBnRelu(channels, channels).eval()).to(device, dtype)
    points = []
    large = int((LARGE_OPERATIONS / 18) ** 0.5 / channels) // 16 * 16
    for side in (SMALL_SIDE, min(LARGE_SIDE, max(2 * SMALL_SIDE, large))):
        keep = torch.zeros(1, 1, side // patch, side // patch, device=device)
        keep[:, :, ::2, ::2] = 1
        x = torch.zeros(1, channels, side, side, device=device, dtype=dtype).to(memory_format=torch.channels_last)
        computed = side * side if engine.name == "dense" else side * side // 4
        with torch.inference_mode():
            sites = engine.sites(engine.patches(keep), side, side)
            values = engine.take(x, sites)
            points.append((computed, _least_seconds(lambda: engine.convolve(values, layer, sites), device)))  # noqa: B023
    (few, quick), (many, slow) = points
    per_site = max(0.0, (slow - quick) / (many - few))
    return Cost(max(0.0, quick - per_site * few), per_site)


def _least_seconds(call: Callable[[], object], device: torch.device) -> float:
    seconds: list[float] = []
    while len(seconds) < REPETITIONS and sum(seconds) < SECONDS:
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)  # anything else that runs can only add


def processor() -> str:
    """The name of the CPU where the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} x{os.cpu_count()}"
    return f"{platform.processor()} x{os.cpu_count()}"


def _read() -> dict[str, Any]:
    """The stored figures; none where the file is missing or not ours. They are only worth a second of measuring."""
    with contextlib.suppress(StorageError):
        stored = read_json(cache_folder() / FILE)
        if isinstance(stored, dict) and stored.get("format") == FORMAT and isinstance(stored.get("costs"), dict):
            return dict(stored["costs"])
    return {}


def _remember(key: str, costs: Costs) -> None:
    with contextlib.suppress(StorageError):
        write_json(cache_folder() / FILE, {"format": FORMAT, "costs": {**_read(), key: costs}})


def _costs_of(stored: object, engines: list[str]) -> Costs | None:
    """Stored figures of all the engines, or None."""
    if not isinstance(stored, dict) or set(stored) != set(engines):
        return None
    try:
        costs = {name: Cost(*(float(value) for value in pair)) for name, pair in stored.items()}
    except (TypeError, ValueError, ArithmeticError):
        return None
    return costs if all(value >= 0 for cost in costs.values() for value in cost) else None
