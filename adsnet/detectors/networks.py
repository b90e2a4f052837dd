"""The rival networks by name, and what they become for inference."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from adsnet.detectors import alcnet, dnanet, rdian
from adsnet.model.layers import channels_last


class Rival(NamedTuple):
    """How a network is made and what its frames must be padded to.

    It takes (B, 1, H, W) normalised frames to logits of that shape: one map, or a list of those that are supervised,
    of which the last is the result.
    """

    make: Callable[[], nn.Module]
    stride: int


RIVALS = {
    "alcnet": Rival(alcnet.ALCNet, alcnet.STRIDE),
    "dnanet": Rival(dnanet.DNANet, dnanet.STRIDE),
    "rdian": Rival(rdian.RDIAN, rdian.STRIDE),
}


def rival_of(network: nn.Module) -> Rival:
    """The entry of a network of this kind."""
    return next(rival for rival in RIVALS.values() if rival.make is type(network))


def supervised(output: Tensor | list[Tensor]) -> list[Tensor]:
    """The maps of logits that a loss looks at; the last one is the result."""
    return output if isinstance(output, list) else [output]


def folded(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode in which every normalisation right behind a convolution is part of it."""
    network = copy.deepcopy(network).eval()
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for index, (layer, behind) in enumerate(itertools.pairwise(list(sequence))):
            if isinstance(layer, nn.Conv2d) and isinstance(behind, nn.BatchNorm2d):
                sequence[index], sequence[index + 1] = fuse_conv_bn_eval(layer, behind), nn.Identity()
    return network


def for_inference(network: nn.Module, dtype: torch.dtype, device: torch.device) -> Callable[[Tensor], Tensor]:
    """From (B, 1, H, W) normalised float32 frames to logits of that shape, as fast as the network goes.

    Folded and in channels-last order, which was the fastest for all of them in both types (see ``adsnet benchmark``).
    """
    ready = folded(network).to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(frames: Tensor) -> Tensor:
        with torch.inference_mode():
            return supervised(ready(channels_last(frames.to(device, dtype))))[-1]

    return forward


def gflop(network: nn.Module, side: int) -> float:
    """10⁹ operations of one forward pass of a frame of ``side``² pixels, a multiple of the stride, counted by torch."""
    from torch.utils.flop_counter import FlopCounterMode

    device = next(network.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, side, side, device=device))
    return float(counter.get_total_flops()) / 1e9
