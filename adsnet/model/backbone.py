"""ResNet-18 down to stride 16 (section IV-A): the stem and the levels B2, B3 and B4."""

from __future__ import annotations

from typing import NamedTuple

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
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage2 = nn.Sequential(ResidualBlock(stem, w2), ResidualBlock(w2, w2))
        self.stage3 = nn.Sequential(ResidualBlock(w2, w3, stride=2), ResidualBlock(w3, w3))
        self.stage4 = nn.Sequential(ResidualBlock(w3, w4, stride=2), ResidualBlock(w4, w4))

    def forward(self, x: Tensor, lap: Lap = no_lap) -> Levels:
        """(B, 1, H, W) with H and W multiples of 16."""
        stem = self.stem(x)
        lap("stem")
        b2 = self.stage2(self.pool(stem))
        lap("B2")
        b3 = self.stage3(b2)
        lap("B3")
        b4 = self.stage4(b3)
        lap("B4")
        return Levels(stem, b2, b3, b4)
