"""``adsnet predict``: masks and targets of any number of frames."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from adsnet.cli import print_error, sparsity_of
from adsnet.commands.models import load_predictor
from adsnet.config import Sparsity
from adsnet.data.datasets import is_dataset, open_dataset
from adsnet.data.frames import FrameRef, list_frames, read_frame
from adsnet.data.labels import write_mask
from adsnet.errors import AdsnetError, FrameError
from adsnet.prediction import Prediction
from adsnet.predictor import Predictor
from adsnet.storage.atomic import write_json
from adsnet.storage.files import shown
from adsnet.targets import find_targets

FORMAT = "adsnet-predictions-1"


def execute(options: argparse.Namespace) -> int:
    """Predict every frame; a bad one is reported, the others are done, and the status is 2 at the end."""
    sparsity = sparsity_of(options)
    status = 0
    refs: list[FrameRef] = []
    for path in options.paths:
        try:
            refs += frames_of(path)
        except AdsnetError as error:
            print_error(str(error))
            status = 2
    _require_distinct(refs)
    if not refs:
        return status
    predictor = load_predictor(options)
    records: list[dict[str, Any]] = []
    for ref in tqdm(refs, unit="frame", disable=None):
        try:
            prediction = _predict(ref, predictor, sparsity, options.engine)
        except FrameError as error:
            print_error(str(error))
            status = 2
            continue
        write_mask(options.out / "masks" / f"{ref.stem}.png", prediction.mask)
        records.append(record_of(ref, prediction))
    write_json(options.out / "predictions.json", {"format": FORMAT, "model": predictor.card.name, "frames": records})
    return status


def _predict(ref: FrameRef, predictor: Predictor, sparsity: Sparsity, engine: str) -> Prediction:
    pixels = read_frame(ref).pixels
    try:
        return predictor.predict(pixels, sparsity, engine)
    except FrameError as error:  # the predictor does not know the file
        raise FrameError(f"{shown(ref.path)}: {error}") from error


def frames_of(path: Path) -> tuple[FrameRef, ...]:
    """The frames of an image, folder, video or data set. Raises FrameError, DatasetError."""
    if is_dataset(path):
        return tuple(sample.frame for sample in open_dataset(path).samples)
    return list_frames(path)


def record_of(ref: FrameRef, prediction: Prediction) -> dict[str, Any]:
    """One entry of ``frames`` in predictions.json; x, y in pixels, bbox as x, y, width, height."""
    height, width = prediction.probability.shape
    targets = find_targets(prediction.mask, probability=prediction.probability)
    return {
        "frame": ref.stem.encode("utf-8", "backslashreplace").decode("utf-8"),
        "width": width,
        "height": height,
        "seconds": prediction.seconds,
        "kept": prediction.kept,
        "targets": [{"x": t.x, "y": t.y, "area": t.area, "score": t.score, "bbox": list(t.bbox)} for t in targets],
    }


def _require_distinct(refs: list[FrameRef]) -> None:
    seen: dict[str, FrameRef] = {}
    for ref in refs:
        other = seen.setdefault(ref.stem, ref)
        if other is not ref:
            raise FrameError(f"{other.path} and {ref.path} would write the same mask; predict them apart")
