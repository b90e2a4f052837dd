"""ALCNet (Dai et al., TGRS 2021): a residual network at full resolution whose maps are compared with shifted copies.

Published layout, written for three equal channels: 372,573 trained parameters. The grey frame is repeated.
"""

from __future__ import annotations

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.heads import logit_layer
from adsnet.model.layers import initialise

WIDTHS = (16, 32, 64)
"""Channels of the three stages, at strides 1, 2 and 4."""

BLOCKS = 4
"""Residual blocks of a stage."""

SHIFTS = (13, 17)
"""Distances, in cells of the map, of the copies that a cell is compared with."""

COMPASS = ((-1, -1), (-1, 0), (-1, 1), (0, 1))
"""One of each pair of opposite directions."""

STRIDE = 4
"""Frames must be padded to multiples of this."""


def local_contrast(x: Tensor) -> Tensor:
    """How much every cell differs from both of any two opposite cells: (B, C, H, W) to the same, without weights.

    For a distance, the smallest over the four directions of (x₊ - x)(x₋ - x), where x₊ and x₋ are the map shifted to
    opposite sides; then the largest over ``SHIFTS``. The shift is cyclic: what leaves the map at one edge comes back at
    the other one.
    """
    return reduce(torch.maximum, (_contrast_at(x, distance) for distance in SHIFTS))


def _contrast_at(x: Tensor, distance: int) -> Tensor:
    shifts = [(distance * row, distance * column) for row, column in COMPASS]
    products = ((x.roll((a, b), (2, 3)) - x) * (x.roll((-a, -b), (2, 3)) - x) for a, b in shifts)
    return reduce(torch.minimum, products)


class Residual(nn.Module):
    """The basic residual block, here with normalisations that can be folded."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_layer(inputs, outputs, 3, stride=stride), nn.ReLU(), *_layer(outputs, outputs, 3))
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*_layer(inputs, outputs, 1, stride=stride))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return torch.relu(self.layers(x) + self.shortcut(x))


class BottomUpFusion(nn.Module):
    """Bottom-up local attentional modulation: the fine map says, cell by cell, how much of the coarse one counts."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coarse, self.fine = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.attention = nn.Sequential(
            *_layer(channels, channels, 1, bias=True),
            nn.ReLU(),
            *_layer(channels, channels, 1, bias=True),
            nn.Sigmoid(),
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """(B, C, h, w) and (B, C, H, W) to (B, C, H, W)."""
        coarse = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        coarse, fine = self.coarse(coarse), self.fine(fine)
        return torch.as_tensor(self.attention(fine) * coarse + fine)


class ALCNet(nn.Module):
    """The whole network; one logit a pixel."""

    def __init__(self) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.norm = nn.BatchNorm2d(3, affine=False)
        self.stem = nn.Sequential(*_layer(3, first, 3), nn.ReLU())
        self.stages = nn.ModuleList(
            [_stage(inputs, outputs) for inputs, outputs in zip((first, *WIDTHS), WIDTHS, strict=False)]
        )
        self.laterals = nn.ModuleList([nn.Sequential(*_layer(width, first, 1), nn.ReLU()) for width in WIDTHS[1:]])
        self.fusions = nn.ModuleList([BottomUpFusion(first) for _ in WIDTHS[1:]])
        self.head = nn.Sequential(*_layer(first, 4, 3), nn.ReLU(), nn.Dropout(0.1), logit_layer(4, 1))
        initialise(self)

    def forward(self, frame: Tensor) -> Tensor:
        """(B, 1, H, W), H and W multiples of 4, to logits (B, 1, H, W)."""
        x = self.stem(self.norm(frame.repeat(1, 3, 1, 1)))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(local_contrast(x))
        fine = [maps[0], *(lateral(x) for lateral, x in zip(self.laterals, maps[1:], strict=True))]
        fused = fine.pop()
        for fusion in self.fusions:
            fused = fusion(fused, fine.pop())
        return torch.as_tensor(self.head(fused))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    stride = 1 if inputs == outputs else 2
    later = [Residual(outputs, outputs) for _ in range(BLOCKS - 1)]
    return nn.Sequential(Residual(inputs, outputs, stride=stride), *later)


def _layer(inputs: int, outputs: int, kernel: int, *, stride: int = 1, bias: bool = False) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)
    return [convolution, nn.BatchNorm2d(outputs)]
