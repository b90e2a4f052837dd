"""The sparse engine in plain torch: gather the neighbours of the kept sites, one matrix product a layer.

Works on any device, is differentiable, takes batches, and does work in proportion to the kept sites. The neighbour
table is built once for each mask and shared by all convolutions of the stage.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.layers import ConvBnRelu

ROWS_AT_ONCE = 1 << 16
"""Sites convolved in one product; bounds the gathered copy to ROWS_AT_ONCE · 9 · C values."""


@dataclass(frozen=True)
class GatherSites:
    """Kept sites in raster order.

    Attributes:
        shape: (B, H, W).
        flat: (n,) int64, place of each site in the flattened (B, H, W) map.
        padded: (n,) int64, its place in the flattened map padded by one on every side, (B, H + 2, W + 2).
        neighbours: (n, 9) int64, rows of the 3×3 neighbourhood in kernel order; n stands for "dropped or outside".
    """

    shape: tuple[int, int, int]
    flat: Tensor
    padded: Tensor
    neighbours: Tensor


class GatherEngine:
    """Values are (n, C) rows in the order of ``GatherSites.flat``."""

    name = "gather"

    def sites(self, keep: Tensor) -> GatherSites:
        batch, _, height, width = keep.shape
        flat = torch.nonzero(keep.reshape(-1) > 0.5).squeeze(1)
        rest = flat % (height * width)
        b, y, x = flat // (height * width), rest // width, rest % width
        padded = (b * (height + 2) + y + 1) * (width + 2) + x + 1
        table = torch.full((batch * (height + 2) * (width + 2),), len(flat), dtype=torch.int64, device=keep.device)
        table[padded] = torch.arange(len(flat), device=keep.device)
        return GatherSites((batch, height, width), flat, padded, table[padded[:, None] + _offsets(width, keep.device)])

    def take(self, x: Tensor, sites: GatherSites) -> Tensor:
        return _rows(x)[sites.flat]

    def take_upsampled(self, coarse: Tensor, sites: GatherSites) -> Tensor:
        _, height, width = sites.shape
        rows = _rows(coarse)
        rest = sites.flat % (height * width)
        base = sites.flat // (height * width) * (height // 2) * (width // 2)
        y, x = rest // width, rest % width
        # Bilinear enlargement by 2 has two taps on each axis: 3/4 of the parent, 1/4 of the neighbour that the
        # finer pixel lies towards, clamped at the border.
        near_y, near_x = y // 2, x // 2
        far_y = (near_y + 2 * (y % 2) - 1).clamp(0, height // 2 - 1)
        far_x = (near_x + 2 * (x % 2) - 1).clamp(0, width // 2 - 1)
        near = base + near_y * (width // 2)
        far = base + far_y * (width // 2)
        upper = 0.75 * rows[near + near_x] + 0.25 * rows[near + far_x]
        lower = 0.75 * rows[far + near_x] + 0.25 * rows[far + far_x]
        return 0.75 * upper + 0.25 * lower

    def take_convolved(self, x: Tensor, layer: ConvBnRelu, sites: GatherSites) -> Tensor:
        if layer.kernel == 1:
            return _product(self.take(x, sites), layer)
        rows = _rows(F.pad(x, (1, 1, 1, 1)))
        return _gathered_product(rows, sites.padded[:, None] + _offsets(sites.shape[2], x.device), layer)

    def convolve(self, values: Tensor, layer: ConvBnRelu, sites: GatherSites) -> Tensor:
        if layer.kernel == 1:
            return _product(values, layer)
        return _gathered_product(F.pad(values, (0, 0, 0, 1)), sites.neighbours, layer)

    def project(self, values: Tensor, layer: nn.Conv2d, sites: GatherSites) -> Tensor:
        return F.linear(values, layer.weight.flatten(1), layer.bias)

    def scatter(self, values: Tensor, sites: GatherSites) -> Tensor:
        batch, height, width = sites.shape
        full = values.new_zeros(batch * height * width, values.shape[1])
        return full.index_copy(0, sites.flat, values).view(batch, height, width, -1).permute(0, 3, 1, 2)


def _offsets(width: int, device: torch.device) -> Tensor:
    """Steps to the 3×3 neighbourhood in a map padded by one, in kernel order, (9,) int64."""
    steps = torch.arange(-1, 2, device=device)
    return (steps[:, None] * (width + 2) + steps).reshape(-1)


def _rows(x: Tensor) -> Tensor:
    """(B, C, H, W) as (B·H·W, C) rows."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _product(rows: Tensor, layer: ConvBnRelu) -> Tensor:
    kernel, bias = layer.folded()
    return torch.relu(F.linear(rows, kernel.flatten(1), bias))


def _gathered_product(rows: Tensor, neighbours: Tensor, layer: ConvBnRelu) -> Tensor:
    """3×3 convolution: gather (n, 9, C) and multiply by the kernel as (out, 9·C)."""
    kernel, bias = layer.folded()
    matrix = kernel.permute(0, 2, 3, 1).flatten(1)
    parts = [F.linear(rows[part].flatten(1), matrix, bias) for part in torch.split(neighbours, ROWS_AT_ONCE)]
    return torch.relu(torch.cat(parts))
