"""The search for the k of the threshold rule ``mean_std`` on labelled frames. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.data.datasets import Dataset, hold_out
from adsnet.detectors.protocol import SaliencyMethod
from adsnet.detectors.thresholds import Threshold
from adsnet.metrics import Evaluation

LabelledFrame = tuple[NDArray[Any], NDArray[np.bool_]]
"""Pixels (H, W) of any real type and their label (H, W) bool."""

CANDIDATES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40, 50, 60, 80, 100)
"""The values of k that the defaults of the detectors were looked for among."""


class Score(NamedTuple):
    """IoU, Pd and Fa of a method under one k, as ``adsnet.metrics`` defines them; NaN where undefined."""

    k: float
    iou: float
    pd: float
    fa: float


@dataclass(frozen=True)
class KTable:
    """The outcome of a search.

    Attributes:
        rows: one for each candidate, in their order.
        best: the row of the largest IoU; of equal ones that of the smallest Fa, then the first.
    """

    rows: tuple[Score, ...]

    @property
    def best(self) -> Score:
        return max(self.rows, key=lambda row: (-1.0 if math.isnan(row.iou) else row.iou, -row.fa))


def tune_k(method: SaliencyMethod, frames_with_masks: Iterable[LabelledFrame], candidates: Sequence[float]) -> KTable:
    """Score a method under every candidate for k; the map of a frame is computed once.

    Frames must be of a training list only: what is tuned on the frames of a report flatters it.

    Raises:
        ConfigError: a candidate is out of the range of k.
        ValueError: no candidate or no frame, or a mask of another shape than its frame.
    """
    thresholds = [Threshold("mean_std", k) for k in candidates]
    evaluations = [Evaluation() for _ in thresholds]
    for pixels, label in frames_with_masks:
        saliency = method.saliency(pixels)
        for threshold, evaluation in zip(thresholds, evaluations, strict=True):
            evaluation.add_mask(threshold.mask(saliency), label)
    found = [evaluation.metrics() for evaluation in evaluations]
    if not found or not found[0].images:
        raise ValueError("a search needs at least one candidate and one frame")
    return KTable(tuple(Score(float(k), m.iou, m.pd, m.fa) for k, m in zip(candidates, found, strict=True)))


def training_sample(dataset: Dataset, count: int, *, every: int = 5) -> Dataset:
    """Up to ``count`` labelled frames, evenly spaced, of those that are not held out (every ``every``-th is)."""
    training = np.intersect1d(hold_out(len(dataset), every)[0], dataset.labelled)
    places = np.linspace(0, len(training) - 1, min(count, len(training))).round().astype(np.intp)
    return dataset.subset(training[places])
