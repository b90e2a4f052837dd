"""What several commands share: from options to a predictor."""

from __future__ import annotations

import argparse

from adsnet.errors import ConfigError
from adsnet.predictor import Predictor


def load_predictor(options: argparse.Namespace) -> Predictor:
    """The predictor that ``--detector``, ``--model`` and ``--device`` name. Raises AdsnetError."""
    if options.detector != "adsnet":
        raise ConfigError(f"unknown detector '{options.detector}'; the detectors are: adsnet")
    return Predictor.from_file(options.model, device=options.device, precision=options.precision)
