"""Several detectors compared target by target, and the sums over a sequence whose labels change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.detectors.registry import make_detector
from adsnet.detectors.thresholds import Threshold
from adsnet.metrics import Evaluation
from adsnet.prediction import Prediction
from app.state.compared import CURRENT, MOST_FALSE, ComparedFrame, Made, compare_frame, disagreements
from app.state.comparison import Comparison
from app.state.session import Session

SHAPE = (40, 60)


def mask(*boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    made = np.zeros(SHAPE, np.bool_)
    for x, y, w, h in boxes:
        made[y : y + h, x : x + w] = True
    return made


def made(*boxes: tuple[int, int, int, int], threshold: float = 0.5) -> Made:
    probability = np.where(mask(*boxes), 0.8, 0.1).astype(np.float32)
    return Made(Prediction(probability, (), (), SHAPE, 0.01, "d", "m", "numpy"), threshold)


TARGETS = (5, 5, 2, 2), (30, 20, 3, 3)


def frame(index: int = 0, *targets: tuple[int, int, int, int]) -> ComparedFrame:
    """a finds the first target and has a false alarm with b; b finds both; c has one false alarm of its own."""
    outcomes = {
        "a": made(TARGETS[0], (50, 30, 2, 2)),
        "b": made(*TARGETS, (51, 30, 2, 2)),
        "c": made(*TARGETS, (50, 5, 1, 3)),
    }
    return compare_frame(index, f"f{index}", outcomes, mask(*(targets or TARGETS)))


def test_disagreements_by_hand() -> None:
    # The first target is found by all: no row. The false alarms of a and b are one pixel apart: the same, no row.
    rows = disagreements(frame())
    assert [(row.is_target, row.target.x, row.target.y, dict(row.marks)) for row in rows] == [
        (True, 31.0, 21.0, {"a": "missed", "b": "found", "c": "found"}),
        (False, 50.0, 6.0, {"c": "false"}),
    ]


def test_boxes_are_those_of_the_matching() -> None:
    boxes = frame().outcomes["a"].boxes
    assert boxes == {"found": (TARGETS[0],), "missed": (TARGETS[1],), "false_alarm": ((50, 30, 2, 2),)}


def test_what_cannot_run_or_has_no_label_disagrees_with_nobody() -> None:
    outcomes: dict[str, Made | str] = {"a": made(*TARGETS), "b": "the process stopped"}
    compared = compare_frame(0, "f", outcomes, mask(*TARGETS))
    assert disagreements(compared) == () and compared.outcomes["b"].problem == "the process stopped"
    bare = compare_frame(0, "f", {"a": made(*TARGETS), "b": made()}, None)
    assert disagreements(bare) == () and bare.outcomes["a"].score is None
    other = compare_frame(0, "f", {"a": made(*TARGETS)}, np.zeros((3, 3), np.bool_))
    assert "another size" in other.outcomes["a"].problem


def test_a_bad_threshold_does_not_flood_the_list() -> None:
    many = made(*((x, y, 1, 1) for x in range(0, 60, 4) for y in range(0, 40, 4)))
    rows = disagreements(compare_frame(0, "f", {"a": many, "b": made()}, mask()))
    assert len(rows) == MOST_FALSE


@pytest.fixture
def comparison(session: Session) -> Comparison:
    found = Comparison(session)
    for one in found.detectors:
        found.choose(one.name, one.name in ("tophat", "lef"))
    return found


def two(index: int, label: NDArray[np.bool_]) -> ComparedFrame:
    return compare_frame(index, f"f{index}", {"tophat": made(TARGETS[0]), "lef": made(*TARGETS)}, label)


def test_a_label_that_changes_is_counted_once(comparison: Comparison) -> None:
    comparison.begin()
    comparison.add(two(0, mask(*TARGETS)))
    comparison.add(two(1, mask(TARGETS[0])))
    assert [row.is_target for row in comparison.rows] == [True, False]
    comparison.add(two(0, mask(TARGETS[1])))
    comparison.end("done")
    for name, boxes in (("tophat", TARGETS[:1]), ("lef", TARGETS)):
        expected = Evaluation()
        for label in (mask(TARGETS[0]), mask(TARGETS[1])):
            expected.add(made(*boxes).prediction.probability, label)
        assert comparison.metrics()[name] == expected.metrics()
        assert np.array_equal(comparison.metrics()[name].roc, expected.metrics().roc)
    assert {row.index for row in comparison.rows} == {0, 1} and len(comparison.frames) == 2
    assert all(one.mask is None for f in comparison.frames.values() for one in f.outcomes.values())


def test_other_settings_make_it_outdated_and_the_same_ones_do_not(comparison: Comparison, session: Session) -> None:
    comparison.begin()
    comparison.choose("tllcm", True)
    assert "compare all frames again" in comparison.outdated
    comparison.choose("tllcm", False)
    assert comparison.outdated == ""
    comparison.set_method("tophat", make_detector("tophat", Threshold("mean_std", 3.0)))
    assert comparison.outdated
    comparison.set_method("tophat", make_detector("tophat"))
    session.predictions.set_threshold(0.7)
    assert comparison.outdated
    comparison.begin()
    assert comparison.outdated == ""


def test_the_list_of_detectors_is_open(comparison: Comparison) -> None:
    shipped = [one.title for one in comparison.detectors]
    assert shipped[:5] == ["ADSNet", "Top-hat", "LEF", "AADCDD", "TLLCM"]
    comparison.add_model(Path("runs/a/model.safetensors"))
    comparison.add_model(Path("runs/b/model.safetensors"))
    comparison.add_model(Path("runs/b/model.safetensors"))
    assert [one.title for one in comparison.detectors] == [*shipped, "model", "b/model"]
    assert [one.name for one in comparison.chosen][-1] == str(Path("runs/b/model.safetensors"))
    assert comparison.conditions_now().threshold_of(comparison.detectors[-1]) == 0.5


def test_another_sequence_forgets_all(comparison: Comparison, session: Session) -> None:
    comparison.begin()
    comparison.add(two(0, mask(*TARGETS)))
    session.close_sequence(discard=True)
    assert comparison.status == "empty" and not comparison.rows and not comparison.metrics()
    assert CURRENT in {one.name for one in comparison.detectors}
