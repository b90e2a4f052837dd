"""Scoring a model, a detector or saved masks on a labelled data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.data.datasets import Dataset
from adsnet.errors import DatasetError, FrameError, LabelError
from adsnet.metrics import Evaluation, FrameScore
from adsnet.prediction import Prediction

PredictFrame = Callable[[NDArray[Any]], Prediction]
ScoreFrame = Callable[[Evaluation, str, NDArray[Any], NDArray[np.bool_]], FrameScore]


@dataclass(frozen=True)
class Report:
    """The result of ``adsnet evaluate``.

    Attributes:
        summary: the documented JSON keys.
        frames: per frame {"frame", "targets", "found", "false", "iou"}.
        problems: one sentence for each frame that could not be scored.
    """

    summary: dict[str, Any]
    frames: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def evaluate(
    dataset: Dataset,
    predict: PredictFrame,
    *,
    progress: Callable[[int, int], object] = lambda done, count: None,
) -> Report:
    """Predict and score every labelled frame of ``dataset``; unreadable frames are reported and left out.

    ``progress`` is told after every frame how many of how many are behind it.

    Raises:
        DatasetError: no frame could be scored.
        EngineError: as raised by ``predict``.
    """
    seconds: list[float] = []
    kept: dict[str, list[float]] = {}
    names: dict[str, str] = {}

    def score(evaluation: Evaluation, stem: str, pixels: NDArray[Any], label: NDArray[np.bool_]) -> FrameScore:
        try:
            prediction = predict(pixels)
        except FrameError as error:  # the predictor does not know the file
            raise FrameError(f"{stem}: {error}") from error
        names.update(detector=prediction.detector, model=prediction.model, engine=prediction.engine)
        seconds.append(prediction.seconds)
        for stage, share in prediction.kept.items():
            kept.setdefault(stage, []).append(share)
        return evaluation.add(prediction.probability, label)

    report = _score_frames(dataset, score, progress)
    means = {stage: float(np.mean(shares)) for stage, shares in kept.items()}
    summary = {**names, **report.summary, "seconds_per_image": float(np.mean(seconds)), "kept": means}
    return replace(report, summary=summary)


def evaluate_masks(dataset: Dataset, mask_of: Callable[[str, tuple[int, int]], NDArray[np.bool_]]) -> Report:
    """Score saved masks; ``mask_of`` gives the (H, W) mask of a frame by its stem and shape.

    Raises:
        DatasetError: no frame could be scored.
    """

    def score(evaluation: Evaluation, stem: str, pixels: NDArray[Any], label: NDArray[np.bool_]) -> FrameScore:
        return evaluation.add_mask(mask_of(stem, (pixels.shape[0], pixels.shape[1])), label)

    report = _score_frames(dataset, score, lambda done, count: None)
    unknown = {"detector": "predictions", "model": None, "engine": None}
    return replace(report, summary={**unknown, **report.summary, "seconds_per_image": None, "kept": {}})


def _score_frames(dataset: Dataset, score: ScoreFrame, progress: Callable[[int, int], object]) -> Report:
    """Score every labelled frame; the summary holds the metrics alone."""
    evaluation = Evaluation()
    frames: list[dict[str, Any]] = []
    problems: list[str] = []
    labelled = dataset.labelled
    for done, index in enumerate(labelled):
        stem = dataset.samples[index].frame.stem
        try:
            result = score(evaluation, stem, *dataset.read(index))
        except (FrameError, LabelError, DatasetError) as error:
            problems.append(str(error))
        else:
            counts = {"targets": result.targets, "found": result.found, "false": result.false}
            frames.append({"frame": stem, **counts, "iou": result.iou})
        progress(done + 1, len(labelled))
    if not frames:
        reason = problems[0] if problems else "none has a label"
        raise DatasetError(f"{dataset.root}: no frame could be scored; {reason}")
    metrics = evaluation.metrics().to_dict()
    keys = ("images", "targets", "iou", "niou", "pd", "fa", "pixel_fa", "auc")
    return Report({key: metrics[key] for key in keys}, tuple(frames), tuple(problems))


def labelled_only(dataset: Dataset) -> Dataset:
    """The frames that have a label file."""
    return dataset.subset(dataset.labelled)
