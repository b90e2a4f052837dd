"""The automatic engine: for every map, the engine that costs least for its size, channels and kept share."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from adsnet.model.layers import Convolution
from adsnet.sparse.contract import USUAL_CHANNELS, Engine, Patches, Sites
from adsnet.sparse.costs import Measure


@dataclass(frozen=True)
class AutoSites:
    """The sites of one map, as the engine that was chosen for it knows them."""

    engine: Engine
    sites: Sites


class AutoPatches:
    """One decision mask, as each engine that was chosen for one of its maps knows it."""

    def __init__(self, keep: Tensor) -> None:
        self.keep = keep
        self.frames, self.share = int(keep.shape[0]), int(keep.count_nonzero()) / keep.numel()
        self._of: dict[str, Patches] = {}

    def of(self, engine: Engine) -> Patches:
        """The patches in the form of the engine."""
        if engine.name not in self._of:
            self._of[engine.name] = engine.patches(self.keep)
        return self._of[engine.name]


class AutoEngine:
    """Passes every call on to the engine that ``sites`` chose."""

    name = "auto"

    def __init__(self, engines: list[Engine], costs: Measure) -> None:
        self._engines = {engine.name: engine for engine in engines}
        self._costs = costs
        self.chosen: dict[tuple[int, int], str] = {}
        """The engine that was taken last for a map of this height and width."""

    def patches(self, keep: Tensor) -> AutoPatches:
        return AutoPatches(keep)

    def sites(self, patches: AutoPatches, height: int, width: int, channels: int = USUAL_CHANNELS) -> AutoSites:
        every = patches.frames * height * width
        rows, columns = patches.keep.shape[2:]
        whole = height % rows == 0 and width % columns == 0  # else the patches are single sites
        costs = self._costs(channels, min(height // rows, width // columns) if whole else 1)
        seconds = {
            name: cost.seconds(every if name == "dense" else every * patches.share) for name, cost in costs.items()
        }
        engine = self._engines[min(seconds, key=seconds.__getitem__)]
        self.chosen[height, width] = engine.name
        return AutoSites(engine, engine.sites(patches.of(engine), height, width, channels))

    def take(self, x: Tensor, sites: AutoSites) -> Tensor:
        return sites.engine.take(x, sites.sites)

    def take_upsampled(self, coarse: Tensor, sites: AutoSites) -> Tensor:
        return sites.engine.take_upsampled(coarse, sites.sites)

    def enlarge(self, values: Tensor, sites: AutoSites, finer: AutoSites) -> Tensor:
        if sites.engine is finer.engine:
            return sites.engine.enlarge(values, sites.sites, finer.sites)
        return finer.engine.take_upsampled(sites.engine.scatter(values, sites.sites), finer.sites)

    def take_convolved(self, x: Tensor, layer: Convolution, sites: AutoSites) -> Tensor:
        return sites.engine.take_convolved(x, layer, sites.sites)

    def convolve(self, values: Tensor, layer: Convolution, sites: AutoSites) -> Tensor:
        return sites.engine.convolve(values, layer, sites.sites)

    def project(self, values: Tensor, layer: nn.Conv2d, sites: AutoSites) -> Tensor:
        return sites.engine.project(values, layer, sites.sites)

    def add_to(self, x: Tensor, values: Tensor, sites: AutoSites) -> Tensor:
        return sites.engine.add_to(x, values, sites.sites)

    def scatter(self, values: Tensor, sites: AutoSites, fill: float = 0.0) -> Tensor:
        return sites.engine.scatter(values, sites.sites, fill)
