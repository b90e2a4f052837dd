"""The fused form of the network, which predicts, against the form that is trained."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import DENSE, PatchGrid, Sparsity
from adsnet.model import fused as fused_module
from adsnet.model.acs import ActivationHeads
from adsnet.model.fused import FusedConv, fused
from adsnet.model.layers import ConvBn, ConvBnRelu, ResidualBlock, channels_last
from adsnet.model.network import ADSNet, Third
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine
from adsnet.sparse.patches import spread
from tests.adsnet.model.outputs import assert_same_output, mixed_frames
from tests.adsnet.sparse.maps import assert_close, randomise
from tests.adsnet.tiny import lively_network, noise, tiny

RELATIVE = 1e-4
UNIT = 2.0**-8  # rounding to bfloat16

AFD = [
    {"afd": afd, "distribute": stages, "attention": attention}
    for afd, stages, attention in product(
        ("full", "no_channel", "no_spatial"), ((4,), (3, 4), (2, 3, 4)), ("literal", "gate_only")
    )
]
OPTIONS: list[dict[str, Any]] = [
    *AFD,
    {"afd": "off"},
    *({"head": head} for head in ("bilinear", "shuffle", "cascade")),
    {"spatial_kernel": 7},
    {"channel_reduction": 1},
    {"iou_aware": False},
    {"rescore": True},
    {"patches": PatchGrid("grid", 32)},
    {"backbone_width": 5, "width": 9, "cascade_widths": (5, 7)},
    {"stem_width": 8, "cascade_blocks": (1, 2)},
    {"backbone_width": 16, "width": 16, "cascade_widths": (16, 8)},
]


def named(options: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items())


@pytest.fixture(params=[True, False], ids=["packed", "plain"])
def packing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With and without the convolution that torch does not promise to keep."""
    if not request.param:
        monkeypatch.setattr(fused_module, "can_pack", lambda dtype: False)
    elif not fused_module.can_pack(torch.float32):
        pytest.skip("this torch has no packed convolution")
    return bool(request.param)


# ---- one layer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 7])
@torch.inference_mode()
def test_a_fused_layer_is_the_layer(packing: bool, kernel: int, stride: int, rectify: bool) -> None:
    layer = randomise(ConvBn(3, 5, kernel, stride=stride, rectify=rectify))
    small = FusedConv.of(layer)
    assert (small.kernel, small.stride, small.rectified) == (kernel, stride, rectify)
    for size in ((2, 3, 8, 6), (1, 3, 9, 12), (5, 3, 8, 6), (2, 3, 1, 1)):  # one layer for maps of all sizes
        x = noise(*size)
        assert_close(small(x), layer(x), 1e-5, str(size))
    assert [p.shape for p in small.folded()] == [(5, 3, kernel, kernel), (5,)]


@pytest.mark.parametrize("kernel", [1, 3])
@torch.inference_mode()
def test_without_padding_a_layer_gives_the_inner_part(packing: bool, kernel: int) -> None:
    layer = randomise(ConvBnRelu(4, 6, kernel))
    small = FusedConv.of(layer)
    for count in (1, 7, 3):
        x = noise(count, 4, 8, 6)
        edge = kernel // 2
        inner = layer(x)[:, :, edge : 8 - edge, edge : 6 - edge]
        assert_close(layer.valid(x), inner, 1e-5)
        assert_close(small.valid(x), inner, 1e-5)
        assert_close(small(x), layer(x), 1e-5)  # padded and not padded in turn


@torch.inference_mode()
def test_layers_of_a_single_number_and_maps_of_a_single_site(packing: bool) -> None:
    """These take ways of their own, because a call of the convolution library takes longer than they do."""
    for layer, x in (
        (randomise(ConvBn(1, 1, 1)), noise(2, 1, 6, 5)),
        (randomise(ConvBnRelu(1, 1, 1)), noise(2, 1, 6, 5)),
        (randomise(ConvBn(6, 4, 1)), noise(3, 6, 1, 1)),
        (randomise(ConvBnRelu(6, 4, 1)), noise(3, 6, 1, 1)),
    ):
        expected = layer(x)
        before = x.clone()
        got = FusedConv.of(layer)(x)
        assert_close(got, expected, 1e-5)
        assert torch.equal(x, before)


@torch.inference_mode()
def test_layers_that_look_at_the_same_map_are_joined(packing: bool) -> None:
    first, second = randomise(ConvBnRelu(3, 4), 1), randomise(ConvBnRelu(3, 2), 2)
    x = noise(2, 3, 6, 5)
    assert_close(FusedConv.of(first, second)(x), torch.cat([first(x), second(x)], 1), 1e-5)


