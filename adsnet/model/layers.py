"""The building blocks that every part of the network is made of."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Convolution(Protocol):
    """What the sparse engines need of a layer: a stride-1 convolution, normalised, perhaps with ReLU."""

    @property
    def kernel(self) -> int:
        """Side of the kernel, 1 or 3."""
        ...

    @property
    def rectified(self) -> bool:
        """Whether a ReLU follows."""
        ...

    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel (out, in, k, k) and bias (out,) of convolution and normalisation in one."""
        ...

    def valid(self, blocks: Tensor) -> Tensor:
        """Without padding: (n, in, h + k - 1, w + k - 1) to (n, out, h, w)."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """With "same" padding: (B, in, H, W) to (B, out, H, W)."""
        ...


class ConvBn(nn.Sequential):
    """Convolution without bias, batch normalisation and, with ``rectify``, ReLU. "Same" padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, rectify: bool = False) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.rectified = rectify

    @property
    def kernel(self) -> int:
        """Side of the kernel."""
        return int(self.convolution.kernel_size[0])

    @property
    def convolution(self) -> nn.Conv2d:
        """The convolution."""
        layer = self[0]
        assert isinstance(layer, nn.Conv2d)
        return layer

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The normalisation."""
        layer = self[1]
        assert isinstance(layer, nn.BatchNorm2d)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H / stride, W / stride)."""
        return self._normalised(self.convolution(x))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel (out, in, k, k) and bias (out,) of convolution and normalisation in one, from running statistics."""
        norm = self.norm
        assert norm.running_var is not None and norm.running_mean is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self.convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale

    def valid(self, blocks: Tensor) -> Tensor:
        """As ``Convolution.valid``; in training the statistics are those of the blocks."""
        return self._normalised(F.conv2d(blocks, self.convolution.weight))

    def rectified_sum(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """relu(layer(``x``) + ``shortcut``), the end of a residual block."""
        return torch.relu_(self(x) + shortcut)

    def _normalised(self, y: Tensor) -> Tensor:
        norm = self.norm
        if norm.training and y.numel() <= y.shape[1]:  # one value a channel, or none, has no statistics of its own
            y = F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
        else:
            y = norm(y)
        return y.relu_() if self.rectified else torch.as_tensor(y)


class ConvBnRelu(ConvBn):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, rectify=True)


class ResidualBlock(nn.Module):
    """The basic block of ResNet-18: relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvBnRelu(inputs, outputs, stride=stride)
        self.second = ConvBn(outputs, outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvBn(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.second.rectified_sum(self.first(x), self.shortcut(x))


def initialise(network: nn.Module) -> None:
    """He initialisation of all convolutions (fan out), batch norms at identity; biases keep what their owner set."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is None:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def per_position(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1×1 convolution with bias, (B, in, H, W) to (B, out, H, W), in the precision of its own weights."""
    rows = x.permute(0, 2, 3, 1).to(layer.weight.dtype)
    return F.linear(rows, layer.weight.flatten(1), layer.bias).permute(0, 3, 1, 2)


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) in the memory order that convolutions on CPUs and tensor cores work in.

    A map of one channel is in both orders at once. Torch then takes the other one, and with it for all that is computed
    from the map: the 7×7 convolution of the stem becomes 17 times slower. Explicit strides tell it which is meant.
    """
    if x.shape[1] > 1:
        return x.contiguous(memory_format=torch.channels_last)
    batch, _, height, width = x.shape
    if x.stride() == (height * width, 1, width, 1):
        return x
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
