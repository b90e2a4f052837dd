"""Aware fusion distribute, against equations (1)-(5) written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from adsnet.config import ModelConfig
from adsnet.model.afd import AwareFusionDistribute, Distribute
from adsnet.model.backbone import Levels, level_channels
from tests.adsnet.tiny import TINY, noise, tiny


def levels(batch: int = 2) -> Levels:
    b2, b3, b4 = level_channels(TINY.backbone_width).values()
    shapes = ((b2, 32, 48), (b2, 16, 24), (b3, 8, 12), (b4, 4, 6))
    return Levels(*(noise(batch, *shape, seed=i) for i, shape in enumerate(shapes)))


def warmed(config: ModelConfig) -> AwareFusionDistribute:
    """A module whose batch norms have statistics of their own."""
    torch.manual_seed(0)
    module = AwareFusionDistribute(config)
    with torch.no_grad():
        module(levels())
    return module.eval()


@pytest.mark.parametrize("attention", ["literal", "gate_only"])
@pytest.mark.parametrize("stage", [2, 3, 4])
@torch.inference_mode()
def test_distribute_is_equations_2_to_5(attention: str, stage: int) -> None:
    config = tiny(attention=attention, distribute=(2, 3, 4))
    module = warmed(config).stages[str(stage)]
    assert isinstance(module, Distribute) and module.channel_squeeze is not None
    assert module.channel_expand is not None and module.spatial is not None
    level, group = (levels().b2, levels().b3, levels().b4)[stage - 2], noise(2, TINY.width, 8, 12, seed=9)

    resized = {2: F.interpolate(group, scale_factor=2.0, mode="bilinear"), 3: group, 4: F.max_pool2d(group, 2)}[stage]
    joined = module.lateral(level) + resized  # (2)
    peak = joined.flatten(2).max(2).values[:, :, None, None]
    channel = torch.sigmoid(module.channel_expand(torch.relu(module.channel_squeeze(peak))))
    spatial = torch.sigmoid(module.spatial(joined.max(1, keepdim=True).values))
    if attention == "literal":
        gate = channel * resized + spatial * resized  # (3), (4)
    else:
        gate = channel + spatial
    expected = gate * module.local(level) + resized  # (5)

    got, maps = module(level, group)
    torch.testing.assert_close(got, expected)
    assert maps.channel is not None and maps.spatial is not None
    torch.testing.assert_close(maps.channel, channel)
    torch.testing.assert_close(maps.spatial, spatial)
    assert maps.channel.shape == (2, TINY.width, 1, 1) and maps.spatial.shape == (2, 1, *level.shape[2:])


@pytest.mark.parametrize("distribute", [(4,), (3, 4), (2, 3, 4)])
@torch.inference_mode()
def test_only_the_stages_of_the_configuration_are_fed(distribute: tuple[int, ...]) -> None:
    module = warmed(tiny(distribute=distribute))
    features, attentions = module(levels())
    assert tuple(attentions) == distribute
    assert {stage: f.shape[2:] for stage, f in features.items()} == {2: (16, 24), 3: (8, 12), 4: (4, 6)}
    assert module.aggregate is not None
    assert module.aggregate(levels()).shape == (2, TINY.width * len(distribute), 8, 12)


@pytest.mark.parametrize(
    ("afd", "channel", "spatial"), [("full", True, True), ("no_channel", False, True), ("no_spatial", True, False)]
)
@torch.inference_mode()
def test_ablations_leave_an_attention_out(afd: str, channel: bool, spatial: bool) -> None:
    _, attentions = warmed(tiny(afd=afd))(levels())
    for maps in attentions.values():
        assert (maps.channel is not None, maps.spatial is not None) == (channel, spatial)
        assert all(0 <= float(m.min()) and float(m.max()) <= 1 for m in maps if m is not None)


@torch.inference_mode()
def test_without_the_module_the_features_are_plain_laterals() -> None:
    module = warmed(tiny(afd="off"))
    features, attentions = module(levels())
    assert attentions == {} and module.aggregate is None
    torch.testing.assert_close(features[3], module.stages["3"](levels().b3))


def test_a_batch_of_one_trains_with_the_statistics_so_far() -> None:
    module = AwareFusionDistribute(TINY).train()
    stage = module.stages["4"]
    assert isinstance(stage, Distribute) and stage.channel_squeeze is not None
    features, _ = module(levels(1))
    assert torch.isfinite(features[4]).all()
    norm = stage.channel_squeeze[1]
    assert isinstance(norm, torch.nn.BatchNorm2d) and norm.running_mean is not None
    assert torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))  # of one value there are none
    module(levels(2))
    assert not torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))
