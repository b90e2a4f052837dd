"""Model files: weights, configuration, normalisation, metrics and a checksum in one safetensors file. Torch-free.

The format carries a version of its own. Bit rot, truncation, foreign files and weights that are not finite are told
apart from each other and end in one ``ModelFileError``; nothing in the file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from adsnet import resources
from adsnet.config import NETWORKS, RIVAL_NAMES, ModelConfig, Normalisation, from_dict, to_dict
from adsnet.errors import ConfigError, ModelFileError
from adsnet.storage.atomic import write_bytes

FORMAT_VERSION = 3

_ONCE_FIXED: dict[int, dict[str, Any]] = {
    2: {"backbone_width": 64},
    3: {"cascade_blocks": [1, 1]},
}
"""By the format that made it an option: what the model of an earlier file has."""

SUFFIX = ".safetensors"
DEFAULT_MODEL = "adsnet-default"
MAX_BYTES = 1 << 30

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ModelCard:
    """The header of a model file.

    Attributes:
        name: short name, shown everywhere the model is used.
        detector: which network the weights are for, one of ``NETWORKS``.
        model: the options of ADSNet; a rival network has none, and its file does not hold them.
        normalisation: how frames become input.
        metrics: scores on the held-out frames by data set, as ``adsnet evaluate`` prints them.
        training: the configuration and the data it was trained with, for the record.
    """

    name: str
    detector: str = "adsnet"
    model: ModelConfig = field(default_factory=ModelConfig)
    normalisation: Normalisation = field(default_factory=Normalisation)
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def resolve_model(name: str | Path | None) -> Path:
    """The file of a model given by path, by the name of a shipped model, or the default for None.

    Raises:
        ModelFileError: there is no such file or name.
    """
    path = Path(name) if name is not None else Path(DEFAULT_MODEL)
    # Not those of Path, which raise for names that cannot be files.
    if name is not None and os.path.isfile(path):
        return path
    is_name = path.name == str(path)  # a folder may well be called like a shipped model
    if path.suffix == SUFFIX or (not is_name and os.path.exists(path)):
        raise ModelFileError(f"{path}: there is no such model file; check the path")
    folder = resources.path_of("models")
    shipped = folder / f"{path.name}{SUFFIX}"
    if not os.path.isfile(shipped) or not is_name:
        names = sorted(p.stem for p in folder.glob(f"*{SUFFIX}"))
        raise ModelFileError(f"{path}: not a model file; give a {SUFFIX} file or one of: {', '.join(names) or 'none'}")
    return shipped


def shipped_model(detector: str) -> Path:
    """The shipped file of a detector that is trained.

    Raises:
        ModelFileError: there is none, which is so for rivals that were not trained yet.
    """
    if detector not in RIVAL_NAMES:
        return resolve_model(None)
    path = resources.path_of("models") / f"{detector}{SUFFIX}"
    if not os.path.isfile(path):
        raise ModelFileError(
            f"there is no shipped model of {detector}; train one with "
            f"'adsnet train --detector {detector} --data DIR --out RUN' and give it with --model RUN/model{SUFFIX}"
        )
    return path


def require_detector(path: Path, card: ModelCard, detector: str) -> None:
    """Raises ModelFileError when the file holds another network."""
    if card.detector != detector:
        raise ModelFileError(
            f"{path}: made for the detector '{card.detector}', not for {_titled(detector)}; choose another file"
        )


def write_model(path: Path, weights: Weights, card: ModelCard) -> None:
    """Write a model file atomically; it is read back and compared before it replaces anything.

    Raises:
        ModelFileError: the weights are not finite.
        StorageError: the file cannot be written.
    """
    _require_finite(path, weights)
    arrays = {name: np.array(array, order="C") for name, array in weights.items()}
    text = json.dumps({"format": FORMAT_VERSION, **_card_to_dict(card)}, allow_nan=False, sort_keys=True)
    metadata = {"adsnet": text, "sha256": _digest(text, arrays)}
    write_bytes(path, safetensors.numpy.save(arrays, metadata), verify=lambda temporary: _verify(temporary, path))


def read_model(path: Path) -> tuple[dict[str, NDArray[Any]], ModelCard]:
    """Weights and card of a model file.

    Raises:
        ModelFileError: missing, damaged, foreign, newer than this program, or not finite.
    """
    data = _read(path)
    metadata = _metadata(path, data)
    _require_known_version(path, metadata["adsnet"])
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path}: the model file is damaged; get it again or use another one") from error
    if _digest(metadata["adsnet"], arrays) != metadata.get("sha256"):
        raise ModelFileError(f"{path}: the model file is damaged (checksum); get it again or use another one")
    _require_finite(path, arrays)
    return arrays, _card(path, metadata["adsnet"])


def read_card(path: Path) -> ModelCard:
    """The card alone, without checking the weights. Raises ModelFileError as ``read_model`` does."""
    text = _metadata(path, _read(path))["adsnet"]
    _require_known_version(path, text)
    return _card(path, text)


def card_to_json(card: ModelCard) -> dict[str, Any]:
    """The card as JSON types."""
    return _card_to_dict(card)


def _read(path: Path) -> bytes:
    try:
        if not os.path.isfile(path):
            raise ModelFileError(f"{path}: there is no such model file; check the path")
        if path.stat().st_size > MAX_BYTES:
            raise ModelFileError(f"{path}: larger than 1 GiB, which no model of this program is; check the path")
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _metadata(path: Path, data: bytes) -> dict[str, str]:
    """The string table of the safetensors header."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + size]) if 0 < size <= len(data) - 8 else {}
        metadata = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    except (ValueError, RecursionError):
        metadata = {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("adsnet"), str):
        raise ModelFileError(f"{path}: not a model file of this program; choose a {SUFFIX} file made by 'adsnet train'")
    return metadata


