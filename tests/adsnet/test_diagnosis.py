"""Every way to lose a target, built by hand, gets its own verdict."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet.diagnosis import CSV_COLUMNS, VERDICTS, Diagnosis, csv_rows, diagnose, totals
from adsnet.metrics import Evaluation
from adsnet.prediction import Decision, Prediction

SIDE, PATCH = 64, 16


def decision(stage: int, dropped: tuple[tuple[int, int], ...] = ()) -> Decision:
    """Of stage + 1 for ``stage``; patch (r, c) has the keep probability 0.1 · r + 0.01 · c + 0.5, less if dropped."""
    r, c = np.mgrid[0:4, 0:4]
    keep = (0.5 + 0.1 * r + 0.01 * c).astype(np.float32)
    kept = np.ones((4, 4), np.bool_)
    for patch in dropped:
        kept[patch], keep[patch] = False, 0.125
    edges = np.arange(0, SIDE + 1, PATCH, dtype=np.int32)
    return Decision(stage + 1, stage, keep, kept, keep, np.zeros((0, 0), np.float32), edges, edges)


def prediction(*targets: tuple[int, int, int, int, float], **decisions: tuple[tuple[int, int], ...]) -> Prediction:
    """Targets as (row, column, height, width, probability); dropped patches as ``dropped3`` and ``dropped2``."""
    probability = np.full((SIDE, SIDE), 0.01, np.float32)
    for row, column, height, width, value in targets:
        probability[row : row + height, column : column + width] = value
    both = decision(3, decisions.get("dropped3", ())), decision(2, decisions.get("dropped2", ()))
    return Prediction(probability, both, (), (SIDE, SIDE), 0.01, "adsnet", "m", "dense")


def label(*targets: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    for row, column, height, width in targets:
        mask[row : row + height, column : column + width] = True
    return mask


def only(verdicts: tuple[Diagnosis, ...]) -> Diagnosis:
    assert len(verdicts) == 1
    return verdicts[0]


def test_found() -> None:
    got = only(diagnose(prediction((20, 20, 3, 4, 0.9)), label((20, 20, 3, 3))))
    assert got.verdict == "found" and got.distance == 0.5 and got.peak == pytest.approx(0.9)
    assert got.keep == pytest.approx({3: 0.61, 2: 0.61})
    assert got.sentence == "found, 0.5 pixels off the centre (peak 0.900)" and got.short == "found, peak 0.90"


@pytest.mark.parametrize(
    ("dropped", "verdict", "text"),
    [
        ({"dropped3": ((1, 1),), "dropped2": ((1, 1),)}, "dropped_3", "dropped at stage 4 → 3"),
        ({"dropped2": ((1, 1),)}, "dropped_2", "dropped at stage 3 → 2"),
    ],
)
def test_dropped(dropped: dict[str, tuple[tuple[int, int], ...]], verdict: str, text: str) -> None:
    got = only(diagnose(prediction(**dropped), label((20, 20, 3, 3))))
    assert got.verdict == verdict and got.sentence == f"{text} (keep probability 0.125)"
    assert got.short == f"{text.replace('at stage ', '')}, p 0.12"


def test_a_target_on_the_border_of_patches_is_dropped_only_with_all_of_them() -> None:
    target = label((20, 30, 3, 4))  # columns 30 to 33: patches 1 and 2
    assert only(diagnose(prediction(dropped3=((1, 1),)), target)).verdict == "faint"
    assert only(diagnose(prediction(dropped3=((1, 1), (1, 2))), target)).verdict == "dropped_3"


def test_below_the_threshold() -> None:
    seen = prediction((20, 20, 3, 3, 0.4))
    got = only(diagnose(seen, label((20, 20, 3, 3))))
    assert got.verdict == "faint" and got.sentence == "kept, but below the threshold (peak 0.400)"
    assert only(diagnose(seen, label((20, 20, 3, 3)), threshold=0.3)).verdict == "found"


def test_merged() -> None:
    one_mark = prediction((20, 20, 3, 12, 0.8))  # over both targets, its centre near neither
    got = diagnose(one_mark, label((20, 20, 3, 3), (20, 29, 3, 3)))
    assert [one.verdict for one in got] == ["merged", "merged", "false"]
    assert got[0].sentence == "merged with another target (peak 0.800)" and got[0].distance == 4.5


def test_off_the_centre() -> None:
    got = diagnose(prediction((20, 22, 3, 9, 0.8)), label((20, 20, 3, 3)))
    assert [one.verdict for one in got] == ["off", "false"] and got[0].distance == 5.0
    assert got[0].sentence == "marked 5.0 pixels off the centre (peak 0.800)" and got[0].short == "off by 5.0 px"


def test_a_false_alarm_has_a_history() -> None:
    got = only(diagnose(prediction((40, 50, 2, 2, 0.7)), label()))
    assert got.verdict == "false" and math.isnan(got.distance)
    assert got.sentence == "false alarm (peak 0.700; kept with 4 → 3: 0.730, 3 → 2: 0.730)"
    near = diagnose(prediction((40, 50, 2, 2, 0.7)), label((40, 40, 2, 2)))[1]
    assert near.verdict == "false" and near.distance == 10.0


def test_a_detector_without_decisions() -> None:
    plain = replace(prediction((40, 50, 2, 2, 0.7)), decisions=())
    lost, wrong = diagnose(plain, label((5, 5, 2, 2)))
    assert lost.verdict == "faint" and wrong.keep == {} and "kept with" not in wrong.sentence


def test_the_table() -> None:
    verdicts = diagnose(prediction((20, 20, 3, 3, 0.9), (40, 50, 2, 2, 0.7)), label((20, 20, 3, 3), (50, 5, 2, 2)))
    assert totals(verdicts) == {
        "found": 1, "dropped_3": 0, "dropped_2": 0, "faint": 1, "merged": 0, "off": 0, "false": 1,
    }  # fmt: skip
    rows = csv_rows("f01", verdicts)
    assert all(len(row) == len(CSV_COLUMNS) for row in rows)
    assert rows[0] == ("f01", "found", "21.00", "21.00", "9", "0.9000", "0.6100", "0.6100", "0.00", "1.0000")
    assert rows[1][:2] == ("f01", "faint") and rows[1][-1] == ""


masks = st.integers(0, 2**32 - 1).map(
    lambda seed: np.kron(np.random.default_rng(seed).random((16, 16)) < 0.06, np.ones((4, 4))) > 0
)


@given(truth=masks, guess=masks, seed=st.integers(0, 1000))
def test_verdicts_add_up_to_the_metrics(truth: NDArray[np.bool_], guess: NDArray[np.bool_], seed: int) -> None:
    random = np.random.default_rng(seed)
    dropped = tuple((int(r), int(c)) for r, c in np.argwhere(random.random((4, 4)) < 0.3))
    made = prediction(dropped3=dropped, dropped2=dropped)
    made = replace(made, probability=np.where(guess, 0.9, 0.1).astype(np.float32))
    counts = totals(diagnose(made, truth))
    score = Evaluation().add(made.probability, truth)
    assert counts["found"] == score.found and counts["false"] == score.false
    assert sum(counts[verdict] for verdict in VERDICTS if verdict != "false") == score.targets
