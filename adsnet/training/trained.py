"""What is trained: how a network of either kind is made, applied in a step, and what its loss is.

All of them share data, crops, the loss of the mask, optimiser, weight average, checkpoints and evaluation; here is what
differs.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from adsnet.config import TrainConfig
from adsnet.detectors.networks import RIVALS, supervised
from adsnet.model.network import ADSNet
from adsnet.sparse.gather import GatherEngine
from adsnet.training.crops import Batch
from adsnet.training.losses import Mean, mask_loss, total_loss


class Trained(Protocol):
    """A kind of network that is trained."""

    def output(self, network: nn.Module, batch: Batch) -> Any:
        """The forward pass of a step. ``network``: the network, or what wraps it for several processes."""

    def terms(self, output: Any, labels: Tensor, mean: Mean) -> dict[str, Tensor]:
        """The terms of the loss by name, "total" among them, of what ``output`` gave."""

    def make(self) -> nn.Module:
        """An untrained network."""


def trained_of(config: TrainConfig) -> Trained:
    """What the configuration trains."""
    return TrainedAdsnet(config) if config.detector == "adsnet" else TrainedRival(config)


class TrainedAdsnet:
    """ADSNet: all terms of eq. (7) and our additions."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._fine_engine = GatherEngine() if config.fine_engine == "gather" else None

    def make(self) -> nn.Module:
        """See ``Trained``."""
        return ADSNet(self._config.model)

    def output(self, network: nn.Module, batch: Batch) -> Any:
        """See ``Trained``."""
        return network(batch.frames, fine_engine=self._fine_engine, noise=batch.noise)

    def terms(self, output: Any, labels: Tensor, mean: Mean) -> dict[str, Tensor]:
        """See ``Trained``."""
        return total_loss(output, labels, self._config.loss, mean)


class TrainedRival:
    """A rival network: the terms of the mask, averaged over the maps that it supervises."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config

    def make(self) -> nn.Module:
        """See ``Trained``."""
        return RIVALS[self._config.detector].make()

    def output(self, network: nn.Module, batch: Batch) -> Any:
        """See ``Trained``."""
        return supervised(network(batch.frames))

    def terms(self, output: Any, labels: Tensor, mean: Mean) -> dict[str, Tensor]:
        """See ``Trained``."""
        return mask_loss(output, labels, self._config.loss, mean)


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Let what a network draws in a step, its dropout, follow from the step alone: a resumed run draws the same."""
    torch.manual_seed(int(np.random.SeedSequence([seed, iteration, rank]).generate_state(1)[0]))
