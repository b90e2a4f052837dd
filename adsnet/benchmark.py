"""Timings that can be compared: everything of one frame size in turn, round after round, so that ratios hold on a
machine whose speed drifts.

Networks get the same synthetic frame, already normalised and padded, and are timed from there to the logits. ADSNet's
normalisations are folded into its convolutions, as everywhere in the program. A rival network runs in the type and
memory order that is fastest for it here, once as it was written (``module``) and once folded likewise (``folded``).
"""

from __future__ import annotations

import copy
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adsnet.config import Normalisation, Sparsity
from adsnet.detectors.networks import RIVALS, folded, gflop
from adsnet.errors import ConfigError, EngineError
from adsnet.model.fused import fused
from adsnet.model.laps import Laps
from adsnet.model.layers import channels_last
from adsnet.model.network import STRIDE, ADSNet
from adsnet.model.work import computed_shares, stage_work, work_per_pixel
from adsnet.normalise import normalise, pad_to_multiple
from adsnet.precision import DTYPES
from adsnet.predictor import Predictor
from adsnet.sparse.choose import choose_engine, has_fast_bf16
from adsnet.sparse.costs import processor
from adsnet.targets import find_targets

DETECTORS = ("adsnet", *RIVALS)
DROPS = ((0.25, 0.5), (0.9, 0.97))
ROUNDS = 25
VARIANT_ROUNDS = 4
SECONDS_PER_SIZE = 40.0
"""Fewer rounds, but at least five, are run where they would take longer."""

LEAST_SIDE, MOST_SIDE = 16, 4096
PEAK_SIDE = 2048
SLIDER_SIDE = 512


@dataclass
class Case:
    """One thing that is timed.

    Attributes:
        run: the timed call.
        laps: a call that times its stages, for ADSNet.
        work: operations by stage.
        seconds: what was measured.
    """

    detector: str
    engine: str
    dtype: str
    size: int
    drop: tuple[float, float] | None
    run: Callable[[], object]
    laps: Callable[[], dict[str, float]] | None = None
    work: dict[str, tuple[float, float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)


def machine(device: torch.device) -> dict[str, Any]:
    """The machine and the best speed of its matrix product, GFLOP/s by type."""
    dtypes = ["fp32", "bf16"] if has_fast_bf16(device) else ["fp32"]
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "torch": torch.__version__,
        "device": str(device),
        "peak_gflops": {name: _peak(DTYPES[name], device) for name in dtypes},
    }


