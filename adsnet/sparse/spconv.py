"""The spconv engine: submanifold convolutions of the optional ``spconv`` wheels.

Three faults of the wheels are designed around: indices must be contiguous int32; with more than one torch thread the
CPU kernels return wrong values at random; and without a GPU only the Native algorithm works. It is used only after
the self-test of ``adsnet.sparse.choose``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import torch
from torch import Tensor, nn

from adsnet.errors import EngineError
from adsnet.model.layers import ConvBnRelu
from adsnet.sparse.gather import GatherEngine, GatherSites


@dataclass(frozen=True)
class SpconvSites:
    """The sites of the gather engine and, for spconv, their (n, 3) int32 indices and the cache of its rule book."""

    gather: GatherSites
    indices: Tensor
    rules: dict[str, Any]


class SpconvEngine:
    """Values are (n, C) rows as in the gather engine; the 3×3 submanifold convolutions are spconv's."""

    name = "spconv"

    def __init__(self) -> None:
        """Raises EngineError when no usable wheel is installed."""
        both = [name for name in ("spconv", "spconv-cu120") if _installed(name)]
        if len(both) == 2:
            raise EngineError("spconv and spconv-cu120 overwrite each other; uninstall both, then install one")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the wheel's own dependencies
                import spconv.pytorch as library
                from spconv.core import ConvAlgo
        except (ImportError, OSError, RuntimeError) as error:
            raise EngineError(f"spconv cannot be imported ({error}); install adsnet-studio[cpu] or [cuda]") from error
        self._library: Any = library
        self._algorithms: Any = ConvAlgo
        self._gather = GatherEngine()

    def sites(self, keep: Tensor) -> SpconvSites:
        indices = torch.nonzero(keep[:, 0] > 0.5).to(torch.int32).contiguous()
        return SpconvSites(self._gather.sites(keep), indices, {})

    def take(self, x: Tensor, sites: SpconvSites) -> Tensor:
        return self._gather.take(x, sites.gather)

    def take_upsampled(self, coarse: Tensor, sites: SpconvSites) -> Tensor:
        return self._gather.take_upsampled(coarse, sites.gather)

    def take_convolved(self, x: Tensor, layer: ConvBnRelu, sites: SpconvSites) -> Tensor:
        return self._gather.take_convolved(x, layer, sites.gather)

    def convolve(self, values: Tensor, layer: ConvBnRelu, sites: SpconvSites) -> Tensor:
        if layer.kernel == 1 or not len(values):  # on a GPU spconv refuses an empty set
            return self._gather.convolve(values, layer, sites.gather)
        kernel, bias = layer.folded()
        algorithm = self._algorithms.MaskImplicitGemm if values.is_cuda else self._algorithms.Native
        convolution = self._library.SubMConv2d(
            kernel.shape[1], kernel.shape[0], 3, bias=False, indice_key="stage", algo=algorithm
        ).to(values.device)
        convolution.weight.data = kernel.detach().permute(0, 2, 3, 1).contiguous()  # KRSC
        batch, height, width = sites.gather.shape
        tensor = self._library.SparseConvTensor(values.contiguous(), sites.indices, [height, width], batch)
        tensor.indice_dict = sites.rules  # the rule book of the mask, built by the first convolution
        with _one_thread(values.is_cuda):
            result = convolution.eval()(tensor)
        sites.rules.update(result.indice_dict)
        return torch.relu(torch.as_tensor(result.features) + bias)  # the CPU wheel knows no bias

    def project(self, values: Tensor, layer: nn.Conv2d, sites: SpconvSites) -> Tensor:
        return self._gather.project(values, layer, sites.gather)

    def scatter(self, values: Tensor, sites: SpconvSites) -> Tensor:
        return self._gather.scatter(values, sites.gather)


@contextmanager
def _one_thread(cuda: bool) -> Iterator[None]:
    threads = torch.get_num_threads()
    if not cuda:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
