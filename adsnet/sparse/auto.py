"""The automatic engine: for every map, the faster of dense and gather at its share of kept sites."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from adsnet.model.layers import ConvBnRelu
from adsnet.sparse.contract import Engine, Sites
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine

GATHER_BELOW = 0.25
"""Kept share below which gathering wins: measured 1.6 times the dense time at 0.5, equal at 0.25, half at 0.1 (CPU)."""


@dataclass(frozen=True)
class AutoSites:
    """The sites of one map, as the engine that was chosen for it knows them."""

    engine: Engine
    sites: Sites


class AutoEngine:
    """Passes every call on to the engine that ``sites`` chose."""

    name = "auto"

    def __init__(self) -> None:
        self._dense: Engine = DenseEngine()
        self._gather: Engine = GatherEngine()

    def sites(self, keep: Tensor) -> AutoSites:
        engine = self._gather if float(keep.mean()) < GATHER_BELOW else self._dense
        return AutoSites(engine, engine.sites(keep))

    def take(self, x: Tensor, sites: AutoSites) -> Tensor:
        return sites.engine.take(x, sites.sites)

    def take_upsampled(self, coarse: Tensor, sites: AutoSites) -> Tensor:
        return sites.engine.take_upsampled(coarse, sites.sites)

    def take_convolved(self, x: Tensor, layer: ConvBnRelu, sites: AutoSites) -> Tensor:
        return sites.engine.take_convolved(x, layer, sites.sites)

    def convolve(self, values: Tensor, layer: ConvBnRelu, sites: AutoSites) -> Tensor:
        return sites.engine.convolve(values, layer, sites.sites)

    def project(self, values: Tensor, layer: nn.Conv2d, sites: AutoSites) -> Tensor:
        return sites.engine.project(values, layer, sites.sites)

    def scatter(self, values: Tensor, sites: AutoSites) -> Tensor:
        return sites.engine.scatter(values, sites.sites)
