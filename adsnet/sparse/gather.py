"""The sparse engine in plain torch: the kept patches of a map are a batch of small images.

A 3×3 submanifold convolution first gives every patch a ring of its neighbours' sites, zero where the neighbour is
dropped, and is then an ordinary convolution without padding. The table of rows that makes the ring is built once for
each mask and shared by all convolutions of the stage. Works on any device, is differentiable, takes batches, and
does work in proportion to the kept sites. A mask that does not follow patches is a mask of patches of one site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from adsnet.model.layers import Convolution, per_position
from adsnet.sparse.patches import spread

T = TypeVar("T")


class KeptPatches:
    """The n kept patches of one decision mask.

    Attributes:
        keep: the mask, (B, 1, Hm, Wm).
        place: (n, 3) int64: frame, row and column of each patch in raster order.
        edge: (n,) int64, which edges of the frame each patch lies at, see ``_edges``.
        near: (n, 9) int64, numbers of the patch and its eight neighbours in raster order; n stands for "dropped or
            outside".
    """

    def __init__(self, keep: Tensor) -> None:
        batch, _, rows, columns = keep.shape
        device = keep.device
        self.keep = keep
        self.place = torch.nonzero(keep[:, 0] > 0.5)
        self.count = int(self.place.shape[0])
        at_row, at_column = _edges(rows, columns, device)
        _, row, column = self.place.unbind(1)
        self.edge = at_row.index_select(0, row) + at_column.index_select(0, column)
        bordered = torch.full((batch * (rows + 2) * (columns + 2),), self.count, dtype=torch.int64, device=device)
        around = self.windows(rows + 2, columns + 2, (1, 1), _offsets(3, 3, columns + 2, device)).view(-1, 9)
        bordered.index_copy_(0, around[:, 4], torch.arange(self.count, device=device))
        self.near = bordered.index_select(0, around.view(-1)).view(-1, 9)

    def windows(self, height: int, width: int, patch: tuple[int, int], offsets: Tensor) -> Tensor:
        """Places in a flattened (B, height, width) map, patch by patch, (n · m,) int64.

        ``offsets``: (m,) of every patch, or (n, m) of each, from its first site. ``patch``: its size on the map.
        """
        first = (self.place * _strides(height, width, patch, self.place.device)).sum(1, keepdim=True)
        return (first + offsets).view(-1)


@dataclass(frozen=True)
class GatherSites:
    """The sites of one map in n kept patches of h × w sites.

    Attributes:
        shape: (B, H, W) of the map.
        patch: (h, w).
        patches: the kept patches; other ones than those of the mask where that does not divide the map evenly.
        flat: (n·h·w,) int64, place of each site in the flattened (B, H, W) map, patch by patch.
        ring: (n·(h + 2)·(w + 2),) int64, row of each site of the patches with their rings in the rows of the values;
            any row where the site is dropped or outside.
        missing: the places in ``ring`` of such sites, int64.
    """

    shape: tuple[int, int, int]
    patch: tuple[int, int]
    patches: KeptPatches
    flat: Tensor
    ring: Tensor
    missing: Tensor

    @property
    def count(self) -> int:
        """n."""
        return self.patches.count


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
        device, sites = patches.keep.device, patches.count * h * w
        flat = patches.windows(height, width, (h, w), _offsets(h, w, width, device))
        neighbour, within = _ring(h, w, device)
        ring = torch.add(within, patches.near.index_select(1, neighbour), alpha=h * w).view(-1)
        missing = torch.nonzero(ring >= sites).view(-1)
        ring.clamp_(max=sites - 1)
        return GatherSites((batch, height, width), (h, w), patches, flat, ring, missing)

    def take(self, x: Tensor, sites: GatherSites) -> Tensor:
        return _blocks(rows_of(x), sites.flat, sites.count, *sites.patch)

    def take_upsampled(self, coarse: Tensor, sites: GatherSites) -> Tensor:
        (_, height, width), (h, w), patches = sites.shape, sites.patch, sites.patches
        if h % 2 or w % 2:  # such a patch has no whole number of coarse sites
            return self.take(F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False), sites)
        height, width, h, w = height // 2, width // 2, h // 2, w // 2
        offsets = _inner_ring(h, w, width, coarse.device)[0].index_select(0, patches.edge)
        index = patches.windows(height, width, (h, w), offsets)
        return _enlarged(_blocks(rows_of(coarse), index, sites.count, h + 2, w + 2))

    def enlarge(self, values: Tensor, sites: GatherSites, finer: GatherSites) -> Tensor:
        (h, w), patches = sites.patch, sites.patches
        if finer.patch != (2 * h, 2 * w):  # patches of single sites on the finer map
            return self.take_upsampled(self.scatter(values, sites), finer)
        _, neighbour, within = (table.index_select(0, patches.edge) for table in _inner_ring(h, w, 0, values.device))
        index = torch.add(within, patches.near.gather(1, neighbour), alpha=h * w).view(-1)
        index.clamp_(max=sites.count * h * w)
        return _enlarged(_blocks(_with_zero(values), index, sites.count, h + 2, w + 2))

    def take_convolved(self, x: Tensor, layer: Convolution, sites: GatherSites) -> Tensor:
        if layer.kernel == 1:
            return layer.valid(self.take(x, sites))
        (_, height, width), (h, w) = sites.shape, sites.patch
        offsets = _offsets(h + 2, w + 2, width + 2, x.device)
        index = sites.patches.windows(height + 2, width + 2, (h, w), offsets)
        return layer.valid(_blocks(rows_of(F.pad(x, (1, 1, 1, 1))), index, sites.count, h + 2, w + 2))

    def convolve(self, values: Tensor, layer: Convolution, sites: GatherSites) -> Tensor:
        if layer.kernel > 1:
            h, w = sites.patch
            # Zeros are written where they belong: to append one to the rows is to copy them all.
            rows = rows_of(values).index_select(0, sites.ring).index_fill_(0, sites.missing, 0)
            values = _as_blocks(rows, sites.count, h + 2, w + 2)
        return layer.valid(values)

    def project(self, values: Tensor, layer: nn.Conv2d, sites: GatherSites) -> Tensor:
        return per_position(layer, values)

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


# The tables below depend on nothing but sizes: they are made once. Every torch call that a mask needs less is a part of
# a small frame.


def _table(make: Callable[..., T]) -> Callable[..., T]:
    @lru_cache(maxsize=64)
    def made(*sizes: Any) -> T:
        with torch.inference_mode(False):  # made during an inference, it may serve a training later
            return make(*sizes)

    return wraps(make)(made)


@_table
def _strides(height: int, width: int, patch: tuple[int, int], device: torch.device) -> Tensor:
    """How far the next frame, row and column of patches are in a flattened map, (3,)."""
    return torch.tensor([height * width, patch[0] * width, patch[1]], device=device)


@_table
def _offsets(rows: int, columns: int, width: int, device: torch.device) -> Tensor:
    """Places of ``rows`` × ``columns`` sites in a flattened map of ``width`` from the first of them on."""
    return (torch.arange(rows)[:, None] * width + torch.arange(columns)).view(-1).to(device)


@_table
def _edges(rows: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """What each row and column adds to the number of a patch's edges: top 1, bottom 2, left 4, right 8."""
    row, column = torch.arange(rows), torch.arange(columns)
    at_row = (row == 0) * 1 + (row == rows - 1) * 2
    return at_row.to(device), ((column == 0) * 4 + (column == columns - 1) * 8).to(device)