@pytest.mark.parametrize("block", [ResidualBlock(4, 4), ResidualBlock(4, 6), ResidualBlock(4, 6, stride=2)])
@torch.inference_mode()
def test_a_fused_residual_block_is_the_block_and_leaves_its_input(packing: bool, block: ResidualBlock) -> None:
    """The sum is part of the convolution, and where the shortcut is the input itself it must not be summed into."""
    small = fused(randomise(block), torch.float32)
    narrow = fused(block, torch.bfloat16)
    for size in ((2, 4, 8, 6), (1, 4, 8, 12), (3, 4, 2, 2)):
        x = channels_last(noise(*size))
        before, expected = x.clone(), block(x)
        assert_close(small(x), expected, 1e-5, str(size))
        assert_close(narrow(x.bfloat16()).float(), expected, 8 * UNIT, str(size))
        assert torch.equal(x, before)
        assert expected.min() == 0 < expected.max()  # a ReLU comes after the sum


@torch.inference_mode()
def test_the_fused_layer_is_a_copy(packing: bool) -> None:
    layer = randomise(ConvBn(3, 4))
    small, x = FusedConv.of(layer), noise(1, 3, 5, 5)
    before = small(x).clone()
    layer.norm.bias.add_(1)
    layer.convolution.weight.zero_()
    assert torch.equal(small(x), before)


@torch.inference_mode()
def test_a_layer_that_was_used_can_be_copied_and_converted() -> None:
    """The packed kernel belongs to one type and cannot be copied: it is made anew."""
    layer, x = FusedConv.of(randomise(ConvBn(8, 16, 3))), noise(1, 8, 5, 5)
    expected = layer(x)
    assert torch.equal(copy.deepcopy(layer)(x), expected)
    assert_close(layer.double()(x.double()).float(), expected, 1e-5)
    assert_close(layer.bfloat16()(x.bfloat16()).float(), expected, 4 * UNIT)


def test_a_convolution_library_that_fails_its_test_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> Tensor:
        raise RuntimeError("no such operator")

    def wrong(x: Tensor, kernel: Tensor, bias: Tensor, *arguments: object, **options: object) -> Tensor:
        return F.conv2d(x, kernel, bias)  # without its ReLU

    for broken in (refused, wrong):
        monkeypatch.setattr(fused_module, "_pack", lambda kernel, *rest: kernel)
        monkeypatch.setattr(fused_module, "_packed", broken)
        fused_module.can_pack.cache_clear()
        assert not fused_module.can_pack(torch.float32)
    monkeypatch.undo()
    fused_module.can_pack.cache_clear()


