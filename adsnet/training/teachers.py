"""Trained models that a network learns from beside the labels: knowledge distillation (Hinton et al. 2015).

Several models, each asked about a frame in several mirrorings, find more and mistake less than any of them. A network
that is trained to answer as their mean does, also on frames that have no label, gets some of that at its own cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adsnet.config import Sparsity, TrainConfig
from adsnet.errors import TrainingError
from adsnet.model.weights import load_network
from adsnet.training.crops import Batch

_EVERYTHING = Sparsity(drop=(0.0, 0.0))


class Teachers:
    """One teacher is asked in each step, about crops turned in one of eight ways; over the steps it is their mean."""

    def __init__(self, models: Sequence[Path], config: TrainConfig, device: torch.device) -> None:
        """Read the models of the network ADSNet.

        Raises:
            TrainingError: a teacher takes other input than the network that is trained.
            ModelFileError: as ``load_network``.
        """
        self._seed = config.seed
        self._networks = []
        for path in models:
            network, card = load_network(path)
            if card.normalisation != config.normalisation:
                raise TrainingError(f"{path}: takes other input than the model to train; leave it out of the teachers")
            self._networks.append(network.eval().to(device, memory_format=torch.channels_last))  # type: ignore[call-overload]

    @torch.no_grad()
    def mask(self, batch: Batch, iteration: int) -> Tensor:
        """The probabilities of a teacher, (B + M, 1, S, S) float32, in step ``iteration``."""
        random = np.random.default_rng([self._seed, iteration])
        network = self._networks[random.integers(len(self._networks))]
        turns, flip = int(random.integers(4)), bool(random.integers(2))
        where = batch.fixed[:, None, None, None]
        seen = torch.where(where, batch.frames, _turned(batch.frames, turns, flip))
        taught = torch.sigmoid(network(seen, _EVERYTHING).logits.float())
        return torch.where(where, taught, _turned_back(taught, turns, flip))


def _turned(frames: Tensor, turns: int, flip: bool) -> Tensor:
    turned = torch.rot90(frames, turns, (2, 3))
    return turned.flip(3) if flip else turned


def _turned_back(frames: Tensor, turns: int, flip: bool) -> Tensor:
    return torch.rot90(frames.flip(3) if flip else frames, -turns, (2, 3))
