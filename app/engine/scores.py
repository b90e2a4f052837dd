"""The scores of a run, kept in its folder: a candidate can be decided on after a restart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from adsnet.errors import StorageError
from adsnet.messages import Evaluated
from adsnet.storage.atomic import read_json, write_json

FILE = "scores.json"
FORMAT = "adsnet-scores-1"


def save_scores(run: Path, scores: tuple[Evaluated | None, ...], iteration: int) -> None:
    """Write what is known of the current model and of the candidate. Raises StorageError."""
    models = {one.which: {"metrics": one.metrics, "frames": list(one.frames)} for one in scores if one is not None}
    write_json(run / FILE, _finite({"format": FORMAT, "iteration": iteration, "models": models}))


def load_scores(run: Path) -> tuple[tuple[Evaluated, ...], int]:
    """What ``save_scores`` wrote, and the iteration; what is missing or damaged is left out."""
    try:
        values = read_json(run / FILE, max_bytes=2**26)
    except StorageError:
        return (), 0
    models = values.get("models") if isinstance(values, dict) and values.get("format") == FORMAT else None
    if not isinstance(models, dict):
        return (), 0
    scores = []
    for which in ("current", "candidate"):
        one = models.get(which)
        metrics, frames = (one.get("metrics"), one.get("frames")) if isinstance(one, dict) else (None, None)
        if isinstance(metrics, dict) and isinstance(frames, list) and all(isinstance(f, dict) for f in frames):
            scores.append(Evaluated(0, which, metrics, tuple(frames)))
    iteration = values.get("iteration")
    return tuple(scores), iteration if isinstance(iteration, int) else 0


def _finite(value: Any) -> Any:
    """The same with None for what is not a number: JSON has no form for it."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
