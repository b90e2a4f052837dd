"""The traditional detectors by name. Torch-free, so that the window can list and run them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from adsnet.detectors.aadcdd import Aadcdd
from adsnet.detectors.lef import Lef
from adsnet.detectors.protocol import SaliencyDetector, SaliencyMethod
from adsnet.detectors.thresholds import Threshold
from adsnet.detectors.tllcm import Tllcm
from adsnet.detectors.tophat import TopHat
from adsnet.errors import ConfigError


class Entry(NamedTuple):
    """How a method is made from its parameters, and the k of its default threshold ``mean_std``."""

    make: Callable[..., SaliencyMethod]
    k: float


METHODS = {
    "tophat": Entry(TopHat, 16.0),
    "lef": Entry(Lef, 22.0),
    "aadcdd": Entry(Aadcdd, 20.0),
    "tllcm": Entry(Tllcm, 22.0),
}
# Each k has the best IoU of tuning.CANDIDATES over 180 frames together: for each of NUDT-SIRST, IRSTD-1k and SIRST v1
# the 60 of tuning.training_sample(set, 60), of the training list without every fifth frame. There, at the paper's
# parameters (IoU, Pd, Fa): tophat 0.256, 0.731, 121e-6; lef 0.303, 0.818, 95e-6; aadcdd 0.199, 0.756, 163e-6;
# tllcm 0.228, 0.860, 83e-6. The best k of one set alone is between 12 and 28.


def make_detector(name: str, threshold: Threshold | None = None, **parameters: Any) -> SaliencyDetector:
    """A detector by name; without ``threshold`` with the default k of the method.

    Args:
        name: one of ``METHODS``.
        threshold: instead of the default one.
        parameters: those of the method that differ from the paper's.

    Raises:
        ConfigError: an unknown name or parameter, or a value out of its range.
    """
    if name not in METHODS:
        raise ConfigError(f"the detector is {name!r}; it must be one of {', '.join(METHODS)}")
    entry = METHODS[name]
    known = inspect.signature(entry.make).parameters
    for parameter in parameters:
        if parameter not in known:
            raise ConfigError(f"the detector {name} has no parameter {parameter!r}; it has {', '.join(known)}")
    default = Threshold("mean_std", entry.k)
    return SaliencyDetector(name, entry.make(**parameters), default if threshold is None else threshold)
