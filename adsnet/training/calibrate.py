"""The threshold that suits a trained network best, made the usual 0.5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from adsnet.data.datasets import Dataset
from adsnet.errors import AdsnetError
from adsnet.evaluation import PredictFrame
from adsnet.model.network import ADSNet
from adsnet.processes import ALONE, Processes
from adsnet.sweep import THRESHOLDS, Sweep, measure, sweep

CANDIDATES = tuple(threshold for threshold in THRESHOLDS if 0.1 <= threshold <= 0.9)

AS_GOOD = 0.005
"""So much nIoU is given for fewer false alarms: far less than the standard error of the mean over a hundred frames."""


def best_threshold(predict: PredictFrame, datasets: Sequence[Dataset], processes: Processes = ALONE) -> float:
    """The threshold with the largest nIoU, the mean over data sets, and of those that are as good the highest, which
    has the fewest false alarms; 0.5 where no frame has a target.

    Frames that cannot be read or predicted are left out. Several ``processes`` share the frames.
    """
    scores = []
    for dataset in datasets:
        mine: list[Sweep] = []
        for index in dataset.labelled[processes.rank :: processes.count]:
            try:
                pixels, label = dataset.read(index)
                if label.any():
                    mine.append(sweep(predict(pixels).probability, label, CANDIDATES))
            except AdsnetError:
                continue
        if sweeps := processes.all(mine):
            scores.append([measure(sweeps, at).niou for at in range(len(CANDIDATES))])
    if not scores:
        return 0.5
    mean = np.mean(scores, axis=0)
    return CANDIDATES[int(np.flatnonzero(mean >= mean.max() - AS_GOOD)[-1])]


def calibrate(network: nn.Module, threshold: float) -> None:
    """Shift the mask logits of an ADSNet, so that what was above ``threshold`` is above 0.5."""
    bias = cast(Tensor, cast(nn.Conv2d, cast(ADSNet, network).head.logit).bias)
    with torch.no_grad():
        bias -= math.log(threshold / (1 - threshold))
