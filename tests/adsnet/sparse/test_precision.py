"""The engines in bfloat16: as near to each other as rounding after every layer allows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from adsnet.config import ModelConfig
from adsnet.errors import EngineError
from adsnet.model.acs import Activation
from adsnet.model.fused import fused
from adsnet.model.heads import CascadeHead
from adsnet.sparse.choose import choose_engine
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.patches import spread
from tests.adsnet.sparse.maps import (
    ENGINES,
    Layout,
    Operations,
    assert_close,
    engine_of,
    layouts,
    mask_of,
    randomise,
    through,
)
from tests.adsnet.tiny import noise

UNIT = 2.0**-8
"""Half the distance of neighbouring bfloat16 numbers, relative to them: the error of one rounding."""

UNITS = 4
"""How many of them two engines may differ by, relative to the largest magnitude: other orders of summation round
differently, in each of the three layers that follow each other."""


def through_head(head: CascadeHead, maps: list[Tensor], keep: Tensor, engine: Engine) -> Tensor:
    """The logits of the kept pixels; the constant of the others would set the scale."""
    narrow = [x.bfloat16() for x in maps]
    logits = head(*narrow, keep, engine.patches(keep), engine, pixels=1 << 20)
    assert isinstance(logits, Tensor)
    return logits[spread(keep, *maps[2].shape[2:]) > 0.5]


@given(layout=layouts(), inputs=st.integers(1, 11), outputs=st.integers(1, 11))
@settings(max_examples=40)
@torch.inference_mode()
def test_every_operation_agrees_in_bfloat16(layout: Layout, inputs: int, outputs: int) -> None:
    operations = fused(randomise(Operations(inputs, outputs), layout.seed), torch.bfloat16)
    x, fine = layout.map(inputs).bfloat16(), layout.map(inputs, times=2, more=1).bfloat16()
    keep = layout.keep.bfloat16()  # decisions are in the type of the features
    expected = operations(DenseEngine(), x, fine, keep)
    for name in ENGINES:
        got = operations(engine_of(name), x, fine, keep)
        for operation, values in expected.items():
            assert values.dtype == torch.bfloat16
            assert_close(got[operation], values, UNITS * UNIT, f"{operation} of {name}")


@given(layout=layouts(), channels=st.integers(1, 17))
@settings(max_examples=30)
@torch.inference_mode()
def test_an_activation_agrees_in_bfloat16(layout: Layout, channels: int) -> None:
    whole = randomise(Activation(channels), layout.seed)
    activation, x = fused(whole, torch.bfloat16), layout.map(channels).bfloat16()
    expected = through(activation, DenseEngine(), x, layout.keep)
    for name in ENGINES:
        assert_close(through(activation, engine_of(name), x, layout.keep), expected, UNITS * UNIT, name)
    exact = through(whole, DenseEngine(), x.float(), layout.keep)
    assert_close(expected.float(), exact, 3 * UNITS * UNIT, "float32")  # not only equally wrong


@given(layout=layouts(unit=4))
@settings(max_examples=20)
@torch.inference_mode()
def test_the_cascade_head_agrees_in_bfloat16(layout: Layout) -> None:
    whole = randomise(
        CascadeHead(ModelConfig(stem_width=5, backbone_width=5, width=9, cascade_widths=(6, 5))), layout.seed
    )
    head, keep = fused(whole, torch.bfloat16), layout.keep.bfloat16()
    sides = ((9, 4), (5, 2), (1, 1))
    maps = [noise(layout.batch, c, layout.height // s, layout.width // s, seed=layout.seed + s) for c, s in sides]
    expected = through_head(head, maps, keep, DenseEngine())
    assert expected.dtype == torch.bfloat16
    for name in ENGINES:
        assert_close(through_head(head, maps, keep, engine_of(name)), expected, UNITS * UNIT, name)


@pytest.mark.parametrize("name", ["auto", "dense", "gather", "spconv"])
@torch.inference_mode()
def test_an_engine_that_is_given_for_bfloat16_computes_in_it(name: str) -> None:
    try:
        engine = choose_engine(name, torch.device("cpu"), torch.bfloat16)
    except EngineError:
        assert name == "spconv"  # not installed, or refused because it does not know the type
        return
    activation = fused(randomise(Activation(8)), torch.bfloat16)
    keep, x = mask_of("random", 1, 4, 5), noise(1, 8, 16, 20).bfloat16()
    expected = through(activation, DenseEngine(), x, keep)
    assert_close(through(activation, engine, x, keep), expected, 2 * UNITS * UNIT, name)
