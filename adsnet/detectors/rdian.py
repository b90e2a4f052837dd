"""RDIAN (Sun et al., TGRS 2023): a direction gate on the frame, parallel receptive fields at stride 2, CBAM.

Published layout with 216,558 trained parameters and eight fixed direction kernels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.heads import logit_layer

STRIDE = 2
"""Frames must be padded to multiples of this."""

REACH = 2
"""Pixels between a pixel and the neighbours that it is compared with."""

FIELDS = {1: 1, 3: 2, 5: 2, 7: 2}
"""Kernel side of each parallel branch: number of its blocks."""

COMPASS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""The eight directions in order, so that direction k + 4 is opposite to k."""


class DirectionGate(nn.Module):
    """sigmoid of the sum over opposite directions of (x - x_k)(x - x_{k+4}); pixels outside are zero."""

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        side = 2 * REACH + 1
        kernels = torch.zeros(len(COMPASS), 1, side, side)
        kernels[:, 0, REACH, REACH] = 1
        for k, (row, column) in enumerate(COMPASS):
            kernels[k, 0, REACH + REACH * row, REACH + REACH * column] = -1
        self.register_buffer("kernels", kernels)

    def forward(self, frame: Tensor) -> Tensor:
        """(B, 1, H, W) to (B, 1, H, W) in 0..1."""
        differences = F.conv2d(frame, self.kernels, padding=REACH)
        half = len(COMPASS) // 2
        return torch.sigmoid((differences[:, :half] * differences[:, half:]).sum(1, keepdim=True))


class FieldBlock(nn.Module):
    """k×k convolutions 32 → 16 → 32 and the shortcut, without an activation after the sum."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.narrow, self.widen = _layer(32, 16, kernel), _layer(16, 32, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 32, H, W) to the same."""
        return torch.as_tensor(self.widen(self.narrow(x)) + x)


class Cbam(nn.Module):
    """Channel attention with a single hidden unit, then spatial attention, each multiplied onto the map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze, self.expand = nn.Linear(channels, 1), nn.Linear(1, channels)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        attention = torch.sigmoid(self._mlp(F.adaptive_avg_pool2d(x, 1)) + self._mlp(F.adaptive_max_pool2d(x, 1)))
        x = x * attention[:, :, None, None]
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.norm(self.spatial(pooled)))

    def _mlp(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.expand(torch.relu(self.squeeze(x.flatten(1)))))


class RDIAN(nn.Module):
    """The whole network; one logit a pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = DirectionGate()
        self.stem = _layer(1, 16, 3)
        self.down = _layer(16, 32, 3, stride=2)
        self.fields = nn.ModuleList(
            [nn.Sequential(*(FieldBlock(kernel) for _ in range(blocks))) for kernel, blocks in FIELDS.items()]
        )
        self.join = _layer(32 * len(FIELDS), 32, 3)
        self.attention = Cbam(32)
        self.skip = _layer(16, 32, 1)
        self.head = nn.Sequential(
            nn.Conv2d(32, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(0.1),
            logit_layer(8, 1),
        )

    def forward(self, frame: Tensor) -> Tensor:
        """(B, 1, H, W), H and W even, to logits (B, 1, H, W)."""
        first = self.stem(frame)
        x = self.down(first + first * self.gate(frame))
        x = self.attention(self.join(torch.cat([branch(x) for branch in self.fields], 1)))
        x = F.interpolate(x, size=frame.shape[-2:], mode="bilinear", align_corners=False)
        return torch.as_tensor(self.head(torch.relu(x + self.skip(first))))


def _layer(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.01),
    )
