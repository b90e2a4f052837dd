"""What several commands share: from options to something that predicts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from adsnet.cli import sparsity_of
from adsnet.config import NETWORKS
from adsnet.detectors.registry import METHODS, make_detector
from adsnet.errors import ConfigError
from adsnet.model_file import read_card, require_detector, resolve_model, shipped_model
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
    name = options.detector
    if name is None:
        name = read_card(resolve_model(options.model)).detector if options.model else "adsnet"
    if name in NETWORKS:
        model = resolve_model(options.model) if options.model else shipped_model(name)
        require_detector(model, read_card(model), name)
        return _adsnet(model, options) if name == "adsnet" else _rival(model, options)
    if name not in METHODS:
        raise ConfigError(f"unknown detector '{name}'; the detectors are: {', '.join((*NETWORKS, *METHODS))}")
    _require_no_patches(name, options)
    if options.model:
        raise ConfigError(f"{name} has no model; leave out --model")
    if options.precision is not None or options.device == "cuda":
        raise ConfigError(f"{name} has no network, and runs on the CPU; leave out --precision and --device")
    detector = make_detector(name)
    return Source(
        lambda frames: [detector.predict(pixels) for pixels in frames], name, lambda: {"device": "cpu", "notes": []}
    )


def _adsnet(model: Path, options: argparse.Namespace) -> Source:
    from adsnet.predictor import Predictor  # the methods without a network do without torch

    sparsity = sparsity_of(options)
    predictor = Predictor.from_file(model, **_machine_of(options))
    return Source(
        lambda frames: predictor.predict_batch(frames, sparsity, options.engine or "auto"),
        predictor.card.name,
        lambda: {"device": predictor.device.type, "notes": predictor.notes},
    )


def _rival(model: Path, options: argparse.Namespace) -> Source:
    from adsnet.model.weights import load_any
    from adsnet.rival_predictor import RivalPredictor

    network, card = load_any(model)
    _require_no_patches(card.detector, options)
    predictor = RivalPredictor(network, card, **_machine_of(options))
    return Source(
        predictor.predict_batch,
        card.name,
        lambda: {"device": predictor.device.type, "notes": predictor.notes},
    )


def _machine_of(options: argparse.Namespace) -> dict[str, str]:
    return {"device": options.device or "auto", "precision": options.precision or options.usual_precision}


def _require_no_patches(name: str, options: argparse.Namespace) -> None:
    if options.drop or options.keep_threshold is not None:
        raise ConfigError(f"{name} drops no patches; leave out --drop and --keep-threshold")
    if options.engine not in (None, "auto"):
        raise ConfigError(f"{name} has no sparse engine; leave out --engine")
