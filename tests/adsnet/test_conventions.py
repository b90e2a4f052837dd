"""Every measure under every convention, against numbers worked out by hand and against an independent brute force.

In a picture ``o`` is a pixel of the label alone, ``#`` one of the prediction alone, ``@`` one of both. A case says how
its numbers come about; none of them was taken from the code.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from adsnet.conventions import PRESETS, STANDARD, Conventions, count, parse_conventions
from adsnet.errors import ConfigError
from adsnet.metrics import Evaluation, joined

Mask = NDArray[np.bool_]


def masks(picture: str) -> tuple[Mask, Mask]:
    """Prediction and label."""
    rows = np.array([list(row) for row in picture.split()])
    return np.isin(rows, ["#", "@"]), np.isin(rows, ["o", "@"])


@dataclass(frozen=True)
class Case:
    name: str
    pictures: tuple[str, ...]
    expected: dict[str, float | None]
    words: str = "standard"


NONE = None
CASES = (
    # 2 × 5 frame, nothing in it. No union, no target; of 10 pixels none is false.
    Case(
        "nothing at all",
        ("..... .....",),
        {"iou": NONE, "niou": NONE, "pd": NONE, "fa": 0, "fpr": 0, "auc": NONE, "precision": NONE, "hiou": NONE},
    ),
    # No prediction: the union is the target of 2 pixels, the intersection 0. Pd 0 of 1.
    Case(
        "a target and no prediction",
        (".oo.. .....",),
        {"iou": 0, "niou": 0, "pd": 0, "fa": 0, "recall": 0, "precision": NONE, "hiou": 0},
    ),
    # 3 false pixels of 10, all of which are outside targets; there is no target, hence no Pd.
    Case(
        "a prediction and no target",
        (".###. .....",),
        {"iou": 0, "niou": 0, "pd": NONE, "fa": 3 / 10, "fpr": 3 / 10, "pixel_fa": 3 / 10, "false_per_image": 1},
    ),
    # All of the frame is target and predicted: no negative, so that neither FPR nor AUC exists.
    Case(
        "a frame that is all target",
        ("@@ @@",),
        {"iou": 1, "niou": 1, "pd": 1, "fa": 0, "fpr": NONE, "auc": NONE, "hiou": 1},
    ),
    # Union 4, intersection 2. Centroids 1.5 and 2.5: one apart, found. The wrong pixel belongs to a match: Fa 0,
    # but 1 of 12 pixels and 1 of 9 negatives (12 less 3 of the target) is wrong.
    Case(
        "shifted by one",
        (".#@@o. ......",),
        {"iou": 2 / 4, "pd": 1, "fa": 0, "pixel_fa": 1 / 12, "fpr": 1 / 9, "precision": 2 / 3, "recall": 2 / 3},
    ),
    # Same centroids (4, 0), 3 of 9 pixels right.
    Case(
        "a fat prediction with the right centre",
        ("###@@@###",),
        {"iou": 3 / 9, "pd": 1, "fa": 0, "f1": 2 * 3 / (9 + 3), "hiou": 3 / 9},
    ),
    # Overlap does not help: the centroids are 0.5 and 5, that is 4.5 apart. All 11 predicted pixels are false.
    Case("overlap with a far centre", ("@@#########",), {"iou": 2 / 11, "pd": 0, "fa": 11 / 11, "hiou": 0}),
    # No overlap is needed: the centroids are 2 apart.
    Case("no overlap with a near centre", ("o.#..",), {"iou": 0, "pd": 1, "fa": 0, "hiou": 0}),
    # Exactly 3 apart is too far, strictly.
    Case("exactly 3 pixels along a row", ("o..#.",), {"pd": 0, "fa": 1 / 5}),
    # Down a column the same.
    Case("exactly 3 pixels down a column", ("o. .. .. #. ..",), {"pd": 0, "fa": 1 / 10}),
    # 2 right and 2 down: √8 = 2.83 < 3.
    Case("2 and 2 pixels aside", ("o.. ... ..#",), {"pd": 1, "fa": 0}),
    # 3 × 4 steps make 5 pixels; 1 and 3 make √10 = 3.16.
    Case("1 and 3 pixels aside", ("o... ...#",), {"pd": 0, "fa": 1 / 8}),
    # The centre of two pixels lies between them: 2.5 from the target.
    Case("2.5 pixels, between two pixels", ("o.##.",), {"pd": 1, "fa": 0}),
    # One component over two targets at 0 and 2, centroid 1: the first takes it, the second is a miss, nothing is false.
    Case("merged", ("@#@..",), {"pd": 1 / 2, "fa": 0, "iou": 2 / 3, "hiou": (1 / 3) / 2}),
    # One target of 3, predicted in two pieces at 0 and 2: its centre 1 is 1 from both. The first is its match, the
    # other a false component of 1 pixel of 5, though it lies on the target.
    Case("split", ("@o@..",), {"pd": 1, "fa": 1 / 5, "pixel_fa": 0, "iou": 2 / 3, "false_per_image": 1}),
    # The first in raster order is taken, not the nearest: the upper false pixel matches the target below it, and the
    # exact hit is left over as a false component.
    Case("first, not nearest", ("..#.. ..... ..@..",), {"pd": 1, "fa": 1 / 15, "hiou": 0}),
    # Optimal takes the exact hit; the pixel above is the false one. The count is the same, the overlap is not.
    Case("nearest", ("..#.. ..... ..@..",), {"pd": 1, "fa": 1 / 15, "hiou": 1 / 2}, "matching=optimal"),
    # Targets at columns 4 and 8 of row 1, predictions at 6 of row 0 and 2 of row 2. The first target takes the first
    # prediction (√5 away), whose only rival is 6 columns from the second target: one is missed.
    Case("greedy loses a pair", ("......#..... ....o...o... ..#.........",), {"pd": 1 / 2, "fa": 1 / 36}),
    # Optimal gives the first target the prediction at 2 and the second the one at 6.
    Case(
        "optimal keeps it", ("......#..... ....o...o... ..#.........",), {"pd": 1, "fa": 0}, "matching=optimal"
    ),
    # At the border a target is one like any other: three corners, one found, two missed.
    Case("corners", ("@...o ..... o....",), {"pd": 1 / 3, "fa": 0, "iou": 1 / 3}),
    # Rows do not continue on the other side: the last pixel of row 0 and the first of row 1 are two components.
    Case("no wrapping at the border", ("....# o....",), {"pd": 0, "fa": 1 / 10}),
    # A diagonal is one component with 8 neighbours: centroid (1, 1) on that of the label.
    Case("8-connected diagonal", ("@.. .@. ..@",), {"pd": 1, "fa": 0, "targets": 1}),
    # With 4 neighbours there are three of each, and each finds its own.
    Case("4-connected diagonal", ("@.. .@. ..@",), {"pd": 1, "fa": 0, "targets": 3}, "connectivity=4"),
    # A predicted pair of pixels that touch at a corner, one on the target: with 8 neighbours they are one match …
    Case("corner of a match", ("@... .#.. ....",), {"pd": 1, "fa": 0}),
    # … and with 4 the second is a component of its own, and false.
    Case("corner of a match, 4", ("@... .#.. ....",), {"pd": 1, "fa": 1 / 12}, "connectivity=4"),
    # A false component of 2 pixels counts although the match has 2 pixels as well.
    Case("equal area", ("@@......## ..........",), {"pd": 1, "fa": 2 / 20}),
    # DNANet's script takes every area of a match off the list of false ones; its frame has 65536 pixels.
    Case("equal area is free", ("@@......## ..........",), {"pd": 1, "fa": 0}, "false_pixels=other_areas"),
    # Of two false components (2 and 3 pixels) only the one whose area is not 2 counts.
    Case("other area is not", ("@@..##.### ..........",), {"pd": 1, "fa": 3 / 65536}, "dnanet"),
    # Two frames: IoU of sums (1 + 2) / (2 + 2), mean of IoUs (1/2 + 2/2) / 2.
    Case("two frames", ("@#...", "@@..."), {"iou": 3 / 4, "niou": 3 / 4, "pd": 1, "images": 2}),
    # IoU of sums 5/9, mean of (1/5 + 4/4) / 2.
    Case("two frames of other weight", ("@####", "@@@@."), {"iou": 5 / 9, "niou": 0.6}),
    # The frame with neither target nor prediction is left out, is 0, or is 1.
    Case("empty frame left out", (".....", "@#..."), {"niou": 1 / 2, "empty_images": 1}),
    Case("empty frame is zero", (".....", "@#..."), {"niou": 1 / 4}, "acm"),
    Case("empty frame is one", (".....", "@#..."), {"niou": 3 / 4}, "empty=one"),
    # IoU 3/6 = 0.5 is enough: found by overlap, though the centroids 1 and 2.5 would do as well; hIoU ½ × 1/1.
    Case("half an overlap", ("@@@###",), {"pd": 1, "fa": 0, "hiou": 1 / 2}, "pyirstd"),
    # 8 of 16 overlap, centroids 3.5 and 7.5: 4 apart. By distance a miss, by overlap found.
    Case("overlap with a far centre, standard", ("@@@@@@@@########",), {"pd": 0, "fa": 16 / 16}),
    Case("overlap with a far centre, overlap", ("@@@@@@@@########",), {"pd": 1, "fa": 0, "hiou": 1 / 2}, "pyirstd"),
    # A response beside the target finds it; it is at most 4 away, hence not false. Centroids: 4.5 apart.
    Case("near", ("o########",), {"pd": 1, "fa": 4 / 9}, "dtum"),
    # Two columns away is not near; 2 is not beyond 4 either.
    Case("neither near nor far", ("o.#.......",), {"pd": 0, "fa": 0}, "dtum"),
    # 5 away is false.
    Case("far", ("o....#",), {"pd": 0, "fa": 1 / 6}, "dtum"),
    # One response beside two targets finds both.
    Case("near two", ("o#o...",), {"pd": 1, "fa": 0}, "dtum"),
    # 4 pixels apart are near enough when 5 are allowed.
    Case("a wider limit", ("o...#.",), {"pd": 1, "fa": 0}, "max_distance=5"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_by_hand(case: Case) -> None:
    evaluation = Evaluation(parse_conventions(case.words.split()))
    for picture in case.pictures:
        evaluation.add_mask(*masks(picture))
    values = evaluation.metrics().to_dict()
    for key, value in case.expected.items():
        assert values[key] == (value if value is None else pytest.approx(value, abs=1e-12)), key


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 25 and len({case.name for case in CASES}) == len(CASES)


def test_another_threshold() -> None:
    """0.6 is above 0.5 and not above 0.6, strictly."""
    probability, label = np.array([[0.6, 0.0, 0.0]]), np.array([[True, False, False]])
    for threshold, pd in ((0.5, 1.0), (0.6, 0.0), (0.59, 1.0)):
        evaluation = Evaluation(Conventions(threshold=threshold))
        evaluation.add(probability, label)
        assert evaluation.metrics().pd == pd


def test_the_roc_of_ten_steps() -> None:
    """Scores 0.95 and 0.91 lie between the thresholds 0.9 and 1: one step of the curve, a diagonal, area ½."""
    probability, label = np.array([[0.95, 0.91]]), np.array([[True, False]])
    exact, coarse = Evaluation(), Evaluation(Conventions(roc_steps=10))
    for evaluation in (exact, coarse):
        evaluation.add(probability, label)
    assert (exact.metrics().auc, coarse.metrics().auc) == (1.0, 0.5)
    assert coarse.metrics().roc.shape == (12, 2)


# ---- conventions as words -----------------------------------------------------------------------------------


def test_words_make_conventions_and_back() -> None:
    assert parse_conventions([]) == STANDARD and str(STANDARD) == "standard"
    made = parse_conventions(["dnanet", "matching=optimal", "max_distance=4", "frame_pixels=0"])
    assert made == Conventions(matching="optimal", max_distance=4.0, false_pixels="other_areas", roc_steps=10)
    for one in (*PRESETS.values(), made):
        assert parse_conventions(str(one).split()) == one


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("coco", "unknown conventions 'coco'; there are standard, acm"),
        ("matching=best", "matching is 'best'; it must be one of reference, optimal, overlap, near"),
        ("distance=3", "'distance=3' is no convention"),
        ("standard acm", "'acm' is no convention"),
        ("max_distance=far", "max_distance is 'far'; it must be a number"),
        ("max_distance=0", "max_distance is 0.0; it must be a number from"),
        ("max_distance=nan", "max_distance is nan"),
        ("connectivity=6", "connectivity is 6; it must be one of 8, 4"),
        ("roc_steps=1", "roc_steps is 1"),
    ],
)
def test_wrong_words_get_one_sentence(words: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_conventions(words.split())
    assert part in str(caught.value)


# ---- what holds for all masks -------------------------------------------------------------------------------

frames = st.tuples(arrays.arrays(np.bool_, (9, 11)), arrays.arrays(np.bool_, (9, 11)))
probabilities = arrays.arrays(np.float32, (5, 6), elements=st.floats(0, 1, width=32))
sparse_mask = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 10)), max_size=7).map(lambda places: _with(places))
sparse_frames = st.tuples(sparse_mask, sparse_mask)
every = st.sampled_from([*PRESETS.values(), Conventions(matching="optimal"), Conventions(connectivity=4)])


def _with(places: list[tuple[int, int]]) -> Mask:
    mask = np.zeros((9, 11), np.bool_)
    for place in places:
        mask[place] = True
    return mask


def by_brute_force(predicted: Mask, label: Mask) -> tuple[int, int, int]:
    """Targets, found and false pixels of the standard conventions, formulated once more without our code."""
    corners = np.ones((3, 3))
    (ours, n), (theirs, m) = ndimage.label(label, corners), ndimage.label(predicted, corners)
    centres = [
        [tuple(np.argwhere(image == k + 1).mean(axis=0)) for k in range(c)] for image, c in ((ours, n), (theirs, m))
    ]
    used: set[int] = set()
    for centre in centres[0]:
        near = [j for j in range(m) if j not in used and math.dist(centre, centres[1][j]) < 3]
        used.update(near[:1])
    wrong = ~np.isin(theirs, [0, *(j + 1 for j in used)])
    return n, len(used), int(wrong.sum())


@given(frames | sparse_frames)
def test_the_standard_equals_a_brute_force(frame: tuple[Mask, Mask]) -> None:
    score = Evaluation().add_mask(*frame)
    assert (score.targets, score.found, score.false_pixels) == by_brute_force(*frame)


@given(sparse_frames)
def test_optimal_finds_the_most_that_any_assignment_finds(frame: tuple[Mask, Mask]) -> None:
    counted = count(*frame, Conventions(matching="optimal"))
    near = [[math.dist((a.x, a.y), (b.x, b.y)) < 3 for b in counted.predicted] for a in counted.labelled]
    few, many = (
        (near, len(counted.predicted))
        if len(near) <= len(counted.predicted)
        else ([list(column) for column in zip(*near, strict=True)], len(near))
    )
    most = max(
        (sum(few[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(many), len(few))),
        default=0,
    )
    assert len(counted.matching.pairs) == most
    assert most >= len(count(*frame).matching.pairs)


@given(st.lists(frames | sparse_frames, max_size=4), every)
def test_bounds(seen: list[tuple[Mask, Mask]], conventions: Conventions) -> None:
    evaluation = Evaluation(conventions)
    for frame in seen:
        evaluation.add_mask(*frame)
    m = evaluation.metrics()
    for value in (m.iou, m.niou, m.pd, m.fpr, m.pixel_fa, m.auc, m.precision, m.recall, m.f1, m.hiou):
        assert math.isnan(value) or 0 <= value <= 1
    assert m.found <= m.targets
    if conventions.false_pixels == "unmatched" and not conventions.frame_pixels and seen:
        assert 0 <= m.fa <= sum(p.sum() for p, _ in seen) / m.pixels
    if not math.isnan(m.hiou):
        assert m.hiou <= (m.pd if m.targets else 0)
    if not math.isnan(m.f1) and m.f1:
        assert m.iou == pytest.approx(m.f1 / (2 - m.f1))


@given(frames, st.sampled_from(["optimal", "near"]))
def test_flips_change_nothing(frame: tuple[Mask, Mask], matching: str) -> None:
    """In matchings that do not go by raster order, and in what counts pixels."""
    conventions = parse_conventions([f"matching={matching}"])
    scores = []
    for turn in (lambda m: m, np.fliplr, np.flipud, np.transpose):
        evaluation = Evaluation(conventions)
        evaluation.add_mask(*(np.ascontiguousarray(turn(mask)) for mask in frame))
        scores.append(evaluation.metrics())
    for other in scores[1:]:
        assert (other.targets, other.found) == (scores[0].targets, scores[0].found)
        for key in ("iou", "niou", "pixel_fa", "fpr", "auc", "precision", "recall"):
            assert getattr(other, key) == pytest.approx(getattr(scores[0], key), nan_ok=True)


@given(frames)
def test_label_and_prediction_may_change_places(frame: tuple[Mask, Mask]) -> None:
    """IoU, F1 and the optimal number of pairs are symmetric; precision becomes recall."""
    there, back = Evaluation(Conventions(matching="optimal")), Evaluation(Conventions(matching="optimal"))
    there.add_mask(*frame)
    back.add_mask(*frame[::-1])
    a, b = there.metrics(), back.metrics()
    assert (a.iou, a.f1, a.precision) == pytest.approx((b.iou, b.f1, b.recall), nan_ok=True)
    assert a.found == b.found and a.false_components == b.targets - b.found


@given(frames, st.integers(1, 6), st.integers(1, 6))
def test_a_wider_limit_finds_no_fewer(frame: tuple[Mask, Mask], near: int, further: int) -> None:
    found = [
        Evaluation(Conventions(matching="optimal", max_distance=limit)).add_mask(*frame).found
        for limit in sorted((near, near + further))
    ]
    assert found[0] <= found[1]


@given(frames, st.integers(0, 8), st.integers(0, 10))
def test_one_more_right_pixel_never_lowers_the_iou(frame: tuple[Mask, Mask], row: int, column: int) -> None:
    predicted, label = frame
    better = predicted.copy()
    better[row, column] = label[row, column]
    before, after = (Evaluation().add_mask(mask, label).iou for mask in (predicted, better))
    assert before is None or after is None or after >= before


@given(
    st.lists(st.tuples(probabilities, arrays.arrays(np.bool_, (5, 6))), max_size=6),
    st.integers(1, 4),
    every,
    st.randoms(),
)
def test_sums_of_shards_in_any_order_are_one_sum(
    seen: list[tuple[NDArray[np.float32], Mask]], shards: int, conventions: Conventions, random: object
) -> None:
    whole = Evaluation(conventions, thresholds=(0.2, 0.7))
    parts = [Evaluation(conventions, thresholds=(0.2, 0.7)) for _ in range(shards)]
    for i, frame in enumerate(seen):
        whole.add(*frame)
        parts[i % shards].add(*frame)
    random.shuffle(parts)  # type: ignore[attr-defined]
    total = joined(parts).metrics()
    assert total.to_dict() == whole.metrics().to_dict()
    assert np.array_equal(total.roc, whole.metrics().roc, equal_nan=True)


@given(frames, frames, every)
def test_what_was_included_can_be_excluded(
    a: tuple[Mask, Mask], b: tuple[Mask, Mask], conventions: Conventions
) -> None:
    alone, other, total = (Evaluation(conventions) for _ in range(3))
    alone.add_mask(*a)
    other.add_mask(*b)
    total.include(alone)
    total.include(other)
    total.exclude(other)
    assert total.metrics().to_dict() == alone.metrics().to_dict()