# ---- the whole network --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS, ids=named)
@torch.inference_mode()
def test_the_fused_network_gives_the_same_output(options: dict[str, Any]) -> None:
    network = lively_network(tiny(**options))
    frames, sparsity = mixed_frames(64, 96), Sparsity(drop=(0.25, 0.5))
    expected, small = network(frames, sparsity), fused(network, torch.float32)
    for engine in (DenseEngine(), GatherEngine()):
        assert_same_output(small(frames, sparsity, engine), expected, RELATIVE)


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@torch.inference_mode()
def test_without_the_packed_convolution_the_output_is_the_same(head: str, packing: bool) -> None:
    network, frames = lively_network(tiny(head=head)), mixed_frames(48, 80)
    small = fused(network, torch.float32)
    for size in ((48, 80), (16, 16), (48, 80)):
        part = frames[:, :, : size[0], : size[1]]
        assert_same_output(small(part), network(part), RELATIVE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fusing_does_not_change_the_network(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = ADSNet(tiny()).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modules = [(name, type(m), m.training) for name, m in network.named_modules()]
    small = fused(network, dtype)
    with torch.inference_mode():
        small(noise(1, 1, 32, 32).to(dtype))
    assert [(name, type(m), m.training) for name, m in network.named_modules()] == modules
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(after[n].dtype == t.dtype and torch.equal(after[n], t) for n, t in before.items())
    assert all(p.requires_grad for p in network.parameters())
    of_small = {tensor.data_ptr() for tensor in small.state_dict().values()}
    assert not of_small & {tensor.data_ptr() for tensor in after.values()}


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fused_network_has_no_normalisation_and_one_type_but_for_its_decisions(head: str, dtype: torch.dtype) -> None:
    network = lively_network(tiny(head=head))
    small = fused(network, dtype)
    assert not small.training
    assert not [m for m in small.modules() if isinstance(m, nn.BatchNorm2d | ConvBn)]
    blocks = sum(isinstance(m, ResidualBlock) for m in network.modules())
    assert sum(isinstance(m, ResidualBlock) for m in small.modules()) == blocks > 6
    decisions = {name for name, m in small.named_modules() if isinstance(m, ActivationHeads)}
    assert decisions == {"heads4", "heads3"}
    for name, tensor in small.state_dict().items():
        assert tensor.dtype == (torch.float32 if name.partition(".")[0] in decisions else dtype), name
        if tensor.dim() == 4:
            assert tensor.is_contiguous(memory_format=torch.channels_last), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_decisions_keep_every_digit_of_their_weights(dtype: torch.dtype) -> None:
    network = lively_network()
    small = fused(network, dtype)
    for name in ("heads4", "heads3"):
        heads, got = getattr(network, name), getattr(small, name).state_dict()
        assert isinstance(heads, ActivationHeads) and heads.score is not None
        for part in ("weight", "bias"):
            expected = torch.cat([getattr(layer, part) for layer in (heads.classify, heads.score)])
            assert torch.equal(got[f"_class_and_score.{part}"], expected), f"{name} is rounded"
            assert torch.equal(got[f"decide.{part}"], getattr(heads.decide, part)), f"{name} is rounded"


# ---- bfloat16 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@torch.inference_mode()
def test_bfloat16_gives_nearly_the_same_probabilities(head: str) -> None:
    """Where nothing is dropped: else a patch whose decision falls the other way has no probabilities to compare."""
    network, frames = lively_network(tiny(head=head)), mixed_frames(64, 96)
    exact = network(frames, DENSE)
    rounded = fused(network, torch.bfloat16)(frames.bfloat16(), DENSE)
    assert rounded.logits.dtype == torch.bfloat16
    difference = (torch.sigmoid(rounded.logits.float()) - torch.sigmoid(exact.logits)).abs()
    # A logit of 10 is off by a few hundredths, and these random weights have been scaled up to such logits.
    assert float(difference.mean()) < 0.02 and float(difference.quantile(0.99)) < 0.1
    for stage in (4, 3):
        ours, theirs = rounded.stages[stage], exact.stages[stage]
        assert ours.keep_logits.dtype == ours.class_logits.dtype == torch.float32
        moved = (torch.sigmoid(ours.keep_logit) - torch.sigmoid(theirs.keep_logit)).abs()
        assert float(moved.mean()) < 0.02, stage


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@torch.inference_mode()
def test_in_bfloat16_gather_agrees_with_dense(head: str) -> None:
    """Stage by stage from the same input, so that no decision falls differently."""
    network = fused(lively_network(tiny(head=head)), torch.bfloat16)
    sparsity, dense, gather = Sparsity(drop=(0.25, 0.5)), DenseEngine(), GatherEngine()
    encoded = network.encode(mixed_frames(64, 96).bfloat16())
    expected, got = (network.decode_third(encoded, sparsity, engine) for engine in (dense, gather))
    assert torch.equal(got.stage4.keep, expected.stage4.keep)
    assert_close(got.a3, expected.a3, 4 * UNIT)
    third = Third(expected.stage4, expected.a3)
    outputs = [network.decode_rest(encoded, third, sparsity, engine) for engine in (dense, gather)]
    keep = outputs[0].stages[3].keep
    assert torch.equal(outputs[1].stages[3].keep, keep) and 0 < float(keep.mean()) < 1
    seen = spread(keep, 64, 96) > 0.5  # the constant of the others would set the scale
    assert_close(outputs[1].logits[seen], outputs[0].logits[seen], 4 * UNIT)
    if head != "cascade":
        assert_close(outputs[1].logits, outputs[0].logits, 4 * UNIT)


def test_bfloat16_works_on_a_cpu_that_does_not_have_it() -> None:
    """Slowly, but it was asked for by name. The library is told of an older CPU, which it hears at its start only."""
    code = (
        "import torch; from adsnet.model.fused import fused; from tests.adsnet.tiny import lively_network, noise\n"
        "with torch.inference_mode(): fused(lively_network(), torch.bfloat16)(noise(1, 1, 32, 32).bfloat16())"
    )
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "ONEDNN_MAX_CPU_ISA": "AVX2"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-1]
