"""``adsnet info``: what a model file holds, or which detectors there are. Torch-free."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from typing import Any, cast

from numpy.typing import NDArray

from adsnet.config import NETWORKS
from adsnet.detectors.registry import METHODS, make_detector
from adsnet.errors import ModelFileError
from adsnet.model_file import card_to_json, read_model, resolve_model, shipped_model

BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "gate.kernels")
"""Ends of the names of what is stored, but not trained."""


def execute(options: argparse.Namespace) -> int:
    """Print the card of a model file after checking that the file is whole."""
    if options.model is None:
        return _list(options.json)
    path = resolve_model(options.model)
    arrays, card = read_model(path)
    values = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "parameters": _parameters(arrays),
        **card_to_json(card),
    }
    if options.json:
        print(json.dumps(values, indent=1))
        return 0
    for key, value in values.items():
        shown = value if not isinstance(value, dict) else json.dumps(value, indent=1).replace("\n", "\n" + " " * 14)
        print(f"{key:>12}  {shown}")
    return 0


def _list(as_json: bool) -> int:
    """Print every detector and what it runs with."""
    detectors = [_network(name) for name in NETWORKS]
    detectors += [{"detector": name, "kind": "method", "settings": _settings(name)} for name in METHODS]
    if as_json:
        print(json.dumps(detectors, indent=1))
        return 0
    for one in detectors:
        if one["kind"] == "method":
            text = f"no training; {one['settings']}"
        elif one["model"]:
            text = f"network of {one['parameters']:,} parameters; shipped model {one['model']}"
        else:
            text = f"network; no shipped model, train one with 'adsnet train --detector {one['detector']} …'"
        print(f"{one['detector']:>8}  {text}")
    return 0


def _network(name: str) -> dict[str, Any]:
    try:
        path = shipped_model(name)
    except ModelFileError:
        return {"detector": name, "kind": "network", "model": None, "parameters": None}
    arrays, card = read_model(path)
    return {"detector": name, "kind": "network", "model": card.name, "parameters": _parameters(arrays)}


def _settings(name: str) -> str:
    detector = make_detector(name)
    values = ", ".join(f"{key} {value}" for key, value in dataclasses.asdict(cast(Any, detector.method)).items())
    return f"{values}; threshold {detector.threshold.rule} {detector.threshold.value:g}"


def _parameters(arrays: Mapping[str, NDArray[Any]]) -> int:
    return sum(a.size for name, a in arrays.items() if not name.endswith(BUFFERS))
