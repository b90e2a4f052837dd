"""Large frames in horizontal strips, so that memory is bounded: each strip is computed with a halo that is cut off."""

from __future__ import annotations

import math
from typing import NamedTuple

BACKBONE_HALO = 112
"""Rows that B4 depends on beyond its own: 7×7 at stride 2, pooling, then 4, 4 and 4 3×3 convolutions at 4, 8, 16."""


def head_halo(blocks: tuple[int, int]) -> int:
    """Rows that the fine stages depend on beyond their own, for their numbers of blocks at stride 2 and 1.

    Every block reaches two rows further, at its stride, and every enlargement half a row of the coarser map.
    """
    half, full = blocks
    rows_at_half = 2 * half + (2 * full + 1) / 2
    return 4 * math.ceil((rows_at_half + 1) / 2)


class StripPixels(NamedTuple):
    """How many pixels are computed at once; a frame below that is computed whole."""

    backbone: int = 1 << 23
    head: int = 1 << 20

    def halved(self) -> StripPixels:
        """For a device whose memory did not do."""
        return StripPixels(self.backbone // 2, self.head // 2)


class Strip(NamedTuple):
    """Rows ``start`` to ``stop`` are wanted, ``above`` to ``below`` are computed for it."""

    above: int
    start: int
    stop: int
    below: int


def strips(height: int, width: int, pixels: int, *, halo: int, unit: int) -> list[Strip]:
    """Strips of about ``pixels`` pixels that cover ``height`` rows; all borders are multiples of ``unit``."""
    if height * width <= pixels:
        return [Strip(0, 0, height, height)]
    halo = -(-halo // unit) * unit
    rows = max(unit, pixels // width // unit * unit, halo)
    return [
        Strip(max(0, start - halo), start, min(height, start + rows), min(height, start + rows + halo))
        for start in range(0, height, rows)
    ]
