"""ADSNet (Fig. 1): backbone, aware fusion distribute, aware cascaded sparse stages, segmentation head."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import ModelConfig, Sparsity
from adsnet.model.acs import Activation, ActivationHeads, StageOutput, patch_grid, spread
from adsnet.model.afd import AttentionMaps, AwareFusionDistribute
from adsnet.model.backbone import Backbone
from adsnet.model.heads import BilinearHead, CascadeHead, ShuffleHead
from adsnet.model.layers import initialise
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine

STRIDE = 16
"""Frames must be padded to multiples of this."""


class Encoded(NamedTuple):
    """Everything that does not depend on the dropped fractions: computed once for a frame."""

    frame: Tensor  # (B, 1, H, W)
    stem: Tensor  #  (B, 64, H/2, W/2)
    features: dict[int, Tensor]  # F2, F3, F4: (B, C, H/2^l, W/2^l)
    attentions: dict[int, AttentionMaps]
    a4: Tensor  #    (B, C, H/16, W/16)


class Output(NamedTuple):
    """The full result of one forward pass."""

    logits: Tensor  # (B, 1, H, W)
    stages: dict[int, StageOutput]  # of stages 4 and 3
    attentions: dict[int, AttentionMaps]


class ADSNet(nn.Module):
    """The network of the paper; every option is in ``ModelConfig``."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone()
        self.afd = AwareFusionDistribute(config)
        self.dense_activation = Activation(config.width)
        self.sparse_activation3 = Activation(config.width)
        self.sparse_activation2 = Activation(config.width)
        initialise(self)
        self.heads4 = ActivationHeads(config)
        self.heads3 = ActivationHeads(config)
        self.head: nn.Module
        if config.head == "cascade":
            self.head = CascadeHead(config)
        else:
            self.head = (BilinearHead if config.head == "bilinear" else ShuffleHead)(config.width)

    def forward(self, frame: Tensor, sparsity: Sparsity | None = None, engine: Engine | None = None) -> Output:
        """(B, 1, H, W) normalised frames, H and W multiples of 16. The defaults are the paper's."""
        return self.decode(self.encode(frame), sparsity or Sparsity(), engine or DenseEngine())

    def encode(self, frame: Tensor) -> Encoded:
        """Backbone, AFD and Dense Activation."""
        levels = self.backbone(frame)
        features, attentions = self.afd(levels)
        dense = DenseEngine()
        everywhere = features[4].new_ones(1, 1, 1, 1)
        a4 = self.dense_activation(features[4], dense, everywhere)
        return Encoded(frame, levels.stem, features, attentions, a4)

    def decode(self, encoded: Encoded, sparsity: Sparsity, engine: Engine) -> Output:
        """The cascade from stage 4 down: what the sliders of the dropped fractions re-run."""
        grid = patch_grid(self.config.patches, encoded.frame.shape[2], encoded.frame.shape[3])
        stage4 = self.heads4(encoded.a4, None, grid, sparsity, 3)
        a3 = self._activate(self.sparse_activation3, encoded.a4, encoded.features[3], stage4.keep, engine)
        stage3 = self.heads3(a3, stage4.keep, grid, sparsity, 2)
        a2 = self._activate(self.sparse_activation2, a3, encoded.features[2], stage3.keep, engine)
        if isinstance(self.head, CascadeHead):
            logits = self.head(a2, encoded.stem, encoded.frame, stage3.keep, engine)
        else:
            logits = self.head(a2)
        return Output(logits, {4: stage4, 3: stage3}, encoded.attentions)

    def _activate(self, activation: nn.Module, coarse: Tensor, lateral: Tensor, keep: Tensor, engine: Engine) -> Tensor:
        """One Sparse Activation: A = act((up(coarse) + lateral) · M) + up(coarse) + lateral.

        The residual is not masked: dropped patches keep the coarse feature, so the heads still get a full map.
        """
        x = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False) + lateral
        sites = engine.sites(spread(keep, x.shape[2], x.shape[3]))
        return x + engine.scatter(activation(engine.take(x, sites), engine, sites), sites)
