"""The aware fusion distribute module (section III-A): one global feature, given back to the stages by attention."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import ModelConfig
from adsnet.model.backbone import Levels, level_channels
from adsnet.model.fused import FusedConv
from adsnet.model.layers import ConvBn, ConvBnRelu, ResidualBlock, channels_last


class AttentionMaps(NamedTuple):
    """The attentions of one stage, each in 0..1; None where the configuration has none."""

    channel: Tensor | None  # (B, C, 1, 1)
    spatial: Tensor | None  # (B, 1, h, w)


class Aggregate(nn.Module):
    """Eq. (1): align B2 and B4 to B3, concatenate, 1×1 convolution, residual block.

    The 1×1 convolution is in the text, not in the equation. The result has C channels for each stage that is
    fed; "split into groups" is read as a split of the channels.
    """

    def __init__(self, config: ModelConfig, stages: int) -> None:
        super().__init__()
        width = config.width * stages
        self.fuse = ConvBnRelu(sum(level_channels(config.backbone_width).values()), width, 1)
        self.refine = ResidualBlock(width, width)

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
        width, inputs = config.width, level_channels(config.backbone_width)[stage]
        hidden = max(8, width // config.channel_reduction)
        self.literal = config.attention == "literal"
        self.lateral = ConvBn(inputs, width, 1)
        self.local = ConvBn(inputs, width, 1)
        self.channel_squeeze = ConvBnRelu(width, hidden, 1) if config.afd != "no_channel" else None
        self.channel_expand = ConvBn(hidden, width, 1) if config.afd != "no_channel" else None
        self.spatial = ConvBn(1, 1, config.spatial_kernel) if config.afd != "no_spatial" else None
        self._lateral_and_local: FusedConv | None = None

    def join_layers(self) -> None:
        """Join the two embeddings of B_l for inference."""
        self._lateral_and_local = FusedConv.of(self.lateral, self.local)
        del self.lateral, self.local

    def join(self, level: Tensor, group: Tensor) -> Tensor:
        """Level and global group, of any size, to F' (B, C, h, w) of eq. (2): what the attentions look at."""
        return self._embedded(level)[0] + _align(group, level)

    def _embedded(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Both embeddings of B_l: the one of eq. (2) and F_local of eq. (5)."""
        if self._lateral_and_local is not None:
            lateral, local = self._lateral_and_local(level).chunk(2, 1)
            return lateral, local
        return self.lateral(level), self.local(level)

    def forward(self, level: Tensor, group: Tensor) -> tuple[Tensor, AttentionMaps]:
        """Level (B, C_l, h, w) and its global group (B, C, H/8, W/8) to F (B, C, h, w) and the attentions."""
        group = _align(group, level)
        lateral, local = self._embedded(level)
        joined = lateral + group  # eq. (2)
        channel = spatial = None
        if self.channel_squeeze is not None and self.channel_expand is not None:  # eq. (3)
            peak = joined.permute(0, 2, 3, 1).amax(1).amax(1)[:, :, None, None]  # both axes at once: ten times as long
            channel = torch.sigmoid(self.channel_expand(self.channel_squeeze(peak)))
        if self.spatial is not None:  # eq. (4)
            peak = joined.float().amax(1, keepdim=True).to(joined.dtype)  # float: four times as fast as bfloat16
            spatial = torch.sigmoid(self.spatial(peak))
        gate = _sum_of(channel, spatial)
        if self.literal:  # F_c + F_s = (channel + spatial) · F_global
            gate = gate * group
        return torch.addcmul(group, gate, local), AttentionMaps(channel, spatial)  # eq. (5)


def _sum_of(channel: Tensor | None, spatial: Tensor | None) -> Tensor:
    assert channel is not None or spatial is not None, "without both attentions there is no distribution"
    if channel is None or spatial is None:
        return cast(Tensor, spatial if channel is None else channel)
    # With the channels last in shape too, or the sum is in another order than the maps that it is multiplied by.
    return (channel.permute(0, 2, 3, 1) + spatial.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class AwareFusionDistribute(nn.Module):
    """Aggregate and distribute; stages that get no global feature are plain 1×1 laterals."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.fed = () if config.afd == "off" else config.distribute
        self.aggregate = Aggregate(config, len(self.fed)) if self.fed else None
        channels = level_channels(config.backbone_width)
        self.stages = nn.ModuleDict(
            {
                str(s): Distribute(config, s) if s in self.fed else ConvBn(channels[s], config.width, 1)
                for s in (2, 3, 4)
            }
        )

    def forward(self, levels: Levels) -> tuple[dict[int, Tensor], dict[int, AttentionMaps]]:
        """Levels to the features F_l (B, C, H/2^l, W/2^l) of stages 2, 3, 4 and the attentions of the fed stages."""
        groups = self._groups(levels)
        features: dict[int, Tensor] = {}
        attentions: dict[int, AttentionMaps] = {}
        for stage, level in ((2, levels.b2), (3, levels.b3), (4, levels.b4)):
            module = self.stages[str(stage)]
            if stage in groups:
                features[stage], attentions[stage] = module(level, groups[stage])
            else:
                features[stage] = module(level)
        return features, attentions

    def joined(self, levels: Levels) -> dict[int, Tensor]:
        """F' (B, C, H/2^l, W/2^l) of eq. (2) of the fed stages."""
        by_stage = {2: levels.b2, 3: levels.b3, 4: levels.b4}
        groups = self._groups(levels)
        return {s: cast(Distribute, self.stages[str(s)]).join(by_stage[s], group) for s, group in groups.items()}

    def _groups(self, levels: Levels) -> dict[int, Tensor]:
        """The global feature of eq. (1), split among the fed stages: (B, C, H/8, W/8) each."""
        if self.aggregate is None:
            return {}
        split = self.aggregate(levels).chunk(len(self.fed), dim=1)
        return {stage: channels_last(group) for stage, group in zip(self.fed, split, strict=True)}


def _align(group: Tensor, level: Tensor) -> Tensor:
    """The global group at the size of the stage: max pooling when shrinking, bilinear when growing."""
    if group.shape[-1] > level.shape[-1]:
        return F.max_pool2d(group, 2)
    if group.shape[-1] < level.shape[-1]:
        return F.interpolate(group, size=level.shape[-2:], mode="bilinear", align_corners=False)
    return group
