"""From the saliency map of a frame to its mask, and to a score in 0..1 for curves over all thresholds. Torch-free."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.detectors.parameters import is_number
from adsnet.detectors.windows import is_flat
from adsnet.errors import ConfigError

Rule = Literal["mean_std", "dnanet", "share_of_max", "max_mean", "fixed"]


class RuleValue(NamedTuple):
    """What the value of a rule is and its range, both ends allowed."""

    help: str
    least: float
    most: float


RULES: dict[Rule, RuleValue | None] = {
    "mean_std": RuleValue("k in mean + k · standard deviation of the map.", 0.0, 200.0),
    "dnanet": None,
    "share_of_max": RuleValue("q in q · maximum of the map.", 0.0, 1.0),
    "max_mean": RuleValue("λ in λ · maximum + (1 − λ) · mean of the map.", 0.0, 1.0),
    "fixed": RuleValue("The level itself, in the unit of the saliency, the same for every frame.", 0.0, 1e18),
}
"""The rules; None for the one without a value.

``mean_std`` follows the clutter of a frame and needs no target in it to be right; the detectors come with a k of
their own. Of n pixels none can lie more than √(n − 1) deviations above their mean, so that a frame of 20 × 20 has an
empty mask from k = 20 on. ``dnanet``, the larger of 0.7 · maximum and mean + 0.5 · standard deviation, is that of
DNANet's tables, ``share_of_max`` with 0.5 that of open benchmarks, and ``max_mean`` with 0.6 to 0.9 that of the TLLCM
family."""


@dataclass(frozen=True)
class Threshold:
    """A rule with its value; ``dnanet`` has none."""

    rule: Rule
    value: float | None = None

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigError(f"the threshold rule is {self.rule!r}; it must be one of {', '.join(RULES)}")
        about = RULES[self.rule]
        if about is None:
            if self.value is not None:
                raise ConfigError(f"the threshold rule {self.rule} has no value; leave out {self.value!r}")
        elif not is_number(self.value) or not about.least <= _number(self.value) <= about.most:
            raise ConfigError(
                f"the value of the threshold rule {self.rule} is {self.value!r}; "
                f"it must be a number from {about.least:g} to {about.most:g}"
            )

    def level(self, saliency: NDArray[np.float64]) -> float:
        """The saliency that a pixel of the mask must exceed."""
        value = _number(self.value)
        if self.rule == "fixed":
            return value
        mean, top = float(saliency.mean()), float(saliency.max())
        if self.rule == "mean_std":
            return mean + value * float(saliency.std())
        if self.rule == "share_of_max":
            return value * top
        if self.rule == "max_mean":
            return value * top + (1.0 - value) * mean
        return max(0.7 * top, mean + 0.5 * float(saliency.std()))

    def mask(self, saliency: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The pixels above the level, strictly; none at all where the map is constant, under every rule.

        Args:
            saliency: (H, W) float64, 0 or more, finite.

        Returns:
            (H, W) bool.
        """
        if is_flat(saliency):  # rounding could put all pixels above their own mean
            return np.zeros(saliency.shape, np.bool_)
        mask: NDArray[np.bool_] = saliency > self.level(saliency)
        return mask


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def score_map(saliency: NDArray[Any]) -> NDArray[np.float32]:
    """The map scaled so that its smallest value is 0 and its largest 1; zeros where it is constant.

    This is what ROC curves of such maps are drawn from. It puts a 1 into frames without a target too, which costs the
    curve false alarms that an absolute level would not.

    Args:
        saliency: (H, W), finite.

    Returns:
        (H, W) float32 in 0..1.
    """
    if is_flat(saliency):
        return np.zeros(saliency.shape, np.float32)
    low, high = float(saliency.min()), float(saliency.max())
    scores: NDArray[np.float32] = ((saliency - low) / (high - low)).astype(np.float32)
    return scores
