"""ResNet-18 down to stride 16 (section IV-A): the stem and the levels B2, B3 and B4."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.laps import Lap, no_lap
from adsnet.model.layers import ConvBnRelu, ResidualBlock


class Levels(NamedTuple):
    """Feature maps of one batch of frames; s and w are the widths of stem and backbone, both 64 in ResNet-18."""

    stem: Tensor  # (B,   s, H/2,  W/2)
    b2: Tensor  #   (B,   w, H/4,  W/4)
    b3: Tensor  #   (B, 2·w, H/8,  W/8)
    b4: Tensor  #   (B, 4·w, H/16, W/16)


STRIDES = (2, 4, 8, 16)
"""Strides of the levels, from the stem on."""


def level_channels(width: int) -> dict[int, int]:
    """Channels of the levels B2, B3 and B4 by stage."""
    return {2: width, 3: 2 * width, 4: 4 * width}


class Backbone(nn.Module):
    """One-channel ResNet-18 without its last stage, of any width, with a stem of a width of its own."""

    def __init__(self, stem: int, width: int) -> None:
        super().__init__()
        w2, w3, w4 = level_channels(width).values()
        self.stem = ConvBnRelu(1, stem, 7, stride=2)
        self.stage2 = nn.Sequential(ResidualBlock(stem, w2), ResidualBlock(w2, w2))
        self.stage3 = nn.Sequential(ResidualBlock(w2, w3, stride=2), ResidualBlock(w3, w3))
        self.stage4 = nn.Sequential(ResidualBlock(w3, w4, stride=2), ResidualBlock(w4, w4))

    def forward(self, x: Tensor, lap: Lap = no_lap) -> Levels:
        """(B, 1, H, W) with H and W multiples of 16."""
        stem = self.stem(x)
        lap("stem")
        b2 = self.stage2(pooled(stem))
        lap("B2")
        b3 = self.stage3(b2)
        lap("B3")
        b4 = self.stage4(b3)
        lap("B4")
        return Levels(stem, b2, b3, b4)


def pooled(x: Tensor) -> Tensor:
    """Max pooling, 3×3 at stride 2, of a map without negative values whose sides are even, (B, C, H, W).

    Without a gradient it takes less than half of the time of torch's: floating-point numbers that are not negative
    are in the order of their bits, and integers are compared many at a time.
    """
    if torch.is_grad_enabled() or not x.is_cpu:
        return F.max_pool2d(x, 3, stride=2, padding=1)
    batch, channels, height, width = x.shape
    bits = x.permute(0, 2, 3, 1).contiguous().view(torch.int16 if x.element_size() == 2 else torch.int32)
    upper, lower = bits.view(batch, height // 2, 2, width * channels).unbind(2)
    rows = torch.maximum(upper, lower)
    torch.maximum(rows[:, 1:], lower[:, :-1], out=rows[:, 1:])
    left, right = rows.view(batch, height // 2, width // 2, 2, channels).unbind(3)
    most = torch.maximum(left, right)
    torch.maximum(most[:, :, 1:], right[:, :, :-1], out=most[:, :, 1:])
    return most.view(x.dtype).permute(0, 3, 1, 2)
