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


def test_the_sums_are_those_of_the_frames(report: Report) -> None:
    made = prediction((20, 20, 3, 3), (50, 40, 2, 2))
    truths = [label((20, 20, 3, 3), (2, 2, 3, 3)), label(), label((20, 20, 3, 3), (50, 40, 2, 2))]
    whole = Evaluation()
    for number, truth in enumerate(truths):
        report.add(*judge(number, f"f{number}", made, truth, threshold=0.5))
        whole.add_mask(made.mask, truth)
    assert report.totals == {
        "found": 3, "dropped_3": 1, "dropped_2": 0, "faint": 0, "merged": 0, "off": 0, "false": 3,
    }  # fmt: skip
    assert report.metrics() == whole.metrics() and report.labelled == 3
    assert [frame.predicted for frame in report.frames] == [2, 2, 2]


def test_a_frame_without_a_label_counts_its_predictions_only(report: Report) -> None:
    judged, evaluation = judge(4, "f4", prediction((20, 20, 3, 3)), None, threshold=0.5)
    assert evaluation is None and judged == Judged(4, "f4", predicted=1, peak=judged.peak, unsure=judged.unsure)
    report.add(judged, evaluation)
    assert report.labelled == 0 and sum(report.totals.values()) == 0


def test_the_threshold_is_the_chosen_one(report: Report) -> None:
    judged, _ = judge(0, "f", prediction((20, 20, 3, 3)), label((20, 20, 3, 3)), threshold=0.95)
    assert judged.counts == {"faint": 1} and judged.score is not None and judged.score.found == 0


def test_the_table_can_be_read_back(report: Report) -> None:
    report.add(*judge(0, 'a "b", c', prediction((20, 20, 3, 3)), label((20, 20, 3, 3), (2, 2, 2, 2)), threshold=0.5))
    rows = list(csv.reader(io.StringIO(report.csv())))
    assert tuple(rows[0]) == CSV_COLUMNS and [row[:2] for row in rows[1:]] == [
        ['a "b", c', "dropped_3"], ['a "b", c', "found"],
    ]  # fmt: skip


def test_a_new_judgement_forgets_the_one_before(report: Report) -> None:
    report.add(*judge(0, "f", prediction((20, 20, 3, 3)), label((20, 20, 3, 3)), threshold=0.5))
    report.end("done")
    report.end("stopped")  # it had ended
    assert report.status == "done"
    report.begin(Conditions("m", Sparsity((0.9, 0.97)), 0.5))
    assert report.frames == [] and report.metrics().images == 0
    report.clear()
    assert report.conditions is None and not report.frames
