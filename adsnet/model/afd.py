"""The aware fusion distribute module (section III-A): one global feature, given back to the stages by attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import ModelConfig
from adsnet.model.backbone import LEVEL_CHANNELS, Levels
from adsnet.model.layers import ConvBnRelu, ResidualBlock, conv_bn


class AttentionMaps(NamedTuple):
    """The attentions of one stage, each in 0..1; None where the configuration has none."""

    channel: Tensor | None  # (B, C, 1, 1)
    spatial: Tensor | None  # (B, 1, h, w)


class Aggregate(nn.Module):
    """Eq. (1): align B2 and B4 to B3, concatenate, 1×1 convolution, residual block.

    The 1×1 convolution is in the text, not in the equation. The result has C channels for each stage that is
    fed; "split into groups" is read as a split of the channels.
    """

    def __init__(self, width: int, stages: int) -> None:
        super().__init__()
        self.fuse = ConvBnRelu(sum(LEVEL_CHANNELS.values()), width * stages, 1)
        self.refine = ResidualBlock(width * stages, width * stages)

    def forward(self, levels: Levels) -> Tensor:
        """Levels to (B, width · stages, H/8, W/8)."""
        size = levels.b3.shape[-2:]
        aligned = [
            F.max_pool2d(levels.b2, 2),
            levels.b3,
            F.interpolate(levels.b4, size=size, mode="bilinear", align_corners=False),
        ]
        return torch.as_tensor(self.refine(self.fuse(torch.cat(aligned, 1))))


class Distribute(nn.Module):
    """Eqs. (2)-(5) for one stage.

    Readings: the global group is resampled to the size of the stage (F4 has to stay at stride 16); F_local is a
    1×1 embedding of B_l. ``literal`` multiplies both attentions by the global feature as eqs. (3) and (4) do.
    """

    def __init__(self, config: ModelConfig, stage: int) -> None:
        super().__init__()
        width, inputs = config.width, LEVEL_CHANNELS[stage]
        hidden = max(8, width // config.channel_reduction)
        self.literal = config.attention == "literal"
        self.lateral = conv_bn(inputs, width, 1)
        self.local = conv_bn(inputs, width, 1)
        self.channel_squeeze = conv_bn(width, hidden, 1) if config.afd != "no_channel" else None
        self.channel_expand = conv_bn(hidden, width, 1) if config.afd != "no_channel" else None
        self.spatial = conv_bn(1, 1, config.spatial_kernel) if config.afd != "no_spatial" else None

    def forward(self, level: Tensor, group: Tensor) -> tuple[Tensor, AttentionMaps]:
        """Level (B, C_l, h, w) and its global group (B, C, H/8, W/8) to F (B, C, h, w) and the attentions."""
        group = _align(group, level)
        joined = self.lateral(level) + group  # eq. (2)
        gate = torch.zeros_like(group)
        channel = spatial = None
        if self.channel_squeeze is not None and self.channel_expand is not None:  # eq. (3)
            peak = torch.amax(joined, dim=(2, 3), keepdim=True)
            hidden = torch.relu(_per_frame_norm(self.channel_squeeze, peak))
            channel = torch.sigmoid(_per_frame_norm(self.channel_expand, hidden))
            gate = gate + (channel * group if self.literal else channel)
        if self.spatial is not None:  # eq. (4)
            spatial = torch.sigmoid(self.spatial(torch.amax(joined, dim=1, keepdim=True)))
            gate = gate + (spatial * group if self.literal else spatial)
        return gate * self.local(level) + group, AttentionMaps(channel, spatial)  # eq. (5)


class AwareFusionDistribute(nn.Module):
    """Aggregate and distribute; stages that get no global feature are plain 1×1 laterals."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.fed = () if config.afd == "off" else config.distribute
        self.aggregate = Aggregate(config.width, len(self.fed)) if self.fed else None
        self.stages = nn.ModuleDict(
            {
                str(s): Distribute(config, s) if s in self.fed else conv_bn(LEVEL_CHANNELS[s], config.width, 1)
                for s in (2, 3, 4)
            }
        )

    def forward(self, levels: Levels) -> tuple[dict[int, Tensor], dict[int, AttentionMaps]]:
        """Levels to the features F_l (B, C, H/2^l, W/2^l) of stages 2, 3, 4 and the attentions of the fed stages."""
        groups: dict[int, Tensor] = {}
        if self.aggregate is not None:
            split = self.aggregate(levels).chunk(len(self.fed), dim=1)
            groups = dict(zip(self.fed, split, strict=True))
        features: dict[int, Tensor] = {}
        attentions: dict[int, AttentionMaps] = {}
        for stage, level in ((2, levels.b2), (3, levels.b3), (4, levels.b4)):
            module = self.stages[str(stage)]
            if stage in groups:
                features[stage], attentions[stage] = module(level, groups[stage])
            else:
                features[stage] = module(level)
        return features, attentions


def _align(group: Tensor, level: Tensor) -> Tensor:
    """The global group at the size of the stage: max pooling when shrinking, bilinear when growing."""
    if group.shape[-1] > level.shape[-1]:
        return F.max_pool2d(group, 2)
    if group.shape[-1] < level.shape[-1]:
        return F.interpolate(group, size=level.shape[-2:], mode="bilinear", align_corners=False)
    return group


def _per_frame_norm(block: nn.Sequential, x: Tensor) -> Tensor:
    """``block`` (convolution, batch norm) on a (B, C, 1, 1) tensor; a batch of one has no statistics of its own."""
    convolution, norm = block[0], block[1]
    assert isinstance(norm, nn.BatchNorm2d)
    y = convolution(x)
    if norm.training and y.shape[0] == 1:
        return F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
    return torch.as_tensor(norm(y))
