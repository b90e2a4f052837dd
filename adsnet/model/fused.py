"""The network for inference: normalisations folded into kernels, one number type, channels-last order."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.model.layers import ConvBn, channels_last

Network = TypeVar("Network", bound=nn.Module)


def fused(network: Network, dtype: torch.dtype) -> Network:
    """A copy for inference: every ``ConvBn`` becomes a ``FusedConv``; ``dtype`` and channels-last throughout.

    A module with a method ``join_layers`` joins some of its layers itself. One with a true ``keeps_float32`` stays in
    float32.
    """
    network = copy.deepcopy(network).eval()
    for parent in list(network.modules()):
        if hasattr(parent, "join_layers"):
            cast(Any, parent).join_layers()
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvBn):
                setattr(parent, name, FusedConv.of(child))
    exact = {
        layer: copy.deepcopy(layer.state_dict())
        for layer in network.modules()
        if getattr(layer, "keeps_float32", False)
    }
    network = network.to(dtype=dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer, state in exact.items():
        layer.float().load_state_dict(state)
    return network


class FusedConv(nn.Module):
    """A ``ConvBn`` for inference: the normalisation is part of kernel and bias, which are held in one type.

    On a CPU the kernel is brought into the order of the convolution library once instead of at every call, and the ReLU
    is part of the convolution, as in what torch's compiler makes: 8 % of the time of a small frame.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, stride: int, rectified: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias.detach())
        self.kernel, self.stride, self.rectified = int(weight.shape[2]), stride, rectified
        self._packed: dict[int, Tensor] = {}  # by padding: the best order depends on it

    @classmethod
    def of(cls, *layers: ConvBn) -> FusedConv:
        """The fused form of a layer, or of several that look at the same map: their channels one after the other."""
        parts = [layer.folded() for layer in layers]
        weight, bias = torch.cat([w for w, _ in parts]), torch.cat([b for _, b in parts])
        return cls(weight, bias, stride=int(layers[0].convolution.stride[0]), rectified=layers[0].rectified)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H / stride, W / stride)."""
        return self._convolve(x, self.kernel // 2)

    def _apply(self, *arguments: Any, **options: Any) -> FusedConv:
        """Another type or device: what is packed is of the old one."""
        self._packed.clear()
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self

    def __getstate__(self) -> dict[str, Any]:
        """For copies: packed kernels cannot be copied."""
        return {**self.__dict__, "_packed": {}}

    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel and bias."""
        return self.weight, self.bias

    def valid(self, blocks: Tensor) -> Tensor:
        """As ``Convolution.valid``."""
        return self._convolve(blocks, 0)

    def rectified_sum(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """As ``ConvBn.rectified_sum``."""
        padding = self.kernel // 2
        if not (x.is_cpu and len(x) and can_pack(x.dtype)):
            return torch.relu_(self._convolve(x, padding) + shortcut)
        kernel = self._kernel_for(x, padding)
        return _packed(x, kernel, self.bias, self.stride, padding, rectified=True, plus=shortcut)

    def _convolve(self, x: Tensor, padding: int) -> Tensor:
        # On a CPU a call of the convolution library costs 40 µs before it does any work: see to the tiny ones here.
        if self.weight.numel() == 1:
            y = torch.addcmul(self.bias, x, self.weight[0])
        elif x.shape[2:] == (1, 1) and self.kernel == 1:
            y = F.linear(x.flatten(1), self.weight.flatten(1), self.bias)[:, :, None, None]
        elif x.is_cpu and len(x) and can_pack(x.dtype):
            kernel = self._kernel_for(x, padding)
            return _packed(x, kernel, self.bias, self.stride, padding, rectified=self.rectified)
        else:
            y = F.conv2d(x, self.weight, self.bias, self.stride, padding)
        return y.relu_() if self.rectified else y

    def _kernel_for(self, x: Tensor, padding: int) -> Tensor:
        if padding not in self._packed:
            self._packed[padding] = _pack(self.weight, x, self.stride, padding)
        return self._packed[padding]


def _pack(kernel: Tensor, x: Tensor, stride: int, padding: int) -> Tensor:
    reorder = torch.ops.mkldnn._reorder_convolution_weight
    return torch.as_tensor(reorder(kernel, [padding] * 2, [stride] * 2, [1, 1], 1, list(x.shape)))


def _packed(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor,
    stride: int,
    padding: int,
    *,
    rectified: bool,
    plus: Tensor | None = None,
) -> Tensor:
    """The convolution with a packed kernel, ``plus`` a map of the size of its result, and a ReLU."""
    convolution, after = torch.ops.mkldnn._convolution_pointwise, "relu" if rectified else "none"
    size = [padding] * 2, [stride] * 2, [1, 1], 1
    if plus is None:
        return torch.as_tensor(convolution(channels_last(x), kernel, bias, *size, after, [], ""))
    maps = channels_last(x), channels_last(plus)
    return torch.as_tensor(convolution.binary(*maps, kernel, bias, *size, "add", None, after, [], ""))


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether the packed convolution is there and right: it is not part of torch's public interface."""
    try:
        x = torch.linspace(-1, 1, 2 * 8 * 5 * 5).view(2, 8, 5, 5)
        kernel, bias = torch.linspace(-1, 1, 16 * 8 * 9).view(16, 8, 3, 3), torch.linspace(-1, 1, 16)
        expected = F.conv2d(x, kernel, bias)
        x, kernel, bias, shortcut = (tensor.to(dtype) for tensor in (x, kernel, bias, -expected / 2))
        packed = _pack(kernel, x, 1, 0)
        plain = _packed(x, packed, bias, 1, 0, rectified=True)
        summed = _packed(x, packed, bias, 1, 0, rectified=True, plus=shortcut)
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):
        return False
    close = 1e-4 if dtype == torch.float32 else 2**-5
    pairs = (plain, expected), (summed, expected / 2)
    return all(torch.allclose(got.float(), wanted.relu(), atol=close, rtol=close) for got, wanted in pairs)
