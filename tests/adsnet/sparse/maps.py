"""Masks, sizes, layers and comparisons that the tests of the sparse engines share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from adsnet.model.acs import Activation
from adsnet.model.layers import ConvBn, ConvBnRelu
from adsnet.sparse.auto import AutoEngine
from adsnet.sparse.choose import self_test
from adsnet.sparse.contract import Engine
from adsnet.sparse.costs import Cost, Costs, Measure
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine
from tests.adsnet.tiny import noise

Network = TypeVar("Network", bound=nn.Module)

MASKS = ("empty", "one patch", "one site", "border", "random", "full")

SCALE = 0.1
"""Results below this are compared as if they were of this size: the inputs have the size 1, and so have the errors."""


FINE_CHANNELS, COARSE_CHANNELS = 2, 3
"""What ``Operations`` tells the engine of its maps, so that an automatic one can choose differently for each."""


def _gather_below_a_quarter(channels: int, patch: int) -> Costs:
    return {"dense": Cost(0.0, 1.0), "gather": Cost(0.0, 4.0)}


def _gather_for_even_channels(channels: int, patch: int) -> Costs:
    return {"dense": Cost(float(channels % 2 == 0), 0.0), "gather": Cost(float(channels % 2), 0.0)}


def _gather_for_odd_channels(channels: int, patch: int) -> Costs:
    return _gather_for_even_channels(channels + 1, patch)


AUTO: dict[str, Measure] = {
    "auto": _gather_below_a_quarter,
    "auto, gather for even channels": _gather_for_even_channels,
    "auto, gather for odd channels": _gather_for_odd_channels,
}
"""Automatic engines of fixed costs: by the kept share, or dense and gather mixed in one network."""

ENGINES = ("gather", *AUTO)
"""All that are compared with the dense engine; spconv too where it is installed."""


def engine_of(name: str) -> Engine:
    """The engine by name; skips where the optional wheel is not there or fails its own test."""
    if name == "spconv":
        test = self_test("spconv")
        if not test.passed:
            pytest.skip(test.text)
        from adsnet.sparse.spconv import SpconvEngine

        return SpconvEngine()
    if name in AUTO:
        return AutoEngine([DenseEngine(), GatherEngine()], AUTO[name])
    return GatherEngine() if name == "gather" else DenseEngine()


def mask_of(kind: str, batch: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    keep = torch.zeros(batch, 1, height, width)
    if kind == "one patch":
        keep[0, 0, : (height + 1) // 2, : (width + 1) // 2] = 1
    elif kind == "one site":
        keep[-1, 0, height - 1, 0] = 1
    elif kind == "border":
        keep[:, :, [0, -1]] = 1
        keep[:, :, :, [0, -1]] = 1
    elif kind == "random":
        keep = (noise(batch, 1, height, width, seed=seed) > 0.3).float()
    elif kind == "full":
        keep += 1
    return keep


@dataclass(frozen=True)
class Layout:
    """A decision mask of ``rows`` × ``columns`` patches and the size of a map that it lies on."""

    kind: str
    batch: int
    rows: int
    columns: int
    height: int
    width: int
    seed: int

    @property
    def keep(self) -> Tensor:
        """The mask, (B, 1, rows, columns)."""
        return mask_of(self.kind, self.batch, self.rows, self.columns, seed=self.seed)

    def map(self, channels: int, *, times: int = 1, more: int = 0) -> Tensor:
        """Noise on the map made ``times`` as fine; ``more`` tells several maps apart."""
        return noise(self.batch, channels, self.height * times, self.width * times, seed=self.seed + more)


@st.composite
def layouts(draw: st.DrawFn, *, unit: int = 1) -> Layout:
    """Whole patches of 1 to 8 sites, maps that the grid does not divide, and grids finer than the map.

    ``unit``: what height and width are multiples of.
    """
    sizes: dict[str, int] = {}
    for patches, side in (("rows", "height"), ("columns", "width")):
        sizes[patches] = draw(st.integers(1, 5))
        case = draw(st.sampled_from(("whole", "whole", "whole", "any", "finer")))
        if case == "whole":
            sizes[side] = sizes[patches] * draw(st.integers(1, 8 // unit)) * unit
        elif case == "any":
            sizes[side] = draw(st.integers(1, 19 // unit)) * unit
        else:
            sizes[side] = draw(st.integers(1, 9 // unit)) * unit
            sizes[patches] = sizes[side] + draw(st.integers(1, 9))
    kind, batch, seed = draw(st.sampled_from(MASKS)), draw(st.integers(1, 3)), draw(st.integers(0, 1000))
    return Layout(kind, batch, seed=seed, **sizes)


def randomise(module: Network, seed: int = 0) -> Network:
    """Random kernels of unit gain and random statistics, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.normal_(0, (2 / layer.weight[0].numel()) ** 0.5, generator=generator)
                if layer.bias is not None:
                    layer.bias.normal_(0, 0.3, generator=generator)
            elif isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None and layer.running_var is not None
                layer.running_mean.normal_(0, 0.3, generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
                layer.weight.uniform_(-1.5, 1.5, generator=generator)
                layer.bias.normal_(0, 0.3, generator=generator)
    return module.eval()


def through(activation: Activation, engine: Engine, x: Tensor, keep: Tensor) -> Tensor:
    """The activation on the kept sites of ``x``, back as a full map."""
    sites = engine.sites(engine.patches(keep), *x.shape[2:])
    return engine.scatter(activation(engine.take(x, sites), engine, sites), sites)


class Operations(nn.Module):
    """Every operation of an engine with a layer of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.near, self.point = ConvBnRelu(inputs, outputs, 3), ConvBnRelu(inputs, outputs, 1)
        self.signed = ConvBn(inputs, outputs, 3)
        self.linear = nn.Conv2d(inputs, outputs, 1)

    def forward(self, engine: Engine, x: Tensor, fine: Tensor, keep: Tensor) -> dict[str, Tensor]:
        """All results as full maps, of ``x`` (B, C, H, W) and of ``fine`` (B, C, 2·H, 2·W)."""
        patches = engine.patches(keep)
        sites = engine.sites(patches, x.shape[2], x.shape[3], COARSE_CHANNELS)
        finer = engine.sites(patches, fine.shape[2], fine.shape[3], FINE_CHANNELS)
        taken = engine.take(x, sites)
        values = {
            "take": taken,
            "take_convolved 3": engine.take_convolved(x, self.near, sites),
            "take_convolved 1": engine.take_convolved(x, self.point, sites),
            "take_convolved without ReLU": engine.take_convolved(x, self.signed, sites),
            "convolve 3": engine.convolve(taken, self.near, sites),
            "convolve 1": engine.convolve(taken, self.point, sites),
            "convolve without ReLU": engine.convolve(taken, self.signed, sites),
            "project": engine.project(taken, self.linear, sites),
        }
        projected = engine.project(taken, self.linear, sites)
        maps = {name: engine.scatter(v, sites) for name, v in values.items()}
        maps["scatter with a fill"] = engine.scatter(projected, sites, fill=-12.0)
        maps["take_upsampled"] = engine.scatter(engine.take_upsampled(x, finer), finer)
        maps["enlarge"] = engine.scatter(engine.enlarge(projected, sites, finer), finer)
        # Not on the input itself: the map that is added to may be overwritten.
        maps["add_to"] = engine.add_to(x * 2, engine.take(x * x, sites), sites)
        maps["add_to channels-last"] = engine.add_to(
            (fine * 2).contiguous(memory_format=torch.channels_last), engine.take(fine * fine, finer), finer
        )
        return maps


def assert_close(got: Tensor, expected: Tensor, relative: float, what: str = "", *, scale: float = SCALE) -> None:
    """Within ``relative`` of the largest magnitude of ``expected``."""
    assert got.shape == expected.shape and got.dtype == expected.dtype, what
    if expected.numel():
        size = max(float(expected.detach().abs().max()), scale)
        deviation = float((got.detach().double() - expected.detach().double()).abs().max())
        assert deviation <= relative * size, f"{what}: {deviation:.2e} of {size:.2e}"


def gradients(module: nn.Module, inputs: dict[str, Tensor], run: Callable[[], list[Tensor]]) -> dict[str, Tensor]:
    """Gradients of a random sum of the results of ``run`` to the inputs and to all parameters; each of them has one."""
    for x in (*inputs.values(), *module.parameters()):
        x.grad = None
        x.requires_grad_()
    maps = run()
    total = torch.stack([(m * noise(*m.shape, seed=i).to(m.dtype)).sum() for i, m in enumerate(maps)]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    found: dict[str, Tensor] = {}
    for name, x in {**inputs, **dict(module.named_parameters())}.items():
        assert x.grad is not None, f"{name} is cut off"
        found[name] = x.grad
    return found
