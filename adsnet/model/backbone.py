"""ResNet-18 down to stride 16 (section IV-A): the stem and the levels B2, B3 and B4."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from adsnet.model.layers import ConvBnRelu, ResidualBlock


class Levels(NamedTuple):
    """Feature maps of one batch of frames."""

    stem: Tensor  # (B,  64, H/2,  W/2)
    b2: Tensor  #   (B,  64, H/4,  W/4)
    b3: Tensor  #   (B, 128, H/8,  W/8)
    b4: Tensor  #   (B, 256, H/16, W/16)


STEM_CHANNELS = 64
LEVEL_CHANNELS = {2: 64, 3: 128, 4: 256}


class Backbone(nn.Module):
    """One-channel ResNet-18 without its last stage."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBnRelu(1, STEM_CHANNELS, 7, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage2 = nn.Sequential(ResidualBlock(64, 64), ResidualBlock(64, 64))
        self.stage3 = nn.Sequential(ResidualBlock(64, 128, stride=2), ResidualBlock(128, 128))
        self.stage4 = nn.Sequential(ResidualBlock(128, 256, stride=2), ResidualBlock(256, 256))

    def forward(self, x: Tensor) -> Levels:
        """(B, 1, H, W) with H and W multiples of 16."""
        stem = self.stem(x)
        b2 = self.stage2(self.pool(stem))
        b3 = self.stage3(b2)
        return Levels(stem, b2, b3, self.stage4(b3))
