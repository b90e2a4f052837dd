"""DNANet (Li et al., TIP 2023) with ResNet-18 blocks: a U-Net whose skip connections are a dense grid of nodes.

Node x(i, j) lies at depth i (stride 2^i) and column j. It takes all earlier nodes of its depth, the enlarged node
below from the column before and, from depth 1 and column 1 on, the shrunk node above. Published layout, written for
a single channel: 4,696,568 parameters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.heads import logit_layer

WIDTHS = (16, 32, 64, 128, 256)
BLOCKS = (1, 2, 2, 2, 2)
"""Residual blocks of a node by depth."""

STRIDE = 16
"""Frames must be padded to multiples of this."""


class ChannelAttention(nn.Module):
    """sigmoid(mlp(mean) + mlp(max)) of CBAM, with 1/16 of the channels in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 16
        self.squeeze = nn.Conv2d(channels, hidden, 1, bias=False)
        self.expand = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, 1, 1) in 0..1."""
        mean, peak = F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)
        return torch.sigmoid(self._mlp(mean) + self._mlp(peak))

    def _mlp(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.expand(torch.relu(self.squeeze(x))))


class SpatialAttention(nn.Module):
    """sigmoid of a 7×7 convolution of the mean and the maximum over the channels, of CBAM."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 1, H, W) in 0..1."""
        return torch.sigmoid(self.convolution(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)))


class ResidualCbam(nn.Module):
    """A basic residual block with both attentions before the sum."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs))
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs))
        self.channel, self.spatial = ChannelAttention(outputs), SpatialAttention()
        self.shortcut = (
            nn.Identity()
            if inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        y = self.second(torch.relu(self.first(x)))
        y = y * self.channel(y)
        y = y * self.spatial(y)
        return torch.relu(y + self.shortcut(x))


class DNANet(nn.Module):
    """Single-channel DNANet with its four outputs of deep supervision."""

    def __init__(self) -> None:
        super().__init__()
        depth = len(WIDTHS)
        self.nodes = nn.ModuleDict(
            {_name(i, j): _node(i, _inputs(i, j)) for j in range(depth) for i in range(depth - j)}
        )
        self.reduce = nn.ModuleList([nn.Conv2d(WIDTHS[i], WIDTHS[0], 1) for i in range(1, depth)])
        self.fuse = ResidualCbam(depth * WIDTHS[0], WIDTHS[0])
        self.logits = nn.ModuleList([logit_layer(WIDTHS[0], 1) for _ in range(depth - 1)])

    def forward(self, frame: Tensor) -> list[Tensor]:
        """(B, 1, H, W), H and W multiples of 16, to logits (B, 1, H, W): of three nodes and, last, the result."""
        depth = len(WIDTHS)
        x: dict[tuple[int, int], Tensor] = {}
        for total in range(depth):  # along the anti-diagonals, so that all inputs of a node are there
            for j in range(total + 1):
                i = total - j
                x[i, j] = self.nodes[_name(i, j)](self._gathered(frame, x, i, j))
        ends = [x[0, depth - 1]]
        for i, layer in enumerate(self.reduce, 1):
            ends.insert(0, _resized(layer(x[i, depth - 1 - i]), 2.0**i))
        tops = [x[0, j] for j in range(1, depth - 1)] + [self.fuse(torch.cat(ends, 1))]
        return [layer(top) for layer, top in zip(self.logits, tops, strict=True)]

    @staticmethod
    def _gathered(frame: Tensor, x: dict[tuple[int, int], Tensor], i: int, j: int) -> Tensor:
        """The input of node (i, j)."""
        if j == 0:
            return frame if i == 0 else F.max_pool2d(x[i - 1, 0], 2)
        parts = [x[i, k] for k in range(j)]
        parts.append(_resized(x[i + 1, j - 1], 2.0))
        if i:
            parts.append(_resized(x[i - 1, j], 0.5))
        return torch.cat(parts, 1)


def _inputs(i: int, j: int) -> int:
    if j == 0:
        return WIDTHS[i - 1] if i else 1
    return j * WIDTHS[i] + WIDTHS[i + 1] + (WIDTHS[i - 1] if i else 0)


def _node(i: int, inputs: int) -> nn.Sequential:
    later = [ResidualCbam(WIDTHS[i], WIDTHS[i]) for _ in range(BLOCKS[i] - 1)]
    return nn.Sequential(ResidualCbam(inputs, WIDTHS[i]), *later)


def _name(i: int, j: int) -> str:
    return f"x{i}{j}"


def _resized(x: Tensor, factor: float) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)