def _require_known_version(path: Path, text: str) -> None:
    """Looked at first: a newer format may hold anything else that this version would call damage."""
    try:
        version = int(json.loads(text)["format"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path}: the header cannot be used (no format version); get the file again") from error
    if version > FORMAT_VERSION:
        raise ModelFileError(f"{path}: made by a newer version (format {version}); update this program to use it")


def _card(path: Path, text: str) -> ModelCard:
    try:
        values = json.loads(text)
        detector = values["detector"]
        if isinstance(detector, str) and detector not in NETWORKS:
            raise ModelFileError(
                f"{path}: made for the detector '{detector}', which this version does not know; update this program"
            )
        card = ModelCard(
            name=values["name"],
            detector=detector,
            model=ModelConfig() if detector in RIVAL_NAMES else _model(values),
            normalisation=from_dict(Normalisation, values["normalisation"], "normalisation."),
            metrics=values["metrics"],
            training=values["training"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ConfigError) as error:
        raise ModelFileError(f"{path}: the header cannot be used ({error}); get the file again") from error
    texts, tables = (card.name, card.detector), (card.metrics, card.training)
    if not all(isinstance(t, str) for t in texts) or not all(isinstance(t, dict) for t in tables):
        raise ModelFileError(f"{path}: the header cannot be used (a wrong type); get the file again")
    return card


def _model(values: dict[str, Any]) -> ModelConfig:
    """The options of ADSNet, in files of any format. Raises KeyError, TypeError, AttributeError, ConfigError."""
    model = values["model"]
    for version, fixed in _ONCE_FIXED.items():
        if values["format"] < version:
            model = {**fixed, **model}
    if values["format"] < 3:
        model.setdefault("stem_width", model["backbone_width"])
    return from_dict(ModelConfig, model, "model.")


def _card_to_dict(card: ModelCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "detector": card.detector,
        **({} if card.detector in RIVAL_NAMES else {"model": to_dict(card.model)}),
        "normalisation": to_dict(card.normalisation),
        "metrics": card.metrics,
        "training": card.training,
    }


def _titled(detector: str) -> str:
    return "ADSNet" if detector == "adsnet" else detector


def _digest(text: str, arrays: Weights) -> str:
    """SHA-256 over the card and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode("utf-8"))
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _require_finite(path: Path, weights: Weights) -> None:
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise ModelFileError(f"{path}: the weights '{name}' are not finite; train again with a lower learning rate")


def _verify(temporary: Path, path: Path) -> None:
    try:
        read_model(temporary)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: what was written could not be read back; the old file is unchanged") from error
