"""The reference engine: dense convolutions, multiplied by the mask after every layer. Training uses it too."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.layers import ConvBnRelu


class DenseEngine:
    """Sites are the mask itself, (B, 1, H, W); gradients flow into it."""

    name = "dense"

    def sites(self, keep: Tensor) -> Tensor:
        return keep

    def take(self, x: Tensor, sites: Tensor) -> Tensor:
        return x * sites

    def take_upsampled(self, coarse: Tensor, sites: Tensor) -> Tensor:
        return F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False) * sites

    def take_convolved(self, x: Tensor, layer: ConvBnRelu, sites: Tensor) -> Tensor:
        return torch.as_tensor(layer(x) * sites)

    def convolve(self, values: Tensor, layer: ConvBnRelu, sites: Tensor) -> Tensor:
        return torch.as_tensor(layer(values) * sites)

    def project(self, values: Tensor, layer: nn.Conv2d, sites: Tensor) -> Tensor:
        return torch.as_tensor(layer(values) * sites)

    def scatter(self, values: Tensor, sites: Tensor) -> Tensor:
        return values
