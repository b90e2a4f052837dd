"""The rival networks by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from adsnet.detectors import dnanet, rdian


class Rival(NamedTuple):
    """How a network is made and what its frames must be padded to."""

    make: Callable[[], nn.Module]
    stride: int


RIVALS = {"dnanet": Rival(dnanet.DNANet, dnanet.STRIDE), "rdian": Rival(rdian.RDIAN, rdian.STRIDE)}