@_table
def _ring(h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of every site of a patch with its ring, row by row: which of ``near`` it lies in, and its place there."""
    return _split(torch.arange(-1, h + 1), torch.arange(-1, w + 1), h, w, device)


@_table
def _inner_ring(h: int, w: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """As ``_ring``, but beyond the edges of the frame stands the site next to it. (16, m) each, by the patch's edges.

    The first table: offsets in a flattened map of ``width``.
    """
    tables = []
    for edge in range(16):
        down = torch.arange(-1, h + 1).clamp(0 if edge & 1 else -1, h - 1 if edge & 2 else h)
        across = torch.arange(-1, w + 1).clamp(0 if edge & 4 else -1, w - 1 if edge & 8 else w)
        tables.append(((down[:, None] * width + across).view(-1).to(device), *_split(down, across, h, w, device)))
    offsets, neighbour, within = (torch.stack(table) for table in zip(*tables, strict=True))
    return offsets, neighbour, within


def _split(down: Tensor, across: Tensor, h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Sites at these rows and columns from the first of a patch: which of ``near`` they lie in, and where there."""
    neighbour = (down // h + 1)[:, None] * 3 + across // w + 1
    within = (down % h)[:, None] * w + across % w
    return neighbour.view(-1).to(device), within.view(-1).to(device)


def _enlarged(blocks: Tensor) -> Tensor:
    """Patches with a ring (n, C, h + 2, w + 2) enlarged by 2, without the ring: (n, C, 2·h, 2·w)."""
    if not len(blocks):
        return blocks.repeat(1, 1, 2, 2)[:, :, 2:-2, 2:-2]  # torch does not enlarge an empty batch
    return _Enlarged.apply(blocks) if blocks.requires_grad else _Enlarged.of(blocks)  # type: ignore[no-untyped-call]


class _Enlarged(torch.autograd.Function):
    """Bilinear enlargement by 2 without a ring; its gradient as a convolution takes a twentieth of torch's time."""

    @staticmethod
    def of(blocks: Tensor) -> Tensor:
        return F.interpolate(blocks, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]

    @staticmethod
    def forward(ctx: Any, blocks: Tensor) -> Tensor:
        return _Enlarged.of(blocks)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        channels = gradient.shape[1]
        weights = torch.tensor([0.25, 0.75, 0.75, 0.25], dtype=gradient.dtype, device=gradient.device)
        kernel = torch.outer(weights, weights).expand(channels, 1, 4, 4)
        return F.conv2d(gradient, kernel, stride=2, padding=3, groups=channels)


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
