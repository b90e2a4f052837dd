"""From the last activation to per-pixel logits: three heads.

The paper does not state the output resolution. ``bilinear`` is what it draws: logits at stride 4, enlarged. A
stride-4 map cannot outline a target of a few pixels, so ``shuffle`` and ``cascade`` are offered.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import ModelConfig
from adsnet.model.acs import PRIOR_LOGIT
from adsnet.model.laps import Lap, no_lap
from adsnet.model.layers import ConvBnRelu, Convolution
from adsnet.model.strips import head_halo, strips
from adsnet.sparse.contract import Engine, Patches

DROPPED_LOGIT = -12.0
"""The logit of pixels that were not looked at: p = 6e-6.

It must be far below the prior of 0.01. Most pixels are dropped, and a hundredth of each would outweigh the few target
pixels in the union of the soft IoU.
"""


class BilinearHead(nn.Module):
    """1×1 convolution to one logit at stride 4, bilinear ×4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.logit = logit_layer(width, 1)

    def forward(self, a2: Tensor) -> Tensor:
        """(B, C, H/4, W/4) to (B, 1, H, W)."""
        return F.interpolate(self.logit(a2), scale_factor=4, mode="bilinear", align_corners=False)


class ShuffleHead(nn.Module):
    """1×1 convolution to 16 logits at stride 4, rearranged to 4×4 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.logit = logit_layer(width, 16)

    def forward(self, a2: Tensor) -> Tensor:
        """(B, C, H/4, W/4) to (B, 1, H, W)."""
        return F.pixel_shuffle(self.logit(a2), 4)


class CascadeHead(nn.Module):
    """The paper's cascade continued: a light stage at stride 2 and one at stride 1, inside the kept patches only.

    Dropped patches were not looked at; their logit is the constant ``DROPPED_LOGIT``.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half, full = self.channels = config.cascade_widths
        self.halo = head_halo(config.cascade_blocks)
        self.reduce_half = ConvBnRelu(config.width, half, 1)
        self.lateral_half = ConvBnRelu(config.stem_width, half, 1)
        self.refine_half = _layers(half, config.cascade_blocks[0])
        self.reduce_full = ConvBnRelu(half, full, 1)
        self.lateral_full = ConvBnRelu(1, full, 3)
        self.refine_full = _layers(full, config.cascade_blocks[1])
        self.logit = logit_layer(full, 1)

    def forward(
        self,
        a2: Tensor,
        stem: Tensor,
        frame: Tensor,
        keep: Tensor,
        patches: Patches,
        engine: Engine,
        *,
        pixels: int,
        lap: Lap = no_lap,
    ) -> Tensor:
        """Stage 2, the stem, the frame and the decision mask M3, with its patches, to logits (B, 1, H, W)."""
        height, width = frame.shape[2:]
        patch = height // keep.shape[2] if height % keep.shape[2] == 0 else height
        parts = strips(height, width, pixels, halo=self.halo, unit=math.lcm(16, patch))
        if len(parts) == 1:
            return self._strip(a2, stem, frame, patches, engine, lap)
        logits = []
        for part in parts:
            coarse, middle, fine = (
                x[:, :, part.above // s : part.below // s] for x, s in ((a2, 4), (stem, 2), (frame, 1))
            )
            of_strip = engine.patches(keep[:, :, part.above // patch : -(-part.below // patch)])
            of_part = self._strip(coarse, middle, fine, of_strip, engine, lap)
            logits.append(of_part[:, :, part.start - part.above : part.stop - part.above])
        return torch.cat(logits, 2)

    def _strip(self, a2: Tensor, stem: Tensor, frame: Tensor, patches: Patches, engine: Engine, lap: Lap) -> Tensor:
        sites = engine.sites(patches, stem.shape[2], stem.shape[3], self.channels[0])
        values = engine.take_upsampled(self.reduce_half(a2), sites)
        values = values + engine.take_convolved(stem, self.lateral_half, sites)
        values = _refined(self.refine_half, values, engine, sites)
        values = engine.convolve(values, self.reduce_full, sites)
        lap("stride 2")

        finer = engine.sites(patches, frame.shape[2], frame.shape[3], self.channels[1])
        values = engine.enlarge(values, sites, finer) + engine.take_convolved(frame, self.lateral_full, finer)
        values = _refined(self.refine_full, values, engine, finer)
        logits = engine.scatter(engine.project(values, self.logit, finer), finer, fill=DROPPED_LOGIT)
        lap("stride 1")
        return logits


def _layers(width: int, blocks: int) -> nn.ModuleList:
    return nn.ModuleList([ConvBnRelu(width, width) for _ in range(2 * blocks)])


def _refined(layers: nn.ModuleList, values: Tensor, engine: Engine, sites: object) -> Tensor:
    """Residual blocks of two layers each, v ← v + layer₂(layer₁(v)), one after the other."""
    convolutions = [cast(Convolution, layer) for layer in layers]
    for first, second in zip(convolutions[::2], convolutions[1::2], strict=True):
        values = values + engine.convolve(engine.convolve(values, first, sites), second, sites)
    return values


def logit_layer(inputs: int, outputs: int) -> nn.Conv2d:
    """A 1×1 convolution that starts near the prior everywhere."""
    layer = nn.Conv2d(inputs, outputs, 1)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, PRIOR_LOGIT)
    torch.nn.init.normal_(layer.weight, std=0.01)
    return layer
