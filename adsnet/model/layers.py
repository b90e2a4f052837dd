"""The two building blocks that every part of the network is made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvBnRelu(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU. "Same" padding.

    The dense engine calls it as a module; the sparse engines read ``folded`` instead.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    @property
    def kernel(self) -> int:
        """Side of the kernel, 1 or 3."""
        return int(self.convolution.kernel_size[0])

    @property
    def convolution(self) -> nn.Conv2d:
        """The convolution."""
        layer = self[0]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel (out, in, k, k) and bias (out,) of convolution and normalisation in one, from running statistics."""
        norm = self[1]
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None and norm.running_mean is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self.convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


class ResidualBlock(nn.Module):
    """The basic block of ResNet-18: relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvBnRelu(inputs, outputs, stride=stride)
        self.second = conv_bn(outputs, outputs, 3)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else conv_bn(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


def conv_bn(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution without bias and batch normalisation, no activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs)
    )


def initialise(network: nn.Module) -> None:
    """He initialisation of all convolutions (fan out), batch norms at identity; biases keep what their owner set."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is None:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
