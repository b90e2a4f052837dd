"""What every detector is to its callers, learned or not, and the detector made of a method and a threshold.

Torch-free.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from adsnet.detectors.thresholds import Threshold, score_map
from adsnet.prediction import BoolMap, FloatMap, Prediction
from adsnet.targets import Target, find_targets


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector finds in one frame.

    Attributes:
        score: (H, W) float32 in 0..1, how much a pixel looks like a target among those of its frame.
        mask: (H, W) bool.
        targets: the components of the mask, in raster order; their scores are the largest of ``score`` in them.
        seconds: compute time without decoding.
    """

    score: FloatMap
    mask: BoolMap
    targets: tuple[Target, ...]
    seconds: float


class Detector(Protocol):
    """Anything that finds targets in single frames."""

    @property
    def name(self) -> str:
        """Short name for reports."""

    @property
    def trainable(self) -> bool:
        """Whether it has weights that a training changes."""

    def detect(self, pixels: NDArray[Any]) -> Detection:
        """Find the targets in (H, W) native values of any real type, finite."""


class SaliencyMethod(Protocol):
    """A traditional method: a frozen dataclass of parameters with the formula of its map."""

    def saliency(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """(H, W) native values to an (H, W) map, larger where a target is more likely and 0 all over a flat frame."""


@dataclass(frozen=True)
class SaliencyDetector:
    """A method with the threshold that turns its map into a mask."""

    name: str
    method: SaliencyMethod
    threshold: Threshold
    trainable: ClassVar[bool] = False

    def detect(self, pixels: NDArray[Any]) -> Detection:
        """See ``Detector``."""
        started = time.perf_counter()
        saliency = self.method.saliency(pixels)
        score, mask = score_map(saliency), self.threshold.mask(saliency)
        targets = find_targets(mask, probability=score)
        return Detection(score, mask, targets, time.perf_counter() - started)

    def predict(self, pixels: NDArray[Any]) -> Prediction:
        """The same for those who read predictions of networks: the threshold of the frame lies at a probability of 1/2.

        The score rises linearly from the smallest value of the map to the threshold and from there to the largest.
        """
        started = time.perf_counter()
        saliency = self.method.saliency(pixels)
        probability = _around_half(saliency, self.threshold)
        seconds = time.perf_counter() - started
        shape = (int(saliency.shape[0]), int(saliency.shape[1]))
        return Prediction(probability, (), (), shape, seconds, self.name, self.name, "numpy")


def _around_half(saliency: NDArray[np.float64], threshold: Threshold) -> FloatMap:
    """The map in 0..1, above 1/2 exactly where the threshold marks it."""
    mask = threshold.mask(saliency)
    low, high = float(saliency.min()), float(saliency.max())
    level = min(max(threshold.level(saliency), low), high)
    below = (saliency - low) / (level - low) if level > low else np.ones_like(saliency)
    above = (saliency - level) / (high - level) if high > level else np.zeros_like(saliency)
    least = np.nextafter(np.float32(0.5), np.float32(1.0))
    scaled = np.where(mask, np.maximum(0.5 + 0.5 * above, least), np.clip(0.5 * below, 0.0, 0.5))
    return np.ascontiguousarray(scaled, dtype=np.float32)
