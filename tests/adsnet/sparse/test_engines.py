"""Every engine gives the numbers of the dense one, at every kind of mask."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from adsnet.config import ModelConfig
from adsnet.model.acs import Activation
from adsnet.model.fused import fused
from adsnet.model.heads import DROPPED_LOGIT, CascadeHead
from adsnet.model.layers import ConvBnRelu
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.patches import spread
from tests.adsnet.sparse.maps import (
    ENGINES,
    MASKS,
    Layout,
    Network,
    Operations,
    assert_close,
    engine_of,
    layouts,
    mask_of,
    randomise,
    through,
)
from tests.adsnet.tiny import noise

RELATIVE = 1e-5
"""Rounding of float32, of the largest magnitude of a map."""

NOT_DIVIDED = Layout("random", 2, rows=4, columns=3, height=6, width=9, seed=1)
"""The grid divides the map twice as fine only: single sites there, patches here."""


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", [*ENGINES, "spconv"])
@torch.inference_mode()
def test_every_operation_agrees_with_the_dense_engine(name: str, kind: str) -> None:
    layout = Layout(kind, 2, rows=10, columns=14, height=10, width=14, seed=0)
    operations = randomise(Operations(5, 7))
    x, fine = layout.map(5), layout.map(5, times=2, more=1)
    expected = operations(DenseEngine(), x, fine, layout.keep)
    got = operations(engine_of(name), x, fine, layout.keep)
    for operation, values in expected.items():
        torch.testing.assert_close(got[operation], values, atol=2e-5, rtol=1e-5, msg=operation)


def as_used(module: Network, fuse: bool) -> Network:
    """The module as training and evaluation use it, or as prediction does."""
    return fused(module, torch.float32) if fuse else module


@given(layout=layouts(), inputs=st.integers(1, 11), outputs=st.integers(1, 11), fuse=st.booleans())
@example(layout=NOT_DIVIDED, inputs=3, outputs=5, fuse=False)
@settings(max_examples=60)
def test_every_operation_agrees_on_every_grid(layout: Layout, inputs: int, outputs: int, fuse: bool) -> None:
    agree_in_every_operation(ENGINES, layout, inputs, outputs, fuse)


@given(layout=layouts(), inputs=st.integers(1, 9), outputs=st.integers(1, 9), fuse=st.booleans())
@example(layout=NOT_DIVIDED, inputs=3, outputs=5, fuse=False)
@settings(max_examples=25)
def test_every_operation_of_spconv_agrees_on_every_grid(layout: Layout, inputs: int, outputs: int, fuse: bool) -> None:
    agree_in_every_operation(("spconv",), layout, inputs, outputs, fuse)


@torch.inference_mode()
def agree_in_every_operation(names: tuple[str, ...], layout: Layout, inputs: int, outputs: int, fuse: bool) -> None:
    operations = as_used(randomise(Operations(inputs, outputs), layout.seed), fuse)
    x, fine = layout.map(inputs), layout.map(inputs, times=2, more=1)
    expected = operations(DenseEngine(), x, fine, layout.keep)
    for name in names:
        got = operations(engine_of(name), x, fine, layout.keep)
        assert list(got) == list(expected)
        for operation, values in expected.items():
            assert_close(got[operation], values, RELATIVE, f"{operation} of {name}")


@given(layout=layouts(), channels=st.integers(1, 11), fuse=st.booleans())
@settings(max_examples=40)
def test_an_activation_agrees_on_every_grid(layout: Layout, channels: int, fuse: bool) -> None:
    agree_in_an_activation(ENGINES, layout, channels, fuse)


@given(layout=layouts(), channels=st.integers(1, 9), fuse=st.booleans())
@settings(max_examples=20)
def test_an_activation_of_spconv_agrees_on_every_grid(layout: Layout, channels: int, fuse: bool) -> None:
    agree_in_an_activation(("spconv",), layout, channels, fuse)


@torch.inference_mode()
def agree_in_an_activation(names: tuple[str, ...], layout: Layout, channels: int, fuse: bool) -> None:
    activation, x = as_used(randomise(Activation(channels), layout.seed), fuse), layout.map(channels)
    expected = through(activation, DenseEngine(), x, layout.keep)
    for name in names:
        assert_close(through(activation, engine_of(name), x, layout.keep), expected, RELATIVE, name)


def head_of(layout: Layout, width: int, half: int, full: int) -> tuple[CascadeHead, list[Tensor]]:
    """A head and its maps: the layout is of the frame, whose sides are multiples of 4."""
    config = ModelConfig(stem_width=5, backbone_width=5, width=width, cascade_widths=(half, full))
    quarter, frame = (layout.height // 4, layout.width // 4), layout.map(1)
    a2 = noise(layout.batch, width, *quarter, seed=layout.seed + 1)
    stem = noise(layout.batch, 5, 2 * quarter[0], 2 * quarter[1], seed=layout.seed + 2)
    return randomise(CascadeHead(config), layout.seed), [a2, stem, frame]


def head_logits(head: CascadeHead, maps: list[Tensor], keep: Tensor, engine: Engine) -> Tensor:
    logits = head(*maps, keep, engine.patches(keep), engine, pixels=1 << 20)
    assert isinstance(logits, Tensor)
    return logits


@given(layout=layouts(unit=4), half=st.integers(4, 9), full=st.integers(4, 9), fuse=st.booleans())
@settings(max_examples=40)
def test_the_cascade_head_agrees_on_every_grid(layout: Layout, half: int, full: int, fuse: bool) -> None:
    agree_in_the_head(ENGINES, layout, half, full, fuse)


@given(layout=layouts(unit=4), half=st.integers(4, 9), full=st.integers(4, 9), fuse=st.booleans())
@settings(max_examples=15)
def test_the_cascade_head_of_spconv_agrees_on_every_grid(layout: Layout, half: int, full: int, fuse: bool) -> None:
    agree_in_the_head(("spconv",), layout, half, full, fuse)


@torch.inference_mode()
def agree_in_the_head(names: tuple[str, ...], layout: Layout, half: int, full: int, fuse: bool) -> None:
    whole, maps = head_of(layout, 9, half, full)
    head = as_used(whole, fuse)
    expected = head_logits(head, maps, layout.keep, DenseEngine())
    assert expected.shape == (layout.batch, 1, layout.height, layout.width)
    dropped = spread(layout.keep, layout.height, layout.width) < 0.5
    assert bool((expected[dropped] == DROPPED_LOGIT).all())
    for name in names:
        got = head_logits(head, maps, layout.keep, engine_of(name))
        assert bool((got[dropped] == DROPPED_LOGIT).all()), name
        # The constant would set the scale where little is kept.
        assert_close(got[~dropped], expected[~dropped], RELATIVE, name)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", ["dense", "gather", "auto", "spconv"])
@pytest.mark.parametrize("patch", [1, 3])
def test_nothing_leaks_out_of_the_mask(name: str, kind: str, patch: int) -> None:
    keep = mask_of(kind, 2, 9, 11)
    x = noise(2, 3, 9 * patch, 11 * patch)
    with torch.inference_mode():
        out = through(randomise(Activation(3)), engine_of(name), x, keep)
    assert torch.equal(out * (1 - spread(keep, *x.shape[2:])), torch.zeros_like(out))
    assert kind == "empty" or out.abs().sum() > 0


@pytest.mark.parametrize("name", ["dense", "gather", "auto"])
@pytest.mark.parametrize("patch", [1, 3])
@torch.inference_mode()
def test_dropped_sites_do_not_influence_kept_ones(name: str, patch: int) -> None:
    keep = mask_of("random", 1, 12, 12)
    x = noise(1, 4, 12 * patch, 12 * patch)
    other = x + (1 - spread(keep, *x.shape[2:])) * 1000
    activation, engine = randomise(Activation(4)), engine_of(name)
    assert torch.equal(through(activation, engine, x, keep), through(activation, engine, other, keep))


@pytest.mark.parametrize("name", ["dense", "gather", "auto", "spconv"])
@pytest.mark.parametrize("grid", [(8, 6), (4, 2), (3, 5)])
@torch.inference_mode()
def test_a_full_mask_is_the_plain_convolution(name: str, grid: tuple[int, int]) -> None:
    layer, engine = randomise(ConvBnRelu(3, 4)), engine_of(name)
    x = noise(2, 3, 8, 6)
    sites = engine.sites(engine.patches(torch.ones(2, 1, *grid)), 8, 6)
    got = engine.scatter(engine.convolve(engine.take(x, sites), layer, sites), sites)
    torch.testing.assert_close(got, layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", ["dense", "gather", "auto", "spconv"])
@torch.inference_mode()
def test_no_input_is_changed_but_the_map_that_is_added_to(name: str, kind: str) -> None:
    """The dense engine multiplies in place and ReLUs are in place: only ever on what nobody else holds."""
    engine, keep = engine_of(name), mask_of(kind, 2, 4, 5)
    operations, activation = randomise(Operations(3, 4)), randomise(Activation(3))
    head, maps = head_of(Layout(kind, 2, 4, 5, 16, 20, 0), 8, 4, 5)
    inputs = [noise(2, 3, 8, 10).contiguous(memory_format=torch.channels_last), noise(2, 3, 16, 20), *maps, keep]
    before = [x.clone() for x in inputs]
    operations(engine, inputs[0], inputs[1], keep)
    through(activation, engine, inputs[0], keep)
    head_logits(head, maps, keep, engine)
    assert all(torch.equal(x, y) for x, y in zip(inputs, before, strict=True))


def test_a_mask_that_keeps_everything_costs_the_dense_engine_nothing() -> None:
    """In training it must be multiplied by all the same: the gradient of the decisions comes through it."""
    engine, keep, x = DenseEngine(), torch.ones(2, 1, 3, 4), noise(2, 5, 6, 8)
    with torch.inference_mode():
        assert engine.take(x, engine.sites(engine.patches(keep), 6, 8)) is x
    keep.requires_grad_()
    engine.take(x, engine.sites(engine.patches(keep), 6, 8)).sum().backward()  # type: ignore[no-untyped-call]
    assert keep.grad is not None
    torch.testing.assert_close(keep.grad, x.unfold(2, 2, 2).unfold(3, 2, 2).sum((1, 4, 5))[:, None])


@torch.inference_mode()
def test_values_are_summed_and_joined_like_maps() -> None:
    """What the network does with values between the operations of the engine."""
    keep, x = mask_of("random", 2, 4, 3), noise(2, 5, 8, 12)
    results = []
    for engine in (engine_of("dense"), engine_of("gather")):
        sites = engine.sites(engine.patches(keep), 8, 12)
        values = engine.take(x, sites)
        joined = torch.cat([values + values, torch.relu(values)], 1)
        results.append(engine.scatter(joined, sites))
    assert torch.equal(*results)


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
