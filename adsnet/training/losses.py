"""The loss of eq. (7) and our additions to it. Plain functions on tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adsnet.config import LossConfig
from adsnet.model.network import Output
from adsnet.targets import label_components

Mean = Callable[[Tensor], Tensor]
"""The mean of a count over the processes that share a batch: what a term is divided by must be that of them all."""


def only_here(value: Tensor) -> Tensor:
    """The mean over a single process."""
    return value.detach()


def total_loss(output: Output, label: Tensor, config: LossConfig, mean: Mean = only_here) -> dict[str, Tensor]:
    """All terms by name, "total" among them, each a scalar; their mean over the processes is that of the whole batch.

    ``label``: (B, 1, H, W) float, 0 or 1. Terms of weight 0 are left out.
    """
    logits = output.logits.float()
    terms, weights = _mask_terms([logits], label, config, mean)
    stages = [output.stages[4], output.stages[3]]
    if config.classification:
        maps = [s.class_logits.float() for s in stages]
        terms["classification"] = _mean([focal(m, F.adaptive_max_pool2d(label, m.shape[-2:]), mean) for m in maps])
        weights["classification"] = config.classification
    if config.iou_score and stages[0].iou_logits is not None:
        predicted = (logits.detach() > 0).float()
        scores = [s.iou_logits.float() for s in stages if s.iou_logits is not None]
        terms["iou_score"] = _mean([iou_score(s, predicted, label, mean) for s in scores])
        weights["iou_score"] = config.iou_score
    if config.ratio:
        terms["ratio"] = _mean(
            [((s.keep.float().mean((1, 2, 3)) - kept) ** 2).mean() for s, kept in zip(stages, config.kept, strict=True)]
        )
        weights["ratio"] = config.ratio
    if config.coverage:
        terms["coverage"] = _mean([coverage(s.keep_logit.float(), label, mean) for s in stages])
        weights["coverage"] = config.coverage
    return _with_total(terms, weights)


def mask_loss(maps: list[Tensor], label: Tensor, config: LossConfig, mean: Mean = only_here) -> dict[str, Tensor]:
    """The terms of ``total_loss`` that look at the mask, each the mean over several maps of logits (deep supervision).

    ``maps``: one or more of (B, 1, H, W). ``label``: (B, 1, H, W) float, 0 or 1.
    """
    return _with_total(*_mask_terms([logits.float() for logits in maps], label, config, mean))


def _mask_terms(
    maps: list[Tensor], label: Tensor, config: LossConfig, mean: Mean
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Terms and their weights."""
    terms, weights = {"segmentation": _mean([focal(logits, label, mean) for logits in maps])}, {"segmentation": 1.0}
    if config.soft_iou:
        terms["soft_iou"] = _mean([soft_iou(logits, label) for logits in maps])
        weights["soft_iou"] = config.soft_iou
    if config.found:
        targets = number_targets(label)
        terms["found"] = _mean([found(logits, targets, mean) for logits in maps])
        weights["found"] = config.found
    return terms, weights


def _with_total(terms: dict[str, Tensor], weights: dict[str, float]) -> dict[str, Tensor]:
    total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
    return {**terms, "total": total}


def focal(logits: Tensor, target: Tensor, mean: Mean = only_here, *, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss [16], summed and divided by the number of positives (at least 1).

    The paper does not state the reduction; a plain mean would be a thousand times too small at the target density
    of these sets.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = torch.sigmoid(logits)
    missing = target * (1 - probability) + (1 - target) * probability
    balance = target * alpha + (1 - target) * (1 - alpha)
    return (balance * missing**gamma * entropy).sum() / _count(target, mean)


def soft_iou(logits: Tensor, target: Tensor, *, smooth: float = 1.0) -> Tensor:
    """1 - soft IoU of each frame, averaged over the batch, so that every frame weighs the same as in nIoU."""
    probability = torch.sigmoid(logits)
    intersection = (probability * target).sum((1, 2, 3))
    union = (probability + target - probability * target).sum((1, 2, 3))
    return (1 - (intersection + smooth) / (union + smooth)).mean()


class Numbered(NamedTuple):
    """The targets of a batch."""

    numbers: Tensor  # (B · H · W,) int64: 1..many over the whole batch, 0 where no target counts
    many: int


def number_targets(label: Tensor) -> Numbered:
    """Number the targets of a label (B, 1, H, W) but those at the edge: of what a crop cuts off little may be seen."""
    numbers, count = [], 0
    for mask in label[:, 0].cpu().numpy() > 0:
        own, here = label_components(mask)
        inside = np.setdiff1d(np.arange(1, here + 1), np.concatenate([own[[0, -1]].ravel(), own[:, [0, -1]].ravel()]))
        renumbered = np.zeros(here + 1, dtype=np.int64)
        renumbered[inside] = np.arange(count + 1, count + 1 + len(inside))
        numbers.append(renumbered[own])
        count += len(inside)
    return Numbered(torch.from_numpy(np.stack(numbers).ravel()).to(label.device), count)


def found(logits: Tensor, targets: Numbered, mean: Mean = only_here) -> Tensor:
    """-log(largest probability in a target), averaged over the targets; what coverage is for the decisions.

    The soft IoU has no gradient where the network is sure that a target is none, and the focal loss weighs it by its
    few pixels: such a target stays lost. ``logits``: (B, 1, H, W).
    """
    peaks = logits.new_full((targets.many + 1,), -math.inf)
    peaks = peaks.scatter_reduce(0, targets.numbers, logits.flatten(), "amax")[1:]
    # Each of several processes may have less than one in the mean. Where there is none, nothing is divided.
    return F.softplus(-peaks).sum() / mean(logits.new_tensor(float(targets.many))).clamp(min=1e-3)


def iou_score(score_logits: Tensor, predicted: Tensor, label: Tensor, mean: Mean = only_here) -> Tensor:
    """Binary cross entropy between the IoU-aware score and the IoU around each cell.

    Reading: the target of a cell is the IoU of the thresholded final prediction with the label inside the cell
    enlarged by one cell on every side; cells where neither has a pixel are left out.
    ``score_logits``: (B, 1, h, w). ``predicted``, ``label``: (B, 1, H, W), 0 or 1.
    """
    cell = label.shape[-1] // score_logits.shape[-1]
    # Pooled twice: windows of 3·cell that overlap are a hundred times the work.
    both = F.avg_pool2d(F.avg_pool2d(predicted * label, cell), 3, 1, 1)
    either = F.avg_pool2d(F.avg_pool2d(torch.maximum(predicted, label), cell), 3, 1, 1)
    looked_at = either > 0
    entropy = F.binary_cross_entropy_with_logits(score_logits, both / either.clamp(min=1e-12), reduction="none")
    return (entropy * looked_at).sum() / _count(looked_at, mean)


def coverage(keep_logit: Tensor, label: Tensor, mean: Mean = only_here) -> Tensor:
    """-log(keep probability), averaged over the patches that hold a target. (B, 1, Hm, Wm), (B, 1, H, W)."""
    holds = F.adaptive_max_pool2d(label, keep_logit.shape[-2:])
    return (F.softplus(-keep_logit) * holds).sum() / _count(holds, mean)


def _count(chosen: Tensor, mean: Mean) -> Tensor:
    return mean(chosen.float().sum()).clamp(min=1.0)


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()
