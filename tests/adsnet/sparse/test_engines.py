"""Every engine gives the numbers of the dense one, at every kind of mask."""

from __future__ import annotations

from typing import TypeVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from adsnet.model.acs import Activation
from adsnet.model.layers import ConvBnRelu
from adsnet.sparse.auto import AutoEngine
from adsnet.sparse.choose import self_test
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine
from tests.adsnet.tiny import noise

Network = TypeVar("Network", bound=nn.Module)
MASKS = ("empty", "one patch", "one site", "border", "random", "full")


def engine_of(name: str) -> Engine:
    """The engine by name; skips where the optional wheel is not there or fails its own test."""
    if name == "spconv":
        test = self_test("spconv")
        if not test.passed:
            pytest.skip(test.text)
        from adsnet.sparse.spconv import SpconvEngine

        return SpconvEngine()
    return GatherEngine() if name == "gather" else AutoEngine()


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


def randomise(module: Network, seed: int = 0) -> Network:
    """Random kernels of unit gain and random statistics, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.normal_(0, (2 / layer.weight[0].numel()) ** 0.5, generator=generator)
            elif isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None and layer.running_var is not None
                layer.running_mean.normal_(0, 0.3, generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
                layer.weight.uniform_(-1.5, 1.5, generator=generator)
                layer.bias.normal_(0, 0.3, generator=generator)
    return module.eval()


def through(activation: Activation, engine: Engine, x: Tensor, keep: Tensor) -> Tensor:
    sites = engine.sites(keep)
    return engine.scatter(activation(engine.take(x, sites), engine, sites), sites)


def everything(engine: Engine, inputs: int, outputs: int, keep: Tensor, *, seed: int = 0) -> dict[str, Tensor]:
    """All six operations on random maps, back as full maps."""
    batch, _, height, width = keep.shape
    x = noise(batch, inputs, height, width, seed=seed)
    coarse = noise(batch, inputs, height // 2, width // 2, seed=seed + 1)
    layers = {k: randomise(ConvBnRelu(inputs, outputs, k), seed) for k in (1, 3)}
    torch.manual_seed(seed)
    linear = nn.Conv2d(inputs, outputs, 1)
    sites = engine.sites(keep)
    taken = engine.take(x, sites)
    values = {"take": taken, "upsampled": engine.take_upsampled(coarse, sites)}
    for k, layer in layers.items():
        values[f"take_convolved {k}"] = engine.take_convolved(x, layer, sites)
        values[f"convolve {k}"] = engine.convolve(taken, layer, sites)
    values["project"] = engine.project(taken, linear, sites)
    return {name: engine.scatter(v, sites) for name, v in values.items()}


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", ["gather", "auto", "spconv"])
@torch.inference_mode()
def test_every_operation_agrees_with_the_dense_engine(name: str, kind: str) -> None:
    keep = mask_of(kind, 2, 10, 14)
    expected, got = everything(DenseEngine(), 5, 7, keep), everything(engine_of(name), 5, 7, keep)
    for operation, values in expected.items():
        torch.testing.assert_close(got[operation], values, atol=2e-5, rtol=1e-5, msg=operation)


@pytest.mark.parametrize("kind", MASKS)
def test_nothing_leaks_out_of_the_mask(kind: str) -> None:
    keep = mask_of(kind, 2, 9, 11)
    for engine in (DenseEngine(), GatherEngine()):
        with torch.inference_mode():
            out = through(randomise(Activation(3)), engine, noise(2, 3, 9, 11), keep)
        assert torch.equal(out * (1 - keep), torch.zeros_like(out))
        assert kind == "empty" or out.abs().sum() > 0


@torch.inference_mode()
def test_dropped_sites_do_not_influence_kept_ones() -> None:
    keep = mask_of("random", 1, 12, 12)
    x = noise(1, 4, 12, 12)
    activation = randomise(Activation(4))
    for engine in (DenseEngine(), GatherEngine()):
        other = x + (1 - keep) * 1000
        assert torch.equal(through(activation, engine, x, keep), through(activation, engine, other, keep))


@torch.inference_mode()
def test_a_full_mask_is_the_plain_convolution() -> None:
    layer = randomise(ConvBnRelu(3, 4))
    x = noise(2, 3, 8, 6)
    engines: tuple[Engine, ...] = (DenseEngine(), GatherEngine())
    for engine in engines:
        sites = engine.sites(torch.ones(2, 1, 8, 6))
        got = engine.scatter(engine.convolve(engine.take(x, sites), layer, sites), sites)
        torch.testing.assert_close(got, layer(x), atol=1e-5, rtol=1e-5)


@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    channels=st.integers(1, 11),
    kind=st.sampled_from(MASKS),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_an_activation_agrees_at_every_size(
    batch: int, height: int, width: int, channels: int, kind: str, seed: int
) -> None:
    keep, x = mask_of(kind, batch, height, width, seed=seed), noise(batch, channels, height, width, seed=seed)
    activation = randomise(Activation(channels), seed)
    with torch.inference_mode():
        expected = through(activation, DenseEngine(), x, keep)
        for engine in (GatherEngine(), AutoEngine()):
            torch.testing.assert_close(through(activation, engine, x, keep), expected, atol=1e-4, rtol=1e-4)


@given(height=st.integers(1, 7), width=st.integers(1, 7), channels=st.integers(1, 9), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_spconv_agrees_at_every_size(height: int, width: int, channels: int, seed: int) -> None:
    engine = engine_of("spconv")
    keep, x = mask_of("random", 2, height, width, seed=seed), noise(2, channels, height, width, seed=seed)
    activation = randomise(Activation(channels), seed)
    with torch.inference_mode():
        expected = through(activation, DenseEngine(), x, keep)
        torch.testing.assert_close(through(activation, engine, x, keep), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", MASKS)
def test_gather_has_the_gradients_of_dense(kind: str) -> None:
    keep, weights = mask_of(kind, 2, 7, 9), noise(2, 5, 7, 9, seed=3)
    gradients = []
    for engine in (DenseEngine(), GatherEngine()):
        activation = randomise(Activation(5))
        x = noise(2, 5, 7, 9).requires_grad_()
        (through(activation, engine, x, keep) * weights).sum().backward()  # type: ignore[no-untyped-call]
        gradients.append({"x": x.grad, **{name: p.grad for name, p in activation.named_parameters()}})
    for name, dense in gradients[0].items():
        assert dense is not None
        got = gradients[1][name]
        assert got is not None, name
        torch.testing.assert_close(got, dense, atol=1e-4, rtol=1e-3, msg=name)


def test_gather_splits_large_products_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    keep, x = mask_of("random", 1, 20, 20), noise(1, 4, 20, 20)
    activation = randomise(Activation(4))
    with torch.inference_mode():
        whole = through(activation, GatherEngine(), x, keep)
        monkeypatch.setattr("adsnet.sparse.gather.ROWS_AT_ONCE", 7)
        parts = through(activation, GatherEngine(), x, keep)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)


def test_spconv_puts_the_number_of_threads_back() -> None:
    engine = engine_of("spconv")
    keep = mask_of("random", 1, 6, 6)
    activation = randomise(Activation(4))
    torch.set_num_threads(2)
    try:
        with torch.inference_mode():
            through(activation, engine, noise(1, 4, 6, 6), keep)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_automatic_engine_takes_gather_for_sparse_maps_only() -> None:
    engine = AutoEngine()
    assert engine.sites(mask_of("one site", 1, 8, 8)).engine.name == "gather"
    assert engine.sites(mask_of("empty", 1, 8, 8)).engine.name == "gather"
    assert engine.sites(mask_of("full", 1, 8, 8)).engine.name == "dense"
