"""The sparse engine in plain torch: the kept patches of a map are a batch of small images.

A 3×3 submanifold convolution first gives every patch a ring of its neighbours' sites, zero where the neighbour is
dropped, and is then an ordinary convolution without padding. The table of rows that makes the ring is built once for
each mask and shared by all convolutions of the stage. Works on any device, is differentiable, takes batches, and
does work in proportion to the kept sites. A mask that does not follow patches is a mask of patches of one site.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.layers import Convolution
from adsnet.sparse.patches import spread


class KeptPatches:
    """The n kept patches of one decision mask.

    Attributes:
        keep: the mask, (B, 1, Hm, Wm).
        place: (3, n) int64: frame, row and column of each patch in raster order.
        near: (n, 9) int64, numbers of the patch and its eight neighbours in raster order; n stands for "dropped or
            outside".
    """

    def __init__(self, keep: Tensor) -> None:
        batch, _, rows, columns = keep.shape
        self.keep = keep
        self.place = torch.nonzero(keep[:, 0] > 0.5).t()
        self.count = int(self.place.shape[1])
        b, r, c = self.place
        bordered = torch.full((batch, rows + 2, columns + 2), self.count, dtype=torch.int64, device=keep.device)
        bordered[b, r + 1, c + 1] = torch.arange(self.count, device=keep.device)
        three = _steps(0, 3, keep.device)
        places = _places((b, r, c), three, three, rows + 2, columns + 2)
        self.near = bordered.view(-1).index_select(0, places).view(-1, 9)


@dataclass(frozen=True)
class GatherSites:
    """The sites of one map in n kept patches of h × w sites.

    Attributes:
        shape: (B, H, W) of the map.
        patch: (h, w).
        count: n.
        corner: (frame, first row, first column) of the patches, each (n,) int64.
        flat: (n·h·w,) int64, place of each site in the flattened (B, H, W) map, patch by patch.
        ring: (n·(h + 2)·(w + 2),) int64, row of each site of the patches with their rings in the rows of the values;
            any row where the site is dropped or outside.
        missing: the places in ``ring`` of such sites, int64.
        near: as in ``KeptPatches``.
    """

    shape: tuple[int, int, int]
    patch: tuple[int, int]
    count: int
    corner: tuple[Tensor, Tensor, Tensor]
    flat: Tensor
    ring: Tensor
    missing: Tensor
    near: Tensor


class GatherEngine:
    """Values are (n, C, h, w), in channels-last order."""

    name = "gather"

    def patches(self, keep: Tensor) -> KeptPatches:
        return KeptPatches(keep)

    def sites(self, patches: KeptPatches, height: int, width: int, channels: int = 0) -> GatherSites:
        batch, _, rows, columns = patches.keep.shape
        if height % rows or width % columns:  # the patches differ in size: take every site for a patch
            patches = KeptPatches(spread(patches.keep, height, width))
            rows, columns = height, width
        h, w = height // rows, width // columns
        device, count = patches.keep.device, patches.count
        b, r, c = patches.place
        corner = b, r * h, c * w
        flat = _places(corner, _steps(0, h, device), _steps(0, w, device), height, width)
        neighbour, within = _ring(h, w, device)
        owner = patches.near.index_select(1, neighbour)
        ring = torch.add(within, owner, alpha=h * w).view(-1)
        missing = torch.nonzero(ring >= count * h * w).view(-1)
        ring.clamp_(max=count * h * w - 1)
        return GatherSites((batch, height, width), (h, w), count, corner, flat, ring, missing, patches.near)

    def take(self, x: Tensor, sites: GatherSites) -> Tensor:
        return _blocks(rows_of(x), sites.flat, sites.count, *sites.patch)

    def take_upsampled(self, coarse: Tensor, sites: GatherSites) -> Tensor:
        (_, height, width), (h, w) = sites.shape, sites.patch
        if h % 2 or w % 2:  # such a patch has no whole number of coarse sites
            return self.take(F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False), sites)
        b, r, c = sites.corner
        half = b, r // 2, c // 2
        down, across = _around(half[1], h // 2, height // 2), _around(half[2], w // 2, width // 2)
        index = (half[0][:, None] * (height // 2) + down)[:, :, None] * (width // 2) + across[:, None, :]
        return _enlarged(_blocks(rows_of(coarse), index.reshape(-1), sites.count, h // 2 + 2, w // 2 + 2))

    def enlarge(self, values: Tensor, sites: GatherSites, finer: GatherSites) -> Tensor:
        (_, height, width), (h, w) = sites.shape, sites.patch
        if finer.patch != (2 * h, 2 * w):  # patches of single sites on the finer map
            return self.take_upsampled(self.scatter(values, sites), finer)
        _, r, c = sites.corner
        down, across = _around(r, h, height), _around(c, w, width)
        row, column = (down - r[:, None]) // h + 1, (across - c[:, None]) // w + 1
        neighbour = (row * 3)[:, :, None] + column[:, None, :]
        owner = sites.near.gather(1, neighbour.flatten(1)).view(neighbour.shape)
        index = owner * (h * w) + (down % h)[:, :, None] * w + (across % w)[:, None, :]
        index = index.clamp_(max=sites.count * h * w).reshape(-1)
        return _enlarged(_blocks(_with_zero(values), index, sites.count, h + 2, w + 2))

    def take_convolved(self, x: Tensor, layer: Convolution, sites: GatherSites) -> Tensor:
        if layer.kernel == 1:
            return layer.valid(self.take(x, sites))
        (_, height, width), (h, w) = sites.shape, sites.patch
        ring = _steps(0, h + 2, x.device), _steps(0, w + 2, x.device)
        index = _places(sites.corner, *ring, height + 2, width + 2)
        return layer.valid(_blocks(rows_of(F.pad(x, (1, 1, 1, 1))), index, sites.count, h + 2, w + 2))

    def convolve(self, values: Tensor, layer: Convolution, sites: GatherSites) -> Tensor:
        if layer.kernel > 1:
            h, w = sites.patch
            # Zeros are written where they belong: to append one to the rows is to copy them all.
            rows = rows_of(values).index_select(0, sites.ring).index_fill_(0, sites.missing, 0)
            values = _as_blocks(rows, sites.count, h + 2, w + 2)
        return layer.valid(values)

    def project(self, values: Tensor, layer: nn.Conv2d, sites: GatherSites) -> Tensor:
        return torch.as_tensor(layer(values))

    def add_to(self, x: Tensor, values: Tensor, sites: GatherSites) -> Tensor:
        if torch.is_grad_enabled() or not x.is_contiguous(memory_format=torch.channels_last):
            return x + self.scatter(values, sites)
        rows = rows_of(x)
        rows.index_copy_(0, sites.flat, rows.index_select(0, sites.flat) + rows_of(values))  # half the time of adding
        return x

    def scatter(self, values: Tensor, sites: GatherSites, fill: float = 0.0) -> Tensor:
        batch, height, width = sites.shape
        full = values.new_full((batch * height * width, values.shape[1]), fill)
        full.index_copy_(0, sites.flat, rows_of(values))
        return full.view(batch, height, width, -1).permute(0, 3, 1, 2)


@lru_cache(maxsize=64)
def _steps(start: int, stop: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # made during an inference, it may serve a training later
        return torch.arange(start, stop, device=device)


@lru_cache(maxsize=64)
def _ring(h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of every site of a patch with its ring, row by row: which of ``near`` it lies in, and its place there."""
    with torch.inference_mode(False):
        down, across = torch.arange(-1, h + 1, device=device)[:, None], torch.arange(-1, w + 1, device=device)
        neighbour, within = (down // h + 1) * 3 + across // w + 1, down % h * w + across % w
        return neighbour.reshape(-1), within.reshape(-1)


def _places(
    corner: tuple[Tensor, Tensor, Tensor],
    rows: Tensor,
    columns: Tensor,
    height: int,
    width: int,
) -> Tensor:
    """Places in a flattened (B, height, width) map of the sites at ``rows`` × ``columns`` from each corner.

    Result: (n · rows · columns,) int64.
    """
    b, r, c = corner
    down, across = r[:, None] + rows, c[:, None] + columns
    return ((b[:, None] * height + down)[:, :, None] * width + across[:, None, :]).reshape(-1)


def _around(first: Tensor, size: int, end: int) -> Tensor:
    """Rows (or columns) of patches of ``size`` with a ring, (n, size + 2); the edge of the frame is repeated."""
    return (first[:, None] + _steps(-1, size + 1, first.device)).clamp_(0, end - 1)


def _enlarged(blocks: Tensor) -> Tensor:
    """Patches with a ring (n, C, h + 2, w + 2) enlarged by 2, without the ring: (n, C, 2·h, 2·w)."""
    if not len(blocks):
        return blocks.repeat(1, 1, 2, 2)[:, :, 2:-2, 2:-2]  # torch does not enlarge an empty batch
    return F.interpolate(blocks, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def _with_zero(values: Tensor) -> Tensor:
    """The rows of the values and one of zeros: what dropped neighbours are."""
    rows = rows_of(values)
    return torch.cat([rows, rows.new_zeros(1, rows.shape[1])])  # a third of the time of padding


def rows_of(x: Tensor) -> Tensor:
    """(n, C, h, w) as (n·h·w, C) rows; no copy where it is in channels-last order."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _blocks(rows: Tensor, index: Tensor, count: int, height: int, width: int) -> Tensor:
    """The rows at ``index`` as (count, C, height, width)."""
    return _as_blocks(rows.index_select(0, index), count, height, width)


def _as_blocks(rows: Tensor, count: int, height: int, width: int) -> Tensor:
    return rows.view(count, height, width, rows.shape[1]).permute(0, 3, 1, 2)
