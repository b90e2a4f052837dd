"""Scoring on a labelled set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.data.datasets import Dataset, open_dataset
from adsnet.errors import DatasetError, EngineError, FrameError, LabelError
from adsnet.evaluation import evaluate, evaluate_masks, labelled_only
from adsnet.prediction import Decision, Prediction
from tests.adsnet.tiny import make_frame

KEYS = [
    "detector", "model", "engine", "images", "targets", "iou", "niou", "pd", "fa", "pixel_fa", "auc",
    "precision", "recall", "f1", "hiou", "fpr", "false_per_image", "conventions", "seconds_per_image", "kept",
]  # fmt: skip


def prediction_of(probability: NDArray[np.float32], *, seconds: float = 0.5) -> Prediction:
    none, edges = np.zeros((0, 0), np.float32), np.zeros(3, np.int32)
    decisions = tuple(
        Decision(stage, stage - 1, none, np.array([[True, False], [stage == 4, False]]), none, none, edges, edges)
        for stage in (4, 3)
    )
    return Prediction(probability, decisions, (), probability.shape, seconds, "adsnet", "m", "dense")


def brightest(pixels: NDArray[Any]) -> Prediction:
    """Finds the targets of ``write_set`` without an error."""
    return prediction_of((pixels > 150).astype(np.float32))


def test_a_perfect_prediction(data_set: Path) -> None:
    steps: list[tuple[int, int]] = []
    report = evaluate(open_dataset(data_set), brightest, progress=lambda done, count: steps.append((done, count)))
    assert list(report.summary) == KEYS
    assert report.summary | {"iou": 1.0, "niou": 1.0, "pd": 1.0, "fa": 0.0, "pixel_fa": 0.0} == report.summary
    assert (report.summary["detector"], report.summary["model"], report.summary["engine"]) == ("adsnet", "m", "dense")
    assert report.summary["images"] == report.summary["targets"] == 10
    assert report.summary["auc"] == pytest.approx(1.0)
    assert report.summary["seconds_per_image"] == 0.5 and report.summary["kept"] == {"3": 0.5, "2": 0.25}
    assert report.frames[3] == {"frame": "f03", "targets": 1, "found": 1, "false": 0, "iou": 1.0}
    assert report.problems == () and steps == [(i, 10) for i in range(1, 11)]
    json.dumps(report.summary, allow_nan=False)


def test_misses_and_false_alarms_are_counted_by_hand(data_set: Path) -> None:
    def predict(pixels: NDArray[Any]) -> Prediction:
        probability = np.zeros(pixels.shape, np.float32)
        probability[0, 0:2] = 0.9  # two false pixels, and nothing at the target
        return prediction_of(probability)

    summary = evaluate(open_dataset(data_set), predict).summary
    assert (summary["pd"], summary["iou"], summary["niou"]) == (0, 0, 0)
    assert summary["fa"] == summary["pixel_fa"] == 2 / (40 * 56)


def broken_set(data_set: Path, folder: Path, breakage: Callable[[Path], object]) -> Dataset:
    import shutil

    shutil.copytree(data_set, folder)
    breakage(folder)
    return open_dataset(folder)


def test_unreadable_frames_are_named_and_left_out(data_set: Path, tmp_path: Path) -> None:
    def breakage(folder: Path) -> None:
        (folder / "images" / "f02.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
        (folder / "masks" / "f05.png").write_bytes(b"rubbish")
        (folder / "masks" / "f07.png").unlink()  # no label: not scored, no problem either

    steps: list[int] = []
    report = evaluate(
        broken_set(data_set, tmp_path / "set", breakage), brightest, progress=lambda done, count: steps.append(done)
    )
    assert report.summary["images"] == 7 and len(report.frames) == 7
    assert [("f02" in p, "f05" in p) for p in report.problems] == [(True, False), (False, True)]
    assert steps == list(range(1, 10))


def test_without_a_frame_that_can_be_scored_there_are_no_figures(data_set: Path, tmp_path: Path) -> None:
    def no_labels(folder: Path) -> None:
        for path in (folder / "masks").iterdir():
            path.unlink()

    def rubbish(folder: Path) -> None:
        for path in (folder / "masks").iterdir():
            path.write_bytes(b"rubbish")

    with pytest.raises(DatasetError, match="no frame could be scored; none has a label"):
        evaluate(broken_set(data_set, tmp_path / "a", no_labels), brightest)
    with pytest.raises(DatasetError, match="no frame could be scored; .*f00.png"):
        evaluate(broken_set(data_set, tmp_path / "b", rubbish), brightest)


def test_a_frame_that_the_predictor_refuses_is_named(data_set: Path) -> None:
    calls: list[int] = []

    def predict(pixels: NDArray[Any]) -> Prediction:
        calls.append(1)
        if len(calls) == 2:
            raise FrameError("a frame of 56×40 pixels is too large to predict")
        return brightest(pixels)

    report = evaluate(open_dataset(data_set), predict)
    assert report.problems == ("f01: a frame of 56×40 pixels is too large to predict",)
    assert report.summary["images"] == 9


def test_an_engine_that_cannot_run_ends_it_at_once(data_set: Path) -> None:
    def predict(pixels: NDArray[Any]) -> Prediction:
        raise EngineError("the spconv engine cannot be used")

    with pytest.raises(EngineError, match="spconv"):
        evaluate(open_dataset(data_set), predict)


def test_saved_masks(data_set: Path) -> None:
    def mask_of(stem: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
        if stem == "f04":
            raise LabelError("masks/f04.png: not there")
        return make_frame(*shape, seed=int(stem[1:]))[1]

    report = evaluate_masks(open_dataset(data_set), mask_of)
    assert list(report.summary) == KEYS
    assert report.summary["iou"] == 1.0 and report.summary["images"] == 9 and report.summary["auc"] == 1.0
    assert (report.summary["detector"], report.summary["model"]) == ("predictions", None)
    assert report.problems == ("masks/f04.png: not there",)


def test_only_labelled_frames(data_set: Path, tmp_path: Path) -> None:
    dataset = broken_set(data_set, tmp_path / "set", lambda folder: (folder / "masks" / "f07.png").unlink())
    assert len(dataset) == 10 and len(labelled_only(dataset)) == 9
    assert "f07" not in [s.frame.stem for s in labelled_only(dataset).samples]