def run(
    predictor: Predictor,
    *,
    sizes: Sequence[int],
    rival_sizes: Sequence[int],
    detectors: Sequence[str],
    engines: Sequence[str],
    drops: Sequence[tuple[float, float]],
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Time everything; the result is the JSON of ``adsnet benchmark``.

    Raises:
        ConfigError: an unknown detector.
    """
    unknown = sorted(set(detectors) - set(DETECTORS))
    for size in (*sizes, *rival_sizes):
        if not LEAST_SIDE <= size <= MOST_SIDE:
            raise ConfigError(f"the size {size} is not between {LEAST_SIDE} and {MOST_SIDE}")
    if unknown:
        raise ConfigError(f"unknown detector '{unknown[0]}'; use one of {', '.join(DETECTORS)}")
    device = predictor.device
    progress("peak of the matrix product")
    found = machine(device)
    peak, measured = found["peak_gflops"], list[Case]()
    for size in sorted({*sizes, *rival_sizes}):
        cases: list[Case] = []
        if "adsnet" in detectors and size in sizes:
            cases += _adsnet_cases(predictor, size, engines, drops, list(peak))
        if size in rival_sizes:
            progress(f"{size}²: the best type and memory order of every network")
            cases += [case for name in detectors if name in RIVALS for case in _rival_cases(name, size, device)]
        _measure(cases, device, lambda text, size=size: progress(f"{size}²: {text}"))  # type: ignore[misc]
        measured += cases
        # Again and again: on a machine that others share, one moment says little about the peak.
        peak.update({name: max(best, _peak(DTYPES[name], device)) for name, best in peak.items()})
    result = {"machine": found, "rows": [_row(case, peak, device) for case in measured]}
    if "adsnet" in detectors:
        progress("sliders")
        result["sliders"] = _sliders(predictor)
    return result


def _adsnet_cases(
    predictor: Predictor,
    size: int,
    engines: Sequence[str],
    drops: Sequence[tuple[float, float]],
    dtypes: Sequence[str],
) -> Iterator[Case]:
    device = predictor.device
    for dtype in dtypes:
        network = fused(predictor.original, DTYPES[dtype]).to(device)
        frame = _frame(size, STRIDE, predictor.card.normalisation).to(device, DTYPES[dtype])
        for name in engines:
            if name == "spconv" and (dtype != "fp32" or not _usable(name, device)):
                continue
            for drop in drops:
                yield _adsnet_case(network, frame, name, dtype, size, drop)


def _adsnet_case(network: ADSNet, frame: Tensor, name: str, dtype: str, size: int, drop: tuple[float, float]) -> Case:
    engine, sparsity = choose_engine(name, frame.device, DTYPES[dtype]), Sparsity(drop)

    def forward() -> object:
        with torch.inference_mode():
            return network.decode(network.encode(frame), sparsity, engine)

    def laps() -> dict[str, float]:
        lap = Laps(frame.device)
        with torch.inference_mode():
            network.decode(network.encode(frame, lap=lap), sparsity, engine, lap=lap)
        return lap.seconds

    with torch.inference_mode():
        decisions = network.decode(network.encode(frame), sparsity, engine).stages
    height, width = frame.shape[2:]
    shares = computed_shares(height, width, decisions, engine)
    work = stage_work(work_per_pixel(network), height, width, shares)
    pairs = {stage: (one.dense, one.done) for stage, one in work.items()}
    return Case("adsnet", name, dtype, size, drop, forward, laps, pairs)


def _rival_cases(name: str, size: int, device: torch.device) -> list[Case]:
    """The network as it was written and with folded normalisations, each in its fastest type and memory order."""
    rival = RIVALS[name]
    frame = _frame(size, rival.stride, Normalisation()).to(device)
    made = rival.make().eval().to(device)
    work = gflop(made, int(frame.shape[-1]))
    cases = []
    for engine, network in (("module", made), ("folded", folded(made))):
        variants = {
            (dtype, order): _forward(_copy(network, DTYPES[dtype], order), frame, DTYPES[dtype], order)
            for dtype in (("fp32", "bf16") if has_fast_bf16(device) else ("fp32",))
            for order in (torch.contiguous_format, torch.channels_last)
        }
        seconds = {key: [_seconds(call, device)] for key, call in variants.items()}
        for _ in range(VARIANT_ROUNDS):
            for key, call in variants.items():
                seconds[key].append(_seconds(call, device))
        best = min(seconds, key=lambda key: min(seconds[key]))
        cases.append(Case(name, engine, best[0], size, None, variants[best], work={"network": (work, work)}))
    return cases


def _copy(network: nn.Module, dtype: torch.dtype, order: torch.memory_format) -> nn.Module:
    return copy.deepcopy(network).to(dtype=dtype).to(memory_format=order)  # type: ignore[call-overload, no-any-return]


def _forward(network: nn.Module, frame: Tensor, dtype: torch.dtype, order: torch.memory_format) -> Callable[[], object]:
    x = frame.to(dtype)
    x = channels_last(x) if order == torch.channels_last else x

    def forward() -> object:
        with torch.inference_mode():
            return network(x)

    return forward


def _measure(cases: list[Case], device: torch.device, progress: Callable[[str], None]) -> None:
    """All cases in turn, round after round, each right behind a run that is not timed; then the stages in turn."""
    if not cases:
        return
    for case in cases:
        case.run()
    once = sum(_seconds(case.run, device) for case in cases)
    rounds = int(min(ROUNDS, max(5, SECONDS_PER_SIZE / (2.7 * once))))
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for case in cases:
            case.run()  # what the case before left in the caches is not the matter of this one
            case.seconds.append(_seconds(case.run, device))
    for _ in range(max(3, rounds // 3)):
        for case in cases:
            for stage, seconds in (case.laps() if case.laps else {}).items():
                case.stages.setdefault(stage, []).append(seconds)


def _row(case: Case, peak: dict[str, float], device: torch.device) -> dict[str, Any]:
    quartiles = np.percentile(case.seconds, [25, 50, 75]) * 1e3
    stages = {}
    for name, (dense, done) in case.work.items():
        seconds = statistics.median(case.stages.get(name) or [quartiles[1] / 1e3])
        stages[name] = {
            "ms": round(seconds * 1e3, 4),
            "gflop": round(done, 5),
            "gflop_dense": round(dense, 5),
            "of_peak": round(done / seconds / peak[case.dtype], 3),
        }
    return {
        "detector": case.detector,
        "engine": case.engine,
        "dtype": case.dtype,
        "size": case.size,
        "drop": list(case.drop) if case.drop else None,
        "ms_median": round(float(quartiles[1]), 3),
        "ms_p25": round(float(quartiles[0]), 3),
        "ms_p75": round(float(quartiles[2]), 3),
        "gflop_dense": round(sum(dense for dense, _ in case.work.values()), 4),
        "gflop_done": round(sum(done for _, done in case.work.values()), 4),
        "peak_mb": round(_peak_bytes(case.run, device) / 2**20, 1),
        "stages": stages,
    }


def _sliders(predictor: Predictor) -> dict[str, Any]:
    """Milliseconds from a slider to its picture at 512²: what the worker or the window computes for it."""
    side = SLIDER_SIDE
    prediction = predictor.predict(_scene(side), Sparsity((0.25, 0.5)))
    steps = [0.5 + 0.02 * k for k in range(20)]
    return {
        "size": side,
        "dtype": str(predictor.dtype).removeprefix("torch."),
        "threshold_ms": _median_ms(
            [lambda t=t: find_targets(prediction.probability > t, probability=prediction.probability) for t in steps]  # type: ignore[misc]
        ),
        "drop_stage2_ms": _median_ms([lambda t=t: predictor.predict_again(Sparsity((0.25, t))) for t in steps]),  # type: ignore[misc]
        "drop_both_ms": _median_ms([lambda t=t: predictor.predict_again(Sparsity((t / 2, t))) for t in steps]),  # type: ignore[misc]
        "drop_both_sparse_ms": _median_ms(
            [lambda t=t: predictor.predict_again(Sparsity((1.15 - t / 2, 0.97))) for t in steps]  # type: ignore[misc]
        ),
    }


def _median_ms(calls: Sequence[Callable[[], object]]) -> float:
    calls[0]()
    return round(statistics.median(_seconds(call, torch.device("cpu")) for call in calls) * 1e3, 3)


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _peak(dtype: torch.dtype, device: torch.device) -> float:
    a, b = (torch.rand(PEAK_SIDE, PEAK_SIDE, device=device).to(dtype) for _ in range(2))
    a @ b
    return round(2 * PEAK_SIDE**3 / min(_seconds(lambda: a @ b, device) for _ in range(8)) / 1e9, 1)


def _peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """The most memory that torch holds at once during the call, without the weights."""
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return int(torch.cuda.max_memory_allocated(device)) - before
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        call()
    held = most = 0
    for event in recorded.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def _usable(engine: str, device: torch.device) -> bool:
    try:
        choose_engine(engine, device)
    except EngineError:
        return False
    return True


def _scene(side: int) -> NDArray[np.uint16]:
    """A smooth 16-bit scene with noise and a target every 64 pixels or so."""
    random = np.random.default_rng(side)
    y, x = np.mgrid[:side, :side]
    scene = 8000 + 400 * np.sin(x / 37) * np.cos(y / 53) + random.normal(0, 25, (side, side))
    for row, column in random.integers(4, side - 4, (max(1, side // 64), 2)):
        scene += 1500 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 3.0)
    return np.asarray(scene, np.uint16)


def _frame(side: int, stride: int, how: Normalisation) -> Tensor:
    return torch.from_numpy(pad_to_multiple(normalise(_scene(side), how), stride))[None, None]
