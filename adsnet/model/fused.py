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
    is part of the convolution, as in what torch's compiler makes: 8 % of the time of a small frame. A 1×1 convolution
    is a matrix product of the sites, whose call takes half as long to begin.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, stride: int, rectified: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias.detach())
        self.kernel, self.stride, self.rectified = int(weight.shape[2]), stride, rectified
        self._is_product, self._is_number = self.kernel == 1 and stride == 1, weight.numel() == 1
        self._packed: dict[int, tuple[Tensor, Tensor]] = {}  # by padding: the best order depends on it

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
        if self._is_product or not _packable(x):
            return torch.relu_(self._convolve(x, padding) + shortcut)
        kernel, bias = self._packed_for(x, padding)
        return _packed(x, kernel, bias, self.stride, padding, rectified=True, plus=shortcut)

    def _convolve(self, x: Tensor, padding: int) -> Tensor:
        # A call of the convolution library costs tens of µs before it does any work: see to the tiny ones here.
        if self._is_number:
            y = torch.addcmul(self.bias, x, self.weight[0])
        elif self._is_product and x.shape[2:] == (1, 1):
            y = F.linear(x[:, :, 0, 0], self.weight[:, :, 0, 0], self.bias)[:, :, None, None]
        elif _packable(x):
            kernel, bias = self._packed_for(x, padding)
            if self._is_product:
                return _product(x, kernel, bias, rectified=self.rectified)
            return _packed(x, kernel, bias, self.stride, padding, rectified=self.rectified)
        else:
            y = F.conv2d(x, self.weight, self.bias, self.stride, padding)
        return y.relu_() if self.rectified else y

    def _packed_for(self, x: Tensor, padding: int) -> tuple[Tensor, Tensor]:
        """Kernel and bias, without the slow look-up of what torch has registered."""
        if padding not in self._packed:
            weight = self.weight
            kernel = _pack_matrix(weight, x) if self._is_product else _pack(weight, x, self.stride, padding)
            self._packed[padding] = kernel, self.bias
        return self._packed[padding]


def _packable(x: Tensor) -> bool:
    return x.is_cpu and x.shape[0] > 0 and can_pack(x.dtype)


def _pack_matrix(kernel: Tensor, x: Tensor) -> Tensor:
    """Of a 1×1 kernel."""
    matrix = kernel.flatten(1).contiguous()
    return cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(matrix, x.numel() // x.shape[1]))


def _product(x: Tensor, matrix: Tensor, bias: Tensor, *, rectified: bool) -> Tensor:
    """The 1×1 convolution with a packed matrix, and a ReLU."""
    batch, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(-1, channels)
    after = "relu" if rectified else "none"
    y = cast(Tensor, torch.ops.mkldnn._linear_pointwise(rows, matrix, bias, after, [], ""))
    return y.view(batch, height, width, -1).permute(0, 3, 1, 2)


def _pack(kernel: Tensor, x: Tensor, stride: int, padding: int) -> Tensor:
    reorder = torch.ops.mkldnn._reorder_convolution_weight
    return cast(Tensor, reorder(kernel, [padding] * 2, [stride] * 2, [1, 1], 1, list(x.shape)))


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
        return cast(Tensor, convolution(channels_last(x), kernel, bias, *size, after, [], ""))
    maps = channels_last(x), channels_last(plus)
    return cast(Tensor, convolution.binary(*maps, kernel, bias, *size, "add", None, after, [], ""))


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether packed convolution and product are there and right: they are not part of torch's public interface."""
    try:
        x = torch.linspace(-1, 1, 2 * 8 * 5 * 5).view(2, 8, 5, 5)
        kernel, bias = torch.linspace(-1, 1, 16 * 8 * 9).view(16, 8, 3, 3), torch.linspace(-1, 1, 16)
        expected, expected_point = F.conv2d(x, kernel, bias), F.conv2d(x, kernel[:, :, :1, :1], bias)
        x, kernel, bias, shortcut = (tensor.to(dtype) for tensor in (x, kernel, bias, -expected / 2))
        point = _product(x, _pack_matrix(kernel[:, :, :1, :1], x), bias, rectified=True)
        packed = _pack(kernel, x, 1, 0)
        plain = _packed(x, packed, bias, 1, 0, rectified=True)
        summed = _packed(x, packed, bias, 1, 0, rectified=True, plus=shortcut)
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):
        return False
    close = 1e-4 if dtype == torch.float32 else 2**-5
    pairs = (plain, expected), (summed, expected / 2), (point, expected_point)
    return all(torch.allclose(got.float(), wanted.relu(), atol=close, rtol=close) for got, wanted in pairs)
