"""The aware cascaded sparse module (section III-B): activation, its heads, and the decision masks."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adsnet.config import ModelConfig, PatchGrid, Sparsity
from adsnet.model.fused import FusedConv
from adsnet.model.layers import ConvBnRelu, per_position
from adsnet.sparse.contract import Engine, Sites, Values

PRIOR = 0.01
"""Assumed share of target cells and pixels at the start of training (focal loss paper)."""

PRIOR_LOGIT = math.log(PRIOR / (1 - PRIOR))


class StageOutput(NamedTuple):
    """What the heads of one activation say."""

    keep_logits: Tensor  # (B, 2, Hm, Wm): keep, drop
    keep: Tensor  #        (B, 1, Hm, Wm) float, 0 or 1: the decision mask M
    class_logits: Tensor  # (B, 1, h, w)
    iou_logits: Tensor | None  # (B, 1, h, w)

    @property
    def keep_logit(self) -> Tensor:
        """(B, 1, Hm, Wm); its sigmoid is the keep probability."""
        return self.keep_logits[:, 0:1] - self.keep_logits[:, 1:2]


class Activation(nn.Module):
    """Dense and Sparse Activation: 1×1, 3×3 and two 3×3 convolutions in parallel, concatenated, reduced by 1×1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.point = ConvBnRelu(width, width, 1)
        self.near = ConvBnRelu(width, width, 3)
        self.far_first = ConvBnRelu(width, width, 3)
        self.far_second = ConvBnRelu(width, width, 3)
        self.reduce = ConvBnRelu(3 * width, width, 1)
        self._near_and_far: FusedConv | None = None

    def join_layers(self) -> None:
        """Join the two 3×3 convolutions of the input for inference."""
        self._near_and_far = FusedConv.of(self.near, self.far_first)
        del self.near, self.far_first

    def forward(self, values: Values, engine: Engine, sites: Sites) -> Values:
        """Values with C channels to values with C channels at the same sites."""
        point = engine.convolve(values, self.point, sites)
        if self._near_and_far is not None:
            near, far = engine.convolve(values, self._near_and_far, sites).chunk(2, 1)
        else:
            near, far = (engine.convolve(values, layer, sites) for layer in (self.near, self.far_first))
        far = engine.convolve(far, self.far_second, sites)
        return engine.convolve(torch.cat([point, near, far], 1), self.reduce, sites)


