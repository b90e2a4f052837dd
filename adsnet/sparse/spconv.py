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
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from adsnet.errors import EngineError
from adsnet.model.fused import FusedConv
from adsnet.model.layers import Convolution
from adsnet.sparse.gather import GatherEngine, GatherSites, KeptPatches, rows_of


@dataclass(frozen=True)
class SpconvSites:
    """The sites of the gather engine and, for spconv, their (n·h·w, 3) int32 indices and the cache of its rule book."""

    gather: GatherSites
    indices: Tensor
    rules: dict[str, Any]


class SpconvEngine:
    """Values are patches as in the gather engine; the 3×3 submanifold convolutions are spconv's."""

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
        self._made: WeakKeyDictionary[Convolution, tuple[Any, Tensor]] = WeakKeyDictionary()

    def patches(self, keep: Tensor) -> KeptPatches:
        return self._gather.patches(keep)

    def sites(self, patches: KeptPatches, height: int, width: int, channels: int = 0) -> SpconvSites:
        gather = self._gather.sites(patches, height, width)
        row = gather.flat // width
        indices = torch.stack([row // height, row % height, gather.flat % width], 1)
        return SpconvSites(gather, indices.to(torch.int32).contiguous(), {})

    def take(self, x: Tensor, sites: SpconvSites) -> Tensor:
        return self._gather.take(x, sites.gather)

    def take_upsampled(self, coarse: Tensor, sites: SpconvSites) -> Tensor:
        return self._gather.take_upsampled(coarse, sites.gather)

    def enlarge(self, values: Tensor, sites: SpconvSites, finer: SpconvSites) -> Tensor:
        return self._gather.enlarge(values, sites.gather, finer.gather)

    def take_convolved(self, x: Tensor, layer: Convolution, sites: SpconvSites) -> Tensor:
        return self._gather.take_convolved(x, layer, sites.gather)

    def convolve(self, values: Tensor, layer: Convolution, sites: SpconvSites) -> Tensor:
        if layer.kernel == 1 or not sites.gather.count:  # on a GPU spconv refuses an empty set
            return self._gather.convolve(values, layer, sites.gather)
        convolution, bias = self._converted(layer)
        batch, height, width = sites.gather.shape
        rows = rows_of(values).to(convolution.weight.dtype).contiguous()
        tensor = self._library.SparseConvTensor(rows, sites.indices, [height, width], batch)
        tensor.indice_dict = sites.rules  # the rule book of the mask, built by the first convolution
        with _one_thread(values.is_cuda):
            result = convolution(tensor)
        sites.rules.update(result.indice_dict)
        features = (torch.as_tensor(result.features) + bias).to(values.dtype)  # the CPU wheel knows no bias
        patches = features.view(sites.gather.count, *sites.gather.patch, -1).permute(0, 3, 1, 2)
        return patches.relu_() if layer.rectified else patches

    def _converted(self, layer: Convolution) -> tuple[Any, Tensor]:
        """The library's form of a layer, made once where the layer no longer changes, and its bias."""
        if layer in self._made:
            return self._made[layer]
        kernel, bias = layer.folded()
        algorithm = self._algorithms.MaskImplicitGemm if kernel.is_cuda else self._algorithms.Native
        convolution = self._library.SubMConv2d(
            kernel.shape[1], kernel.shape[0], 3, bias=False, indice_key="stage", algo=algorithm
        ).to(kernel.device)
        # KRSC, and a copy: of a view made in inference mode the library cannot take the version.
        krsc = kernel.detach().permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
        krsc = krsc if krsc.dtype == torch.float16 and krsc.is_cuda else krsc.float()  # no wheel knows bfloat16
        convolution.weight.data = krsc
        if isinstance(layer, FusedConv):
            self._made[layer] = convolution.eval(), bias
        return convolution.eval(), bias

    def project(self, values: Tensor, layer: nn.Conv2d, sites: SpconvSites) -> Tensor:
        return self._gather.project(values, layer, sites.gather)

    def add_to(self, x: Tensor, values: Tensor, sites: SpconvSites) -> Tensor:
        return self._gather.add_to(x, values, sites.gather)

    def scatter(self, values: Tensor, sites: SpconvSites, fill: float = 0.0) -> Tensor:
        return self._gather.scatter(values, sites.gather, fill)


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
