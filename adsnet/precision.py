"""Which number type the network computes in, and whether it is exact enough for a model on this machine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from adsnet.config import PRECISIONS, Normalisation, Sparsity
from adsnet.detectors.networks import for_inference
from adsnet.errors import EngineError
from adsnet.model.fused import fused
from adsnet.model.network import ADSNet
from adsnet.normalise import normalise
from adsnet.sparse.choose import has_fast_bf16
from adsnet.sparse.dense import DenseEngine

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

GUARD_FRAMES = 8
GUARD_SIDE = 128
"""Eight frames of 8×8 patches: one patch more or less is a tenth of what is allowed."""
GUARD_PATCHES = 0.02
"""Largest share of patches that the narrow type may decide otherwise."""
GUARD_PROBABILITY = 0.02
"""Largest mean difference of the probability over the pixels that either type calls likely (above 0.1)."""


class Precision(NamedTuple):
    """The chosen type, and one sentence where it is not the fast one that the machine has."""

    dtype: torch.dtype
    note: str = ""


def choose_precision(name: str, network: nn.Module, normalisation: Normalisation, device: torch.device) -> Precision:
    """``auto`` is the fast narrow type of the device if it passes the guard with this network, else float32.

    The guard compares both types on small synthetic frames. A type that is asked for by name is taken without it.

    Raises:
        EngineError: an unknown name, or a type that the device does not compute in.
    """
    if name not in PRECISIONS:
        raise EngineError(f"unknown precision '{name}'; use one of {', '.join(PRECISIONS)}")
    if name == "fp16" and device.type != "cuda":
        raise EngineError("fp16 is for GPUs only; use --precision bf16 or fp32")
    if name != "auto":
        return Precision(DTYPES[name])
    narrow = torch.bfloat16 if has_fast_bf16(device) else torch.float16 if device.type == "cuda" else None
    if narrow is None:
        return Precision(torch.float32)
    reason = _guard(network, normalisation, device, narrow)
    short = next(key for key, dtype in DTYPES.items() if dtype == narrow)
    return Precision(torch.float32, f"{short} is not used with this model: {reason}") if reason else Precision(narrow)


def _guard(network: nn.Module, normalisation: Normalisation, device: torch.device, narrow: torch.dtype) -> str:
    """Why the narrow type cannot be trusted, or nothing."""
    scenes = [_scene(seed) * normalisation.std + normalisation.mean for seed in range(GUARD_FRAMES)]
    frames = np.stack([normalise(scene, normalisation) for scene in scenes])[:, None]
    exact, rounded = (_outputs(network, torch.from_numpy(frames), device, dtype) for dtype in (torch.float32, narrow))
    probability = [torch.sigmoid(output.logits.float()) for output in (exact, rounded)]
    if not all(bool(torch.isfinite(p).all()) for p in probability):
        return "its numbers overflow"
    moved = max([float((a != b).float().mean()) for a, b in zip(exact.keeps, rounded.keeps, strict=True)], default=0.0)
    if moved > GUARD_PATCHES:
        return f"it decides {moved:.0%} of the patches otherwise"
    likely = (probability[0] > 0.1) | (probability[1] > 0.1)
    difference = float((probability[0] - probability[1]).abs()[likely].mean()) if bool(likely.any()) else 0.0
    return f"its probabilities differ by {difference:.2f}" if difference > GUARD_PROBABILITY else ""


class _Outputs(NamedTuple):
    """What is compared: the logits and, of ADSNet, the decisions."""

    logits: torch.Tensor
    keeps: tuple[torch.Tensor, ...] = ()


def _outputs(network: nn.Module, frames: torch.Tensor, device: torch.device, dtype: torch.dtype) -> _Outputs:
    if not isinstance(network, ADSNet):
        return _Outputs(for_inference(network, dtype, device)(frames))
    with torch.inference_mode():
        made = fused(network, dtype).to(device)
        output = made.decode(made.encode(frames.to(device, dtype)), Sparsity(), DenseEngine())
    return _Outputs(output.logits, (output.stages[4].keep, output.stages[3].keep))


def _scene(seed: int) -> NDArray[np.float32]:
    """A smooth background with noise and small targets of several strengths, of about unit deviation."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:GUARD_SIDE, :GUARD_SIDE].astype(np.float32)
    waves = sum(
        np.sin(x * random.uniform(0.01, 0.08) + y * random.uniform(0.01, 0.08) + random.uniform(0, 6)) for _ in range(4)
    )
    scene = 0.7 * waves + random.normal(0, 0.1, x.shape)
    for strength in (1.0, 2.5, 6.0):
        row, column = random.uniform(8, GUARD_SIDE - 8, 2)
        scene += strength * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * random.uniform(0.7, 2.0) ** 2))
    return np.asarray(scene, np.float32)