class ActivationHeads(nn.Module):
    """The three linear layers: classification, decision mask and IoU-aware score, each per position (1×1)."""

    keeps_float32 = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.rescore = config.rescore
        self.classify = nn.Conv2d(config.width, 1, 1)
        self.decide = nn.Conv2d(config.width, 2, 1)
        self.score = nn.Conv2d(config.width, 1, 1) if config.iou_aware else None
        self._class_and_score: nn.Conv2d | None = None
        nn.init.constant_(_bias(self.classify), PRIOR_LOGIT)
        with torch.no_grad():  # everything is kept at first: "all elements are initialised to 1"
            _bias(self.decide).copy_(torch.tensor([2.0, 0.0]))

    def join_layers(self) -> None:
        """Join the two layers of the cells for inference."""
        if self.score is not None:
            joined = nn.Conv2d(self.classify.in_channels, 2, 1)
            layers = self.classify, self.score
            with torch.no_grad():
                joined.weight.copy_(torch.cat([layer.weight for layer in layers]))
                _bias(joined).copy_(torch.cat([_bias(layer) for layer in layers]))
            self._class_and_score = joined
            del self.classify, self.score

    def forward(
        self,
        features: Tensor,
        previous: Tensor | None,
        grid: tuple[int, int],
        sparsity: Sparsity,
        stage: int,
        noise: Tensor | None = None,
    ) -> StageOutput:
        """Heads on (B, C, h, w) and the decision mask for the next stage.

        ``previous``: decision mask of the stage before, (B, 1, Hm, Wm); a dropped patch stays dropped.
        In training the mask is sampled with ``noise`` (B, 2, Hm, Wm) and ``sparsity`` is not used.
        """
        exact = features.to(self.decide.weight.dtype)  # of both layers: inference keeps float32 for decisions
        pooled = exact if grid == tuple(features.shape[2:]) else F.adaptive_max_pool2d(exact, grid)
        keep_logits = per_position(self.decide, pooled)
        class_logits, iou_logits = self._of_cells(exact)
        if self.training:
            keep = sample_patches(keep_logits.float(), noise)
            keep = keep if previous is None else keep * previous
        else:
            score = self._ranking(keep_logits, class_logits, iou_logits)
            keep = select_patches(score, previous, sparsity, stage)
        return StageOutput(keep_logits, keep.to(features.dtype), class_logits, iou_logits)

    def _of_cells(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Class and IoU score of every cell, as logits (B, 1, h, w)."""
        if self._class_and_score is not None:
            both = per_position(self._class_and_score, features)
            return both[:, :1], both[:, 1:]
        return per_position(self.classify, features), per_position(self.score, features) if self.score else None

    def _ranking(self, keep_logits: Tensor, class_logits: Tensor, iou_logits: Tensor | None) -> Tensor:
        """The score that patches are ranked by, (B, 1, Hm, Wm) in 0..1."""
        keep = torch.sigmoid((keep_logits[:, :1] - keep_logits[:, 1:]).float())
        if not self.rescore or iou_logits is None:
            return keep
        joint = torch.sigmoid(class_logits.float()) * torch.sigmoid(iou_logits.float())
        return keep * torch.sqrt(F.adaptive_max_pool2d(joint, tuple(keep.shape[2:])))


def sample_patches(keep_logits: Tensor, noise: Tensor | None = None) -> Tensor:
    """Eq. (6): a straight-through sample of the Gumbel-Softmax at temperature 1, (B, 1, Hm, Wm) of 0 and 1.

    ``keep_logits``: (B, 2, Hm, Wm), keep and drop. ``noise``: of the same shape, independent standard Gumbel
    variables; drawn from torch's generator when None. The gradient is that of the soft sample.
    """
    if noise is None:
        noise = -torch.empty_like(keep_logits, memory_format=torch.contiguous_format).exponential_().log()
    soft = torch.softmax(keep_logits + noise, 1)[:, :1]
    return (soft > 0.5).to(soft.dtype) - soft.detach() + soft


def select_patches(score: Tensor, previous: Tensor | None, sparsity: Sparsity, stage: int) -> Tensor:
    """The decision mask at inference for ``stage`` (3 or 2), (B, 1, Hm, Wm) float, 0 or 1.

    The dropped fraction counts patches of the whole grid: the best round((1 - ε) · N) are kept, ties in raster order.
    Forced patches come on top; one that was dropped before stays dropped.
    """
    allowed = None if previous is None else previous.to(score.dtype)
    if sparsity.threshold is not None:
        keep = (score > sparsity.threshold[3 - stage]).to(score.dtype)
    else:
        keep = _best_patches(score, allowed, sparsity.drop[3 - stage])
    for patch in sparsity.forced:
        if patch.stage == stage and patch.row < keep.shape[2] and patch.column < keep.shape[3]:
            keep[:, :, patch.row, patch.column] = float(patch.keep)
    return keep if allowed is None else keep * allowed


def _best_patches(score: Tensor, allowed: Tensor | None, drop: float) -> Tensor:
    batch, count = score.shape[0], score[0].numel()
    wanted = _wanted(drop, count)
    # Rounding keeps the order of equal patches independent of the engine's rounding errors.
    rank = torch.round(score * 1e5)
    if allowed is not None:
        rank = rank * allowed + (allowed - 1)  # -1 where it was dropped before
    best = torch.sort(rank.view(batch, count), dim=1, descending=True, stable=True).indices[:, :wanted]
    return torch.zeros_like(rank).view(batch, count).scatter_(1, best, 1.0).view_as(score)


@lru_cache(maxsize=64)
def _wanted(drop: float, count: int) -> int:
    """How many of ``count`` patches are kept."""
    # Decimal: in binary (1 - 0.9) · 5 is below one half.
    return int((1 - Decimal(str(drop))) * count + Decimal("0.5"))


def patch_grid(patches: PatchGrid, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the decision masks for a padded frame of ``height`` × ``width`` pixels."""
    if patches.kind == "grid":
        return patches.size, patches.size
    return math.ceil(height / patches.size), math.ceil(width / patches.size)


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
