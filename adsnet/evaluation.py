"""Scoring a model, a detector or saved masks on a labelled data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.conventions import STANDARD, Conventions
from adsnet.data.datasets import Dataset
from adsnet.errors import DatasetError, FrameError, LabelError
from adsnet.metrics import Evaluation, FrameScore, joined
from adsnet.prediction import Prediction
from adsnet.processes import ALONE, Processes

PredictFrame = Callable[[NDArray[Any]], Prediction]
_SUMMARY = (
    "images", "targets", "iou", "niou", "pd", "fa", "pixel_fa", "auc",
    "precision", "recall", "f1", "hiou", "fpr", "false_per_image",
)  # fmt: skip
ScoreFrame = Callable[[Evaluation, str, NDArray[Any], NDArray[np.bool_]], FrameScore]


@dataclass(frozen=True)
class Report:
    """The result of ``adsnet evaluate``.

    Attributes:
        summary: the documented JSON keys.
        frames: per frame {"frame", "targets", "found", "false", "iou"}.
        problems: one sentence for each frame that could not be scored.
        roc: as in ``Metrics``.
    """

    summary: dict[str, Any]
    frames: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]
    roc: NDArray[np.float64] = field(repr=False, compare=False)


def evaluate(
    dataset: Dataset,
    predict: PredictFrame,
    *,
    conventions: Conventions = STANDARD,
    thresholds: Sequence[float] = (),
    progress: Callable[[int, int], object] = lambda done, count: None,
    processes: Processes = ALONE,
) -> Report:
    """Predict and score every labelled frame of ``dataset``; unreadable frames are reported and left out.

    ``conventions`` and ``thresholds`` are those of ``Evaluation``. ``progress`` is told after every frame how many of
    how many are behind it. Several ``processes`` share the frames and get the same report, to the last digit that of
    one; only ``seconds_per_image`` is measured anew.

    Raises:
        DatasetError: no frame could be scored.
        EngineError: as raised by ``predict``.
    """
    seconds: list[tuple[float, dict[str, float]]] = []
    names: list[dict[str, str]] = []

    def score(evaluation: Evaluation, stem: str, pixels: NDArray[Any], label: NDArray[np.bool_]) -> FrameScore:
        try:
            prediction = predict(pixels)
        except FrameError as error:  # the predictor does not know the file
            raise FrameError(f"{stem}: {error}") from error
        seconds.append((prediction.seconds, prediction.kept))
        names.append({key: getattr(prediction, key) for key in ("detector", "model", "engine")})
        return evaluation.add(prediction.probability, label)

    report = _score_frames(dataset, score, Evaluation(conventions, thresholds=thresholds), progress, processes)
    seconds = processes.all(seconds)
    stages = seconds[0][1]
    kept = {stage: float(np.mean([shares[stage] for _, shares in seconds])) for stage in stages}
    time = float(np.mean([spent for spent, _ in seconds]))
    summary = {**processes.all(names)[0], **report.summary, "seconds_per_image": time, "kept": kept}
    return replace(report, summary=summary)


def evaluate_masks(
    dataset: Dataset,
    mask_of: Callable[[str, tuple[int, int]], NDArray[np.bool_]],
    *,
    conventions: Conventions = STANDARD,
) -> Report:
    """Score saved masks; ``mask_of`` gives the (H, W) mask of a frame by its stem and shape.

    Raises:
        DatasetError: no frame could be scored.
    """

    def score(evaluation: Evaluation, stem: str, pixels: NDArray[Any], label: NDArray[np.bool_]) -> FrameScore:
        return evaluation.add_mask(mask_of(stem, (pixels.shape[0], pixels.shape[1])), label)

    report = _score_frames(dataset, score, Evaluation(conventions), lambda done, count: None, ALONE)
    unknown = {"detector": "predictions", "model": None, "engine": None}
    return replace(report, summary={**unknown, **report.summary, "seconds_per_image": None, "kept": {}})


def _score_frames(
    dataset: Dataset,
    score: ScoreFrame,
    evaluation: Evaluation,
    progress: Callable[[int, int], object],
    processes: Processes,
) -> Report:
    """Score every labelled frame; the summary holds the metrics alone."""
    results: list[dict[str, Any] | str] = []  # of a frame, or why it has none
    labelled = dataset.labelled
    mine = labelled[processes.rank :: processes.count]
    for done, index in enumerate(mine):
        stem = dataset.samples[index].frame.stem
        try:
            result = score(evaluation, stem, *dataset.read(index))
        except (FrameError, LabelError, DatasetError) as error:
            results.append(str(error))
        else:
            counts = {"targets": result.targets, "found": result.found, "false": result.false}
            results.append({"frame": stem, **counts, "iou": result.iou})
        progress(min(len(labelled), (done + 1) * processes.count), len(labelled))
    results = processes.all(results)
    frames = [result for result in results if isinstance(result, dict)]
    problems = [result for result in results if isinstance(result, str)]
    if not frames:
        reason = problems[0] if problems else "none has a label"
        raise DatasetError(f"{dataset.root}: no frame could be scored; {reason}")
    totals = joined(processes.all([evaluation])).metrics()
    metrics = totals.to_dict()
    summary = {key: metrics[key] for key in _SUMMARY} | {"conventions": str(evaluation.conventions)}
    if metrics["curve"]:
        summary["curve"] = metrics["curve"]
    return Report(summary, tuple(frames), tuple(problems), totals.roc)


def without_labels(dataset: Dataset) -> Dataset:
    """The frames, said to hold no target: whatever label files there are is not looked at."""
    return replace(dataset, samples=tuple(replace(sample, mask=None, empty=True) for sample in dataset.samples))


def labelled_only(dataset: Dataset) -> Dataset:
    """The frames that have a label file."""
    return dataset.subset(dataset.labelled)
