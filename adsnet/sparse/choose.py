"""Which engine and which device to use, and whether they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from adsnet.config import ENGINES
from adsnet.errors import EngineError
from adsnet.model.acs import Activation
from adsnet.sparse.auto import AutoEngine
from adsnet.sparse.contract import Engine
from adsnet.sparse.costs import CostTable
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine

TOLERANCE = 1e-4
SELF_TEST_ROUNDS = 3


@dataclass(frozen=True)
class SelfTest:
    """Whether an engine gives the numbers of the dense one on this machine, and one sentence about it."""

    engine: str
    passed: bool
    text: str


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where torch can use it, else the CPU. Raises EngineError for ``cuda`` without one."""
    if name == "cpu":
        return torch.device("cpu")
    if name not in ("auto", "cuda"):
        raise EngineError(f"unknown device '{name}'; use auto, cpu or cuda")
    if cuda_works():
        return torch.device("cuda")
    if name == "cuda":
        raise EngineError("no usable CUDA device was found; use --device cpu, or check the driver with 'adsnet doctor'")
    return torch.device("cpu")


@cache
def cuda_works() -> bool:
    """Whether a tensor can really be put on the GPU; a driver that is too old fails only then."""
    try:
        return torch.cuda.is_available() and bool((torch.zeros(1, device="cuda") + 1).item() == 1)
    except RuntimeError:
        return False


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 here: in hardware on the CPU, or any CUDA device that supports it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def choose_engine(name: str, device: torch.device, dtype: torch.dtype = torch.float32) -> Engine:
    """The engine by name, for maps of ``dtype`` on ``device``.

    Raises:
        EngineError: unknown, not installed, or it failed its self-test.
    """
    if name == "auto":
        return _auto(device, dtype)
    if name not in _MAKERS:
        raise EngineError(f"unknown engine '{name}'; use one of {', '.join(ENGINES)}")
    if name == "spconv":
        test = self_test(name, device.type)
        if not test.passed:
            raise EngineError(f"the spconv engine cannot be used: {test.text}; use --engine auto")
    return _MAKERS[name]()


@cache
def _auto(device: torch.device, dtype: torch.dtype) -> Engine:
    """One for each device and type, so that costs are read once. On a CPU spconv is no candidate: it has one thread."""
    engines: list[Engine] = [DenseEngine(), GatherEngine()]
    if device.type == "cuda" and self_test("spconv", "cuda").passed:
        engines.append(_spconv())
    return AutoEngine(engines, CostTable(engines, device, dtype))


@cache
def self_test(name: str, device: str = "cpu") -> SelfTest:
    """Compare one engine with the dense one on small random input, several times because faults can be random."""
    try:
        engine = _MAKERS[name]()
    except EngineError as error:
        return SelfTest(name, False, str(error))
    try:
        deviations = [_deviation(engine, seed, torch.device(device)) for seed in range(SELF_TEST_ROUNDS)]
    except (RuntimeError, AssertionError, LookupError, ValueError, TypeError, AttributeError, ImportError) as error:
        return SelfTest(name, False, f"it fails on this machine ({(str(error) or repr(error)).splitlines()[0]})")
    worst = math.nan if any(map(math.isnan, deviations)) else max(deviations)  # max would pass over NaN
    if not worst <= TOLERANCE:
        return SelfTest(name, False, f"its values differ from the dense ones by {worst:.1e}")
    return SelfTest(name, True, f"differs from dense by at most {worst:.0e}")


def _deviation(engine: Engine, seed: int, device: torch.device) -> float:
    """Largest difference to the dense engine of one activation at a random mask."""
    generator = torch.Generator().manual_seed(seed)
    activation = Activation(16).eval().to(device)
    with torch.inference_mode():
        for kernel in (p for p in activation.parameters() if p.dim() == 4):
            scale = math.sqrt(2 / kernel[0].numel())
            kernel.copy_(torch.randn(kernel.shape, generator=generator).to(device) * scale)
        x = torch.randn(1, 16, 24, 20, generator=generator).to(device)
        keep = (torch.rand(1, 1, 24, 20, generator=generator) < 0.4).float().to(device)
        return float((_run(activation, engine, x, keep) - _run(activation, DenseEngine(), x, keep)).abs().max())


def _run(activation: Activation, engine: Engine, x: Tensor, keep: Tensor) -> Tensor:
    sites = engine.sites(engine.patches(keep), *x.shape[2:])
    return engine.scatter(activation(engine.take(x, sites), engine, sites), sites)


@cache
def _spconv() -> Engine:
    from adsnet.sparse.spconv import SpconvEngine  # the optional wheel is imported only when it is asked for

    return SpconvEngine()


_MAKERS: dict[str, Callable[[], Engine]] = {
    "dense": DenseEngine,
    "gather": GatherEngine,
    "spconv": _spconv,
}
