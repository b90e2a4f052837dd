"""The judgement of a sequence: sums, measures and the table are those of its frames."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication

from adsnet.config import Sparsity
from adsnet.diagnosis import CSV_COLUMNS
from adsnet.metrics import Evaluation
from adsnet.prediction import Prediction
from adsnet.sweep import THRESHOLDS
from app.state.report import Conditions, Judged, Report, judge
from tests.app.views.conftest import SHAPE, prediction


@pytest.fixture
def report(qapp: QApplication) -> Report:
    made = Report()
    made.begin(Conditions("m", Sparsity(), 0.5))
    return made


def label(*boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, np.bool_)
    for x, y, w, h in boxes:
        mask[y : y + h, x : x + w] = True
    return mask


def judged(number: int, made: Prediction, truth: NDArray[np.bool_] | None) -> Judged:
    """Frame f<number> at the usual thresholds."""
    return judge(number, f"f{number}", made, truth, threshold=0.5, thresholds=THRESHOLDS)


def test_the_sums_are_those_of_the_frames(report: Report) -> None:
    made = prediction((20, 20, 3, 3), (50, 40, 2, 2))
    truths = [label((20, 20, 3, 3), (2, 2, 3, 3)), label(), label((20, 20, 3, 3), (50, 40, 2, 2))]
    whole = Evaluation(thresholds=report.thresholds)
    for number, truth in enumerate(truths):
        report.add(judged(number, made, truth))
        whole.add(made.probability, truth)
    got, expected = report.measures(0.5), whole.metrics()
    assert got is not None and (got.found, got.targets, got.false) == (3, 4, 3)
    assert (got.niou, got.pd, got.fa, got.iou) == (expected.niou, expected.pd, expected.fa, expected.iou)
    assert report.losses(0.5) == (1, 0) and report.losses(0.95) == (1, 3) and report.labelled == 3
    assert report.curve() == expected.curve
    assert [frame.predicted for frame in report.frames] == [2, 2, 2]
    some = report.measures(0.5, (0, 1, 99))
    assert some is not None and (some.frames, some.found, some.targets) == (2, 1, 2)
    assert report.measures(0.5, (99,)) is None


def test_a_frame_with_another_label_replaces_itself(report: Report) -> None:
    made = prediction((20, 20, 3, 3))
    report.add(judged(0, made, label()))
    report.add(judged(1, made, label((20, 20, 3, 3))))
    before = report.curve()
    again: list[int] = []
    report.judged_again.connect(again.append)
    report.set_outdated(0)
    report.add(judged(0, made, label((20, 20, 3, 3))))
    got = report.measures(0.5)
    assert got is not None and (got.frames, got.found, got.targets, got.false) == (2, 2, 2, 0)
    assert again == [0, 0] and report.outdated == set() and len(report.frames) == 2 and report.curve() != before
    report.add(judged(0, made, label()))
    assert report.curve() == before


def test_a_frame_without_a_label_counts_its_predictions_only(report: Report) -> None:
    made = judged(4, prediction((20, 20, 3, 3)), None)
    assert made == Judged(4, "f4", predicted=1, peak=made.peak, unsure=made.unsure) and made.at(3) is None
    report.add(made)
    assert report.labelled == 0 and report.measures(0.5) is None and report.losses(0.5) == (0, 0)


def test_the_threshold_is_the_chosen_one(report: Report) -> None:
    report.begin(Conditions("m", Sparsity(), 0.93))
    assert 0.93 in report.thresholds
    made = judge(
        0, "f", prediction((20, 20, 3, 3)), label((20, 20, 3, 3)), threshold=0.93, thresholds=report.thresholds
    )
    assert made.counts == {"faint": 1} and made.at(report.number_of(0.93)) == (1, 0, 0, 1, 0, 0.0)
    assert made.at(report.number_of(0.5)) == (1, 1, 0, 0, 0, 1.0)


def test_the_table_can_be_read_back(report: Report) -> None:
    truth = label((20, 20, 3, 3), (2, 2, 2, 2))
    made = judge(0, 'a "b", c', prediction((20, 20, 3, 3)), truth, threshold=0.5, thresholds=report.thresholds)
    report.add(made)
    rows = list(csv.reader(io.StringIO(report.csv())))
    assert tuple(rows[0]) == (*CSV_COLUMNS, "model", "patches", "threshold")
    assert all(row[-3:] == ["m", "25 % and 50 % of the patches dropped", "0.5"] for row in rows[1:])
    assert [row[:2] for row in rows[1:]] == [
        ['a "b", c', "dropped_3"], ['a "b", c', "found"],
    ]  # fmt: skip


def test_a_new_judgement_forgets_the_one_before(report: Report) -> None:
    report.add(judged(0, prediction((20, 20, 3, 3)), label((20, 20, 3, 3))))
    report.end("done")
    report.end("stopped")  # it had ended
    assert report.status == "done"
    report.begin(Conditions("m", Sparsity((0.9, 0.97)), 0.5))
    assert report.frames == [] and report.measures(0.5) is None
    report.clear()
    assert report.conditions is None and not report.frames
