"""The building blocks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from adsnet.config import Sparsity
from adsnet.model.backbone import Backbone, level_channels
from adsnet.model.fused import fused
from adsnet.model.layers import ConvBnRelu, ResidualBlock, channels_last, initialise
from adsnet.sparse.gather import GatherEngine
from tests.adsnet.tiny import lively_network, noise, tiny


@pytest.mark.parametrize("kernel", [1, 3])
def test_folded_weights_are_convolution_and_normalisation_in_one(kernel: int) -> None:
    torch.manual_seed(0)
    layer = ConvBnRelu(3, 5, kernel).train()
    with torch.no_grad():
        layer(noise(4, 3, 8, 8) * 3 + 1)  # statistics that are not 0 and 1
        norm = layer[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.uniform_(norm.weight, -1, 2)
        nn.init.uniform_(norm.bias)
        layer.eval()
        weight, bias = layer.folded()
        x = noise(2, 3, 6, 7, seed=1)
        expected = torch.relu(nn.functional.conv2d(x, weight, bias, padding=kernel // 2))
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)
    assert layer.kernel == kernel


def test_a_residual_block_with_zero_convolutions_is_the_relu_of_its_input() -> None:
    block = ResidualBlock(3, 3).eval()
    for convolution in (m for m in block.modules() if isinstance(m, nn.Conv2d)):
        nn.init.zeros_(convolution.weight)
    x = noise(1, 3, 4, 4)
    assert torch.equal(block(x), torch.relu(x))


def test_a_residual_block_changes_size_and_channels() -> None:
    assert ResidualBlock(3, 5, stride=2)(noise(2, 3, 8, 6)).shape == (2, 5, 4, 3)


def test_levels_have_the_strides_and_channels_of_resnet_18() -> None:
    assert level_channels(64) == {2: 64, 3: 128, 4: 256}
    with torch.inference_mode():
        levels = Backbone(64, 64).eval()(noise(1, 1, 48, 32))
    assert levels.stem.shape == (1, 64, 24, 16)
    for stage, level in {2: levels.b2, 3: levels.b3, 4: levels.b4}.items():
        assert level.shape == (1, level_channels(64)[stage], 48 >> stage, 32 >> stage)


@pytest.mark.parametrize("width", [4, 7, 32])
@torch.inference_mode()
def test_a_backbone_of_any_width_has_the_same_proportions(width: int) -> None:
    levels = Backbone(width, width).eval()(noise(2, 1, 48, 32))
    assert [tuple(x.shape[1:]) for x in levels] == [
        (width, 24, 16), (width, 12, 8), (2 * width, 6, 4), (4 * width, 3, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "x",
    [
        noise(2, 1, 5, 7),
        noise(1, 1, 5, 7),
        noise(2, 1, 7, 5).transpose(2, 3),
        noise(2, 3, 5, 7)[:, 1:2],
        noise(2, 1, 9, 7)[:, :, 2:7],
        noise(1, 5, 7)[None],
    ],
)
def test_a_map_of_one_channel_is_put_in_channels_last_order_by_its_strides(x: Tensor) -> None:
    """For torch it is in both orders at once; the strides say which one convolutions take."""
    got = channels_last(x)
    assert torch.equal(got, x) and got.stride() == (35, 1, 7, 1)
    assert channels_last(got) is got
    assert nn.functional.conv2d(got, noise(4, 1, 3, 3)).is_contiguous(memory_format=torch.channels_last)


def test_a_map_of_one_channel_in_one_piece_is_not_copied() -> None:
    x = noise(2, 1, 5, 7)
    assert channels_last(x).data_ptr() == x.data_ptr()


@pytest.mark.parametrize("x", [noise(2, 3, 5, 7), noise(2, 3, 7, 5).transpose(2, 3), noise(3, 3, 5, 7)[::2]])
def test_a_map_of_several_channels_is_put_in_channels_last_order(x: Tensor) -> None:
    got = channels_last(x)
    assert torch.equal(got, x) and got.stride() == (105, 1, 21, 3)
    assert channels_last(got) is got


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("head", ["bilinear", "cascade"])
@torch.inference_mode()
def test_all_maps_of_the_network_are_in_channels_last_order(batch: int, fuse: bool, head: str) -> None:
    """A map in the other order costs a copy at every convolution that follows, in the stem many times more."""
    frame = noise(batch, 1, 64, 96)
    assert frame.is_contiguous()
    network = lively_network(tiny(head=head))
    network = fused(network, torch.float32) if fuse else network
    backbone = network.backbone(channels_last(frame))
    encoded = network.encode(frame)
    third = network.decode_third(encoded, Sparsity(), GatherEngine())
    maps = [*backbone, encoded.stem, *encoded.features.values(), encoded.a4, third.a3]
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in maps)


def test_initialisation_leaves_layers_with_bias_to_their_owner() -> None:
    torch.manual_seed(0)
    ours, owned = nn.Conv2d(1, 8, 3, bias=False), nn.Conv2d(8, 1, 1)
    before = owned.weight.clone()
    initialise(nn.Sequential(ours, owned))
    assert torch.equal(owned.weight, before)
    assert ours.weight.std().item() == pytest.approx((2 / (8 * 9)) ** 0.5, rel=0.3)
