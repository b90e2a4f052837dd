"""What several commands share: from options to something that predicts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from adsnet.cli import sparsity_of
from adsnet.detectors.registry import METHODS, make_detector
from adsnet.errors import ConfigError
from adsnet.prediction import Prediction


@dataclass(frozen=True)
class Source:
    """What the options name.

    Attributes:
        predict: frames of one shape, (H, W) native values each, to their predictions.
        model: its name.
        about: {"device", "notes"} for the record, once everything is predicted.
    """

    predict: Callable[[Sequence[NDArray[Any]]], list[Prediction]]
    model: str
    about: Callable[[], dict[str, Any]]


def load_source(options: argparse.Namespace) -> Source:
    """What ``--detector``, ``--model`` and so on name. Raises AdsnetError."""
    if options.detector == "adsnet":
        return _network(options)
    if options.detector not in METHODS:
        names = ", ".join(("adsnet", *METHODS))
        raise ConfigError(f"unknown detector '{options.detector}'; the detectors are: {names}")
    if options.model or options.drop or options.keep_threshold is not None:
        raise ConfigError(f"{options.detector} has no model and drops no patches; leave out --model and --drop")
    detector = make_detector(options.detector)
    return Source(
        lambda frames: [detector.predict(pixels) for pixels in frames],
        options.detector,
        lambda: {"device": "cpu", "notes": []},
    )


def _network(options: argparse.Namespace) -> Source:
    from adsnet.predictor import Predictor  # the methods without a network do without torch

    sparsity = sparsity_of(options)
    predictor = Predictor.from_file(options.model, device=options.device, precision=options.precision)
    return Source(
        lambda frames: predictor.predict_batch(frames, sparsity, options.engine),
        predictor.card.name,
        lambda: {"device": predictor.device.type, "notes": predictor.notes},
    )
