"""How much arithmetic each stage of ADSNet is: all of it, and what is done when patches are dropped.

A multiplication and an addition count as two operations. Interpolation, pooling and activation functions are left
out: they are under one per cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import nn

from adsnet.model.acs import StageOutput
from adsnet.model.fused import FusedConv
from adsnet.model.heads import CascadeHead
from adsnet.model.network import ADSNet
from adsnet.sparse.auto import AutoEngine
from adsnet.sparse.contract import Engine


class Work(NamedTuple):
    """GFLOP of one stage for one frame."""

    dense: float
    done: float


SPARSE_STAGES = {"stage 3": 8, "stage 2": 4, "stride 2": 2, "stride 1": 1}
"""The stages that are computed in kept patches only, and their strides."""


class PerPixel(NamedTuple):
    """GFLOP of one stage for one pixel of the frame: of what is always computed and of what only in kept patches."""

    always: float
    kept: float


def work_per_pixel(network: ADSNet) -> dict[str, PerPixel]:
    """What ``stage_work`` needs of a network, once, for every stage that ``encode`` and ``decode`` name to ``lap``."""
    backbone, afd, head = network.backbone, network.afd, network.head

    def work(modules: Iterable[nn.Module], stride: int) -> float:
        return 2.0 * sum(map(_weights, modules)) / stride**2 / 1e9

    aggregate = [afd.aggregate] if afd.aggregate else []
    stages = {
        "stem": PerPixel(work([backbone.stem], 2), 0.0),
        "B2": PerPixel(work([backbone.stage2], 4), 0.0),
        "B3": PerPixel(work([backbone.stage3], 8), 0.0),
        "B4": PerPixel(work([backbone.stage4], 16), 0.0),
        "AFD": PerPixel(work(aggregate, 8) + sum(work([afd.stages[str(s)]], 2**s) for s in (2, 3, 4)), 0.0),
        "stage 4": PerPixel(work([network.dense_activation], 16), 0.0),
        "decision 3": PerPixel(work([network.heads4], 16), 0.0),
        "stage 3": PerPixel(0.0, work([network.sparse_activation3], 8)),
        "decision 2": PerPixel(work([network.heads3], 8), 0.0),
        "stage 2": PerPixel(0.0, work([network.sparse_activation2], 4)),
    }
    if isinstance(head, CascadeHead):
        half = [head.lateral_half, *head.refine_half, head.reduce_full]
        full = [head.lateral_full, *head.refine_full, head.logit]
        stages["stride 2"] = PerPixel(work([head.reduce_half], 4), work(half, 2))
        stages["stride 1"] = PerPixel(0.0, work(full, 1))
    else:
        stages["head"] = PerPixel(work([head], 4), 0.0)
    return stages


def stage_work(
    per_pixel: Mapping[str, PerPixel], height: int, width: int, kept: Mapping[str, float]
) -> dict[str, Work]:
    """The work of every stage, in the order of ``work_per_pixel``.

    ``height``, ``width``: of the padded frame. ``kept``: for the sparse stages the fraction of their sites that is
    computed, 1 where it is missing: a dense engine computes them all.
    """
    pixels = height * width
    return {
        stage: Work((always + sparse) * pixels, (always + sparse * kept.get(stage, 1.0)) * pixels)
        for stage, (always, sparse) in per_pixel.items()
    }


def computed_shares(height: int, width: int, stages: Mapping[int, StageOutput], engine: Engine) -> dict[str, float]:
    """For ``stage_work``: the share of its sites that the engine computed in each sparse stage of a padded frame.

    ``stages``: the decisions of the pass that the engine did last; of a batch the mean over its frames counts.
    """
    shares: dict[str, float] = {}
    for stage, stride in SPARSE_STAGES.items():
        used = engine.chosen.get((height // stride, width // stride)) if isinstance(engine, AutoEngine) else engine.name
        kept = float(stages[4 if stage == "stage 3" else 3].keep.float().mean())
        shares[stage] = 1.0 if used == "dense" else kept
    return shares


def _weights(module: nn.Module) -> int:
    """Kernel weights of all convolutions in the module: multiplications for each site."""
    return sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, nn.Conv2d | FusedConv))
