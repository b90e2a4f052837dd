"""Decision masks on maps of any size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def spread(keep: Tensor, height: int, width: int) -> Tensor:
    """A decision mask (B, 1, Hm, Wm) on a map of ``height`` × ``width``: each cell takes the patch that it lies in.

    Where the patches are finer than the cells, a cell is kept when any of its patches is.
    """
    fine = (min(height, keep.shape[2]), min(width, keep.shape[3]))
    if fine != tuple(keep.shape[2:]):
        keep = F.adaptive_max_pool2d(keep, fine)
    return _stretch(_stretch(keep, height, 2), width, 3)


def _stretch(keep: Tensor, size: int, axis: int) -> Tensor:
    patches = keep.shape[axis]
    if size % patches == 0:  # the usual case; its gradient is a plain sum, many times faster than an indexed one
        return keep.repeat_interleave(size // patches, axis)
    return keep.index_select(axis, torch.arange(size, device=keep.device) * patches // size)
