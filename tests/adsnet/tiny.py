"""Networks, frames and data sets small enough for tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from adsnet.config import DENSE, LossConfig, ModelConfig, Normalisation, TrainConfig
from adsnet.model.network import ADSNet
from adsnet.model_file import ModelCard

TINY = ModelConfig(stem_width=12, backbone_width=12, width=8, cascade_widths=(4, 4))
TINY_TRAINING = TrainConfig(
    model=TINY,
    iterations=6,
    batch=2,
    crop=32,
    optimiser="sgd",
    precision="fp32",
    checkpoint_every=2,
    learning_rate=1e-3,
)


def tiny(**changes: Any) -> ModelConfig:
    """``TINY`` with changes."""
    return ModelConfig(**{**vars(TINY), **changes})


def tiny_card(config: ModelConfig = TINY, **fields: Any) -> ModelCard:
    """A card for ``lively_network(config)``."""
    return ModelCard(**{"name": "tiny", "model": config, "normalisation": Normalisation(), **fields})


@cache
def lively_network(config: ModelConfig = TINY, seed: int = 0) -> ADSNet:
    """An untrained network in evaluation mode whose decisions and masks vary from place to place.

    Batch norms get statistics from noise and random scales; decision and output layers get weights that spread their
    values around the thresholds. Shared: do not train it.
    """
    torch.manual_seed(seed)
    network = ADSNet(config)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.5
            nn.init.uniform_(layer.weight, 0.6, 1.4)
            nn.init.uniform_(layer.bias, -0.2, 0.2)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 1, 64, 64))
        network.eval()
        for heads in (network.heads4, network.heads3):
            nn.init.normal_(heads.decide.weight, std=0.5)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.1
        logit = network.head.logit
        assert isinstance(logit, nn.Conv2d) and logit.bias is not None
        values = network(torch.randn(1, 1, 64, 64), DENSE).logits
        scale = float(3 / values.std())
        logit.weight *= scale
        logit.bias.copy_((logit.bias - values.median()) * scale)
    return network


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Normal noise of its own seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_frame(height: int, width: int, *, seed: int, dtype: Any = np.uint8) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """A frame with one bright blob of 3×3 pixels on noise, and its mask."""
    random = np.random.default_rng(seed)
    pixels = random.normal(90.0, 6.0, (height, width))
    row, column = int(random.integers(3, height - 3)), int(random.integers(3, width - 3))
    mask = np.zeros((height, width), np.bool_)
    mask[row - 1 : row + 2, column - 1 : column + 2] = True
    pixels[mask] += 110
    return pixels.clip(0, 255).astype(dtype), mask


def write_set(root: Path, *, count: int, height: int = 40, width: int = 56, seed: int = 0) -> Path:
    """Write ``count`` labelled frames ``f00.png`` … as a data set and return ``root``."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for index in range(count):
        pixels, mask = make_frame(height, width, seed=seed + index)
        Image.fromarray(pixels).save(root / "images" / f"f{index:02d}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / "masks" / f"f{index:02d}.png")
    return root


def quick(**changes: Any) -> TrainConfig:
    """``TINY_TRAINING`` with changes."""
    return TrainConfig(**{**vars(TINY_TRAINING), **changes})


NO_EXTRAS = LossConfig(soft_iou=0, classification=0, iou_score=0, ratio=0, coverage=0, found=0)
