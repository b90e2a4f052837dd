"""ADSNet (Fig. 1): backbone, aware fusion distribute, aware cascaded sparse stages, segmentation head."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import ModelConfig, Sparsity
from adsnet.model.acs import Activation, ActivationHeads, StageOutput, patch_grid
from adsnet.model.afd import AttentionMaps, AwareFusionDistribute
from adsnet.model.backbone import STRIDES, Backbone, Levels
from adsnet.model.heads import BilinearHead, CascadeHead, ShuffleHead
from adsnet.model.laps import Lap, no_lap
from adsnet.model.layers import channels_last, initialise
from adsnet.model.strips import BACKBONE_HALO, StripPixels, strips
from adsnet.sparse.contract import Engine, Patches
from adsnet.sparse.dense import EVERYWHERE, DenseEngine

STRIDE = 16
"""Frames must be padded to multiples of this."""

USUAL_STRIPS = StripPixels()


class Encoded(NamedTuple):
    """Everything that does not depend on the dropped fractions: computed once for a frame."""

    frame: Tensor  # (B, 1, H, W)
    stem: Tensor  #  (B, s, H/2, W/2)
    features: dict[int, Tensor]  # F2, F3, F4: (B, C, H/2^l, W/2^l)
    attentions: dict[int, AttentionMaps]
    a4: Tensor  #    (B, C, H/16, W/16)


class Third(NamedTuple):
    """The cascade down to stage 3: what the dropped fraction of stage 2 does not change."""

    stage4: StageOutput
    a3: Tensor  # (B, C, H/8, W/8)


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
        self.backbone = Backbone(config.stem_width, config.backbone_width)
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

    def forward(
        self,
        frame: Tensor,
        sparsity: Sparsity | None = None,
        engine: Engine | None = None,
        fine_engine: Engine | None = None,
        noise: Tensor | None = None,
    ) -> Output:
        """(B, 1, H, W) normalised frames, H and W multiples of 16. The defaults are the paper's.

        ``fine_engine``: another engine for the stages of the ``cascade`` head. ``noise``: (B, 2, 2, Hm, Wm), of the
        decisions of stages 4 and 3 in training.
        """
        encoded, sparsity, engine = self.encode(frame), sparsity or Sparsity(), engine or DenseEngine()
        noise4, noise3 = (None, None) if noise is None else noise.unbind(1)
        third = self.decode_third(encoded, sparsity, engine, noise=noise4)
        return self.decode_rest(encoded, third, sparsity, engine, fine_engine=fine_engine, noise=noise3)

    def encode(self, frame: Tensor, *, pixels: StripPixels = USUAL_STRIPS, lap: Lap = no_lap) -> Encoded:
        """Backbone, AFD and Dense Activation. ``pixels`` bounds the memory, ``lap`` is told of every stage."""
        frame = channels_last(frame)
        levels = self._backbone(frame, pixels.backbone, lap)
        features, attentions = self.afd(levels)
        lap("AFD")
        a4 = self.dense_activation(features[4], DenseEngine(), EVERYWHERE)
        lap("stage 4")
        return Encoded(frame, levels.stem, features, attentions, a4)

    def examine(self, encoded: Encoded, *, pixels: StripPixels = USUAL_STRIPS) -> dict[str, Tensor]:
        """The features that led to ``encoded`` by the names of ``adsnet.prediction.FeatureMap``, each (B, C, h, w).

        The backbone is computed again: keeping its levels of every frame would cost more than the few looks at them.
        """
        levels = self._backbone(encoded.frame, pixels.backbone, no_lap)
        maps = {"B2": levels.b2, "B3": levels.b3, "B4": levels.b4}
        for stage, joined in sorted(self.afd.joined(levels).items(), reverse=True):
            maps |= {f"joined {stage}": joined, f"F{stage}": encoded.features[stage]}
        return maps

    def decode(
        self,
        encoded: Encoded,
        sparsity: Sparsity,
        engine: Engine,
        *,
        pixels: StripPixels = USUAL_STRIPS,
        lap: Lap = no_lap,
    ) -> Output:
        """The cascade from stage 4 down: what the sliders of the dropped fractions re-run."""
        third = self.decode_third(encoded, sparsity, engine, lap=lap)
        return self.decode_rest(encoded, third, sparsity, engine, pixels=pixels, lap=lap)

    def decode_third(
        self,
        encoded: Encoded,
        sparsity: Sparsity,
        engine: Engine,
        *,
        known: Third | None = None,
        noise: Tensor | None = None,
        lap: Lap = no_lap,
    ) -> Third:
        """The decision of stage 4 and, unless ``known`` was computed for the same decision, stage 3."""
        stage4 = self.heads4(encoded.a4, None, self._grid(encoded), sparsity, 3, noise)
        lap("decision 3")
        if known is not None and torch.equal(known.stage4.keep, stage4.keep):
            return Third(stage4, known.a3)
        patches = engine.patches(stage4.keep)
        a3 = self._activate(self.sparse_activation3, encoded.a4, encoded.features[3], patches, engine)
        lap("stage 3")
        return Third(stage4, a3)

    def decode_rest(
        self,
        encoded: Encoded,
        third: Third,
        sparsity: Sparsity,
        engine: Engine,
        *,
        fine_engine: Engine | None = None,
        noise: Tensor | None = None,
        pixels: StripPixels = USUAL_STRIPS,
        lap: Lap = no_lap,
    ) -> Output:
        """The decision of stage 3, stage 2 and the head."""
        stage3 = self.heads3(third.a3, third.stage4.keep, self._grid(encoded), sparsity, 2, noise)
        lap("decision 2")
        patches = engine.patches(stage3.keep)
        a2 = self._activate(self.sparse_activation2, third.a3, encoded.features[2], patches, engine)
        lap("stage 2")
        if isinstance(self.head, CascadeHead):
            if fine_engine is not None:
                engine, patches = fine_engine, fine_engine.patches(stage3.keep)
            maps = a2, encoded.stem, encoded.frame
            logits = self.head(*maps, stage3.keep, patches, engine, pixels=pixels.head, lap=lap)
        else:
            logits = self.head(a2)
            lap("head")
        return Output(logits, {4: third.stage4, 3: stage3}, encoded.attentions)

    def _grid(self, encoded: Encoded) -> tuple[int, int]:
        return patch_grid(self.config.patches, encoded.frame.shape[2], encoded.frame.shape[3])

    def _backbone(self, frame: Tensor, pixels: int, lap: Lap) -> Levels:
        """The levels of the whole frame, from strips where it is large."""
        parts = strips(frame.shape[2], frame.shape[3], pixels, halo=BACKBONE_HALO, unit=STRIDE)
        if len(parts) == 1:
            return Levels(*self.backbone(frame, lap))
        batch, _, height, width = frame.shape
        levels: Levels | None = None
        for part in parts:
            computed = self.backbone(frame[:, :, part.above : part.below], lap)
            if levels is None:
                levels = Levels(
                    *(
                        x.new_empty(batch, x.shape[1], height // stride, width // stride).contiguous(
                            memory_format=torch.channels_last
                        )
                        for x, stride in zip(computed, STRIDES, strict=True)
                    )
                )
            for whole, x, stride in zip(levels, computed, STRIDES, strict=True):
                inside = x[:, :, (part.start - part.above) // stride : (part.stop - part.above) // stride]
                whole[:, :, part.start // stride : part.stop // stride] = inside
        assert levels is not None
        return levels

    def _activate(
        self, activation: nn.Module, coarse: Tensor, lateral: Tensor, patches: Patches, engine: Engine
    ) -> Tensor:
        """One Sparse Activation: A = act((up(coarse) + lateral) · M) + up(coarse) + lateral.

        The residual is not masked: dropped patches keep the coarse feature, so the heads still get a full map.
        """
        x = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False) + lateral
        sites = engine.sites(patches, x.shape[2], x.shape[3], x.shape[1])
        return engine.add_to(x, activation(engine.take(x, sites), engine, sites), sites)
