"""What is compared: detectors by name, each with its model, and what identifies their results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adsnet.config import NETWORKS, Sparsity
from adsnet.detectors.registry import METHODS, make_detector
from adsnet.errors import ConfigError, ModelFileError
from adsnet.evaluation import PredictFrame
from adsnet.learned import predict_frames
from adsnet.model.weights import load_any
from adsnet.model_file import ModelCard, read_card, require_detector, resolve_model, shipped_model


@dataclass(frozen=True)
class Contestant:
    """A detector in a comparison.

    Attributes:
        name: its heading.
        detector: which one it is, of ``NETWORKS`` or ``METHODS``.
        model: the file of a network, None for a method.
        sparsity: what ADSNet drops.
    """

    name: str
    detector: str
    model: Path | None = None
    sparsity: Sparsity = Sparsity()

    @property
    def identity(self) -> str:
        """Content of the model and settings: what its results follow from, as hexadecimal digits."""
        if self.model is None:
            settings = repr(make_detector(self.detector))
            return hashlib.sha256(settings.encode()).hexdigest()
        settings = f"{self.detector} {self.sparsity if self.detector == 'adsnet' else ''} fp32"
        return hashlib.sha256(self.model.read_bytes() + settings.encode()).hexdigest()

    def predict(self, *, precision: str = "fp32") -> PredictFrame:
        """Load it: from (H, W) native pixels to a prediction. Raises ModelFileError, EngineError."""
        if self.model is None:
            return make_detector(self.detector).predict
        network, card = load_any(self.model)
        return predict_frames(network, card, self.sparsity, precision=precision)

    def card(self) -> ModelCard | None:
        """The card of its model."""
        return None if self.model is None else read_card(self.model)


def contestants(names: Sequence[str] | None, models: Mapping[str, Path]) -> tuple[list[Contestant], list[str]]:
    """The detectors of ``names``, in their order, and one sentence for each that is left out.

    A name is a detector or one of ``models``, whose files say what they hold. Without ``names``: all of ``models``, all
    methods and the networks that have a model.

    Raises:
        ConfigError: an unknown name, or a model for what has none.
        ModelFileError: a model that cannot be used, or a named network without one.
    """
    found, left_out = [], []
    for name in names if names is not None else [*METHODS, *NETWORKS[1:], NETWORKS[0]]:
        try:
            found.append(_contestant(name, models))
        except ModelFileError as error:
            if names is not None:
                raise
            left_out.append(f"{name} is left out: {error}")
    if names is None:
        found += [_contestant(name, models) for name in models if name not in {one.name for one in found}]
    for name in models:
        if name not in {one.name for one in found}:
            raise ConfigError(f"--model {name}=… is for none of --detectors; name {name} there or leave it out")
    if len({one.name for one in found}) < len(found):
        raise ConfigError("a detector is named twice; name each once")
    return found, left_out


def _contestant(name: str, models: Mapping[str, Path]) -> Contestant:
    if name in METHODS:
        if name in models:
            raise ConfigError(f"{name} has no model; leave out --model {name}=…")
        return Contestant(name, name)
    if name in models:
        path = resolve_model(models[name])
        card = read_card(path)
        if name in NETWORKS:
            require_detector(path, card, name)
        return Contestant(name, card.detector, path)
    if name not in NETWORKS:
        known = ", ".join((*NETWORKS, *METHODS))
        raise ConfigError(f"unknown detector '{name}'; use {known}, or a name of your own with --model {name}=FILE")
    return Contestant(name, name, shipped_model(name))
