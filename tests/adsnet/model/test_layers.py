"""The building blocks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from adsnet.model.backbone import LEVEL_CHANNELS, STEM_CHANNELS, Backbone
from adsnet.model.layers import ConvBnRelu, ResidualBlock, initialise
from tests.adsnet.tiny import noise


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
    with torch.inference_mode():
        levels = Backbone().eval()(noise(1, 1, 48, 32))
    assert levels.stem.shape == (1, STEM_CHANNELS, 24, 16)
    for stage, level in {2: levels.b2, 3: levels.b3, 4: levels.b4}.items():
        assert level.shape == (1, LEVEL_CHANNELS[stage], 48 >> stage, 32 >> stage)


def test_initialisation_leaves_layers_with_bias_to_their_owner() -> None:
    torch.manual_seed(0)
    ours, owned = nn.Conv2d(1, 8, 3, bias=False), nn.Conv2d(8, 1, 1)
    before = owned.weight.clone()
    initialise(nn.Sequential(ours, owned))
    assert torch.equal(owned.weight, before)
    assert ours.weight.std().item() == pytest.approx((2 / (8 * 9)) ** 0.5, rel=0.3)
