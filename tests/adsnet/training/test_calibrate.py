"""The best threshold is found, and made 0.5."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from adsnet.config import DENSE
from adsnet.data.datasets import open_dataset
from adsnet.errors import FrameError
from adsnet.evaluation import evaluate, without_labels
from adsnet.learned import predict_frames
from adsnet.model_file import read_card
from adsnet.prediction import Prediction
from adsnet.processes import Processes
from adsnet.sweep import measure, sweep
from adsnet.training.calibrate import best_threshold, calibrate
from adsnet.training.run import Finished, Scored, TrainJob, run
from tests.adsnet.tiny import lively_network, quick, tiny, tiny_card


def prediction(probability: NDArray[np.float32]) -> Prediction:
    return Prediction(probability, (), (), probability.shape, 0.1, "none", "none", "none", ())


def brightness(pixels: NDArray[Any]) -> Prediction:
    """Brighter is more probable; the targets of the sets of the tests are by far the brightest."""
    return prediction((pixels / pixels.max()).astype(np.float32))


def test_the_threshold_is_the_highest_of_those_with_the_best_niou(data_set: Path) -> None:
    dataset = open_dataset(data_set)
    best = best_threshold(brightness, [dataset])
    scores = {}
    for threshold in np.arange(0.1, 0.95, 0.05).round(2):
        shift = np.log(threshold / (1 - threshold))

        def shifted(pixels: NDArray[Any], shift: float = float(shift)) -> Prediction:
            p = np.clip(brightness(pixels).probability.astype(np.float64), 1e-6, 1 - 1e-6)
            return prediction((1 / (1 + np.exp(shift - np.log(p / (1 - p))))).astype(np.float32))

        scores[float(threshold)] = evaluate(dataset, shifted).summary["niou"]
    as_good = [threshold for threshold, niou in scores.items() if niou >= max(scores.values()) - 0.004]
    assert best == max(as_good) and len(as_good) > 1
    assert max(scores.values()) > min(scores.values()) + 0.1


def test_several_processes_find_what_one_finds(data_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(data_set)
    parts: list[list[Any]] = []

    def everything(self: Processes, values: list[Any]) -> list[Any]:
        parts.append(values)
        return values

    monkeypatch.setattr(Processes, "all", everything)
    alone = best_threshold(brightness, [dataset])
    for rank in range(2):
        best_threshold(brightness, [dataset], Processes(rank, 2))
    whole, *halves = ([repr(one) for one in part] for part in parts)
    assert sorted(whole) == sorted(halves[0] + halves[1]) and len(halves[0]) == len(halves[1])
    assert alone == best_threshold(brightness, [dataset])


def test_frames_without_targets_and_unreadable_ones_are_left_out(data_set: Path) -> None:
    dataset = open_dataset(data_set)
    assert best_threshold(brightness, [without_labels(dataset)]) == best_threshold(brightness, []) == 0.5
    assert best_threshold(brightness, [dataset, without_labels(dataset)]) == best_threshold(brightness, [dataset])

    def fails(pixels: NDArray[Any]) -> Prediction:
        raise FrameError("too large")

    assert best_threshold(fails, [dataset]) == 0.5


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
def test_what_was_above_the_threshold_is_above_one_half(head: str) -> None:
    network = copy.deepcopy(lively_network(tiny(head=head)))
    frame = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        before = torch.sigmoid(network(frame, DENSE).logits)
    calibrate(network, 0.3)
    with torch.inference_mode():
        after = torch.sigmoid(network(frame, DENSE).logits)
    clear = (before - 0.3).abs() > 1e-5
    assert torch.equal((before > 0.3)[clear], (after > 0.5)[clear])
    assert 0 < (before > 0.5).sum() < (after > 0.5).sum()


def test_a_run_calibrates_its_model_and_says_so(data_set: Path, tmp_path: Path) -> None:
    cards, scores, losses = [], [], []
    for calibrated in (False, True):
        out = tmp_path / str(calibrated)
        config = quick(iterations=6, calibrate=calibrated)
        events = list(run(TrainJob(((data_set, None),), out, config)))
        assert isinstance(events[-1], Finished)
        cards.append(read_card(events[-1].model).training)
        scores.append(next(event.report.summary for event in events if isinstance(event, Scored)))
        losses.append((out / "metrics.jsonl").read_text().count("\n"))
    assert "calibrated_from" not in cards[0] and 0.1 <= cards[1]["calibrated_from"] <= 0.9
    assert scores[1]["niou"] >= scores[0]["niou"]


def test_the_scores_of_a_calibrated_model_are_those_of_its_threshold(data_set: Path) -> None:
    network, card, dataset = copy.deepcopy(lively_network()), tiny_card(), open_dataset(data_set)
    predict = predict_frames(network, card, DENSE)
    frames = [(predict(pixels).probability, label) for pixels, label in map(dataset.read, dataset.labelled)]
    threshold = float(np.median([probability[label].max() for probability, label in frames])) * 0.99
    niou = measure([sweep(*frame, [threshold]) for frame in frames], 0).niou
    assert niou > 0
    calibrate(network, threshold)
    assert evaluate(dataset, predict_frames(network, card, DENSE)).summary["niou"] == pytest.approx(niou, abs=1e-9)
