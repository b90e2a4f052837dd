"""The reference engine: dense convolutions, multiplied by the mask after every layer. Training uses it too."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.layers import Convolution, per_position
from adsnet.sparse.patches import spread


class DenseSites:
    """The mask of one map, (B, 1, H, W), or None where every site is kept; gradients flow into it."""

    def __init__(self, mask: Tensor | None) -> None:
        self.mask = mask
        self._wide: dict[tuple[int, torch.dtype], Tensor] = {}

    def times(self, y: Tensor, *, fresh: bool = True) -> Tensor:
        """``y`` · M. A ``fresh`` map, one that nobody else holds, may be overwritten."""
        if self.mask is None:
            return y
        mask = self._for(y)
        return y * mask if torch.is_grad_enabled() or not fresh else y.mul_(mask)

    def _for(self, y: Tensor) -> Tensor:
        """The mask for all channels of ``y``: a product that repeats it over the channels takes ten times as long."""
        assert self.mask is not None
        channels = y.shape[1]
        key = channels, y.dtype
        if key not in self._wide:
            wide = self.mask.to(y.dtype).expand(-1, channels, -1, -1)
            self._wide[key] = wide.contiguous(memory_format=torch.channels_last)
        return self._wide[key]


EVERYWHERE = DenseSites(None)


class DenseEngine:
    """Values are full maps (B, C, H, W)."""

    name = "dense"

    def patches(self, keep: Tensor) -> Tensor | None:
        """The mask itself, or None where everything is kept."""
        return None if not torch.is_grad_enabled() and bool(keep.all()) else keep

    def sites(self, patches: Tensor | None, height: int, width: int, channels: int = 0) -> DenseSites:
        return EVERYWHERE if patches is None else DenseSites(spread(patches, height, width))

    def take(self, x: Tensor, sites: DenseSites) -> Tensor:
        return sites.times(x, fresh=False)

    def take_upsampled(self, coarse: Tensor, sites: DenseSites) -> Tensor:
        return sites.times(F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False))

    def enlarge(self, values: Tensor, sites: DenseSites, finer: DenseSites) -> Tensor:
        return self.take_upsampled(values, finer)

    def take_convolved(self, x: Tensor, layer: Convolution, sites: DenseSites) -> Tensor:
        return sites.times(layer(x))

    def convolve(self, values: Tensor, layer: Convolution, sites: DenseSites) -> Tensor:
        return sites.times(layer(values))

    def project(self, values: Tensor, layer: nn.Conv2d, sites: DenseSites) -> Tensor:
        return sites.times(per_position(layer, values))

    def add_to(self, x: Tensor, values: Tensor, sites: DenseSites) -> Tensor:
        return x + values

    def scatter(self, values: Tensor, sites: DenseSites, fill: float = 0.0) -> Tensor:
        if sites.mask is None or not fill:
            return values
        return values + (1 - sites.mask.to(values.dtype)) * fill
