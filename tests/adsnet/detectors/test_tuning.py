"""The search for k, with frames whose measures are counted by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.data.datasets import hold_out, open_dataset
from adsnet.detectors.registry import METHODS
from adsnet.detectors.tophat import TopHat
from adsnet.detectors.tuning import CANDIDATES, KTable, Score, training_sample, tune_k
from adsnet.errors import ConfigError
from tests.adsnet.tiny import write_set


class Itself:
    """A method whose saliency are the pixels."""

    def __init__(self) -> None:
        self.calls = 0

    def saliency(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        self.calls += 1
        return pixels.astype(np.float64)


def labelled() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """100 pixels: a target of 90 inside, a false one of 60 in a corner, 0 elsewhere; mean 1.5, deviation 10.7."""
    pixels, label = np.zeros((10, 10)), np.zeros((10, 10), np.bool_)
    pixels[5, 5], pixels[0, 0] = 90, 60
    label[5, 5] = True
    return pixels, label


def test_measures_by_hand() -> None:
    method = Itself()
    table = tune_k(method, [labelled(), labelled()], [0, 4, 7, 9])
    # From 1.5 + 10.7 k on: both above k = 0 and 4 (44), the target alone above k = 7 (76), nothing above k = 9 (98).
    assert table.rows == (
        Score(0, 0.5, 1.0, 0.01), Score(4, 0.5, 1.0, 0.01), Score(7, 1.0, 1.0, 0.0), Score(9, 0.0, 0.0, 0.0)
    )  # fmt: skip
    assert table.best == Score(7, 1.0, 1.0, 0.0)
    assert method.calls == 2  # once a frame, not once a candidate


def test_of_equal_iou_the_smaller_fa_is_best_and_then_the_first() -> None:
    rows = (Score(1, 0.5, 0.9, 3e-4), Score(2, 0.5, 0.8, 1e-4), Score(3, 0.5, 0.7, 1e-4), Score(4, 0.4, 1.0, 0.0))
    assert KTable(rows).best == rows[1]


def test_without_any_target_the_fewest_false_alarms_are_best() -> None:
    pixels, label = labelled()
    table = tune_k(Itself(), [(pixels, np.zeros_like(label))], [9, 4])
    assert math.isnan(table.rows[0].iou) and table.rows[1].iou == 0
    assert KTable((Score(1, math.nan, math.nan, 0.0), Score(2, 0.0, 0.0, 0.1))).best.k == 2


def test_what_cannot_be_searched_is_refused() -> None:
    for frames, candidates in (([], [1.0]), ([labelled()], [])):
        with pytest.raises(ValueError, match="at least one candidate and one frame"):
            tune_k(Itself(), frames, candidates)
    with pytest.raises(ConfigError, match="from 0 to 200"):
        tune_k(Itself(), [labelled()], [-1])
    with pytest.raises(ValueError, match="not one frame"):
        tune_k(Itself(), [(labelled()[0], np.zeros((3, 3), np.bool_))], [1])


def test_the_defaults_are_among_the_candidates() -> None:
    assert list(CANDIDATES) == sorted(set(CANDIDATES))
    assert all(CANDIDATES[0] < entry.k < CANDIDATES[-1] and entry.k in CANDIDATES for entry in METHODS.values())


def test_a_sample_of_the_training_part(tmp_path: Path) -> None:
    dataset = open_dataset(write_set(tmp_path / "set", count=20))
    training, held = hold_out(20, 5)
    stems = [sample.frame.stem for sample in training_sample(dataset, 5).samples]
    assert stems == [f"f{training[place]:02d}" for place in (0, 4, 8, 11, 15)]
    assert len(training_sample(dataset, 99)) == 16
    assert not {f"f{i:02d}" for i in held} & {sample.frame.stem for sample in training_sample(dataset, 99).samples}
    (tmp_path / "set" / "masks" / "f00.png").unlink()
    assert training_sample(open_dataset(tmp_path / "set"), 99).samples[0].frame.stem == "f01"


def test_a_search_on_a_data_set(data_set: Path) -> None:
    sample = training_sample(open_dataset(data_set), 4)
    table = tune_k(TopHat(), (sample.read(i) for i in range(len(sample))), (0, 4, 40))
    assert table.best.k == 4 and table.best.iou > 0.9 and table.best.pd == 1
    assert [row.fa for row in table.rows] == sorted((row.fa for row in table.rows), reverse=True)
