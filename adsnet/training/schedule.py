"""The optimiser, its learning rate as a function of the iteration, and averages of weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from adsnet.config import TrainConfig
from adsnet.training.muon import KernelsByMuon, kernels_and_others


def make_optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer | KernelsByMuon:
    """The optimiser of a run, with weight decay on convolution kernels only."""
    if config.optimiser == "muon":
        return KernelsByMuon(network, config.learning_rate, config.weight_decay)
    kernels, others = kernels_and_others(network)
    groups = [{"params": kernels, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def learning_rate(config: TrainConfig, iteration: int) -> float:
    """The learning rate of step ``iteration`` (from 0).

    All schedules warm up linearly. ``constant`` then stays; ``onecycle`` follows a cosine to zero; ``steps`` drops
    tenfold at 60 % and 80 % of the iterations (the paper: 30,000 and 40,000 of 50,000).
    """
    warmup = max(1, round(config.warmup * config.iterations))
    if iteration < warmup:
        return config.learning_rate * (iteration + 1) / warmup
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "steps":
        drops = (iteration >= 0.6 * config.iterations) + (iteration >= 0.8 * config.iterations)
        return float(config.learning_rate * 0.1**drops)
    progress = (iteration - warmup) / max(1, config.iterations - warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, config: TrainConfig, iteration: int) -> None:
    """Move ``average`` towards ``network`` after step ``iteration`` (from 0).

    An exponential average, whose decay grows from 0.1 so that early steps are forgotten; from ``average_from`` on the
    plain mean of the steps since then. Buffers (the running statistics of batch normalisation) are copied.
    """
    plain = iteration - _first_averaged(config)
    weight = 1 / (plain + 1) if plain >= 0 else 1 - min(config.ema, (1 + iteration) / (10 + iteration))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), weight)
    for kept, current in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(current)


def averages_plainly(config: TrainConfig, iterations: int) -> bool:
    """Whether the average after so many steps is the plain mean of the last of them."""
    return iterations > _first_averaged(config)


def _first_averaged(config: TrainConfig) -> int:
    return int(config.average_from * config.iterations)  # of any share below 1 the last step is averaged


@contextmanager
def renewed_statistics(network: nn.Module) -> Iterator[None]:
    """Batch normalisation forgets its running statistics; they become the means over the batches of the block."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    try:
        yield
    finally:
        network.eval()
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@torch.no_grad()
def blend(trained: nn.Module, start: nn.Module, share: float) -> None:
    """Make every weight of ``trained`` and every running statistic ``share`` of itself and the rest that of ``start``.

    WiSE-FT (Wortsman et al. 2022): networks of which one was trained further from the other can be averaged.
    """
    kept, before = ([*network.parameters(), *network.buffers()] for network in (trained, start))
    for value, old in zip(kept, before, strict=True):
        if value.is_floating_point():
            value.lerp_(old.to(value), 1 - share)
