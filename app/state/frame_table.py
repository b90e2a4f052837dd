"""Which frames are listed, and in which order: filters and sorting over everything that is known about them.

All of it is arithmetic on arrays with one entry a frame, so that a hundred thousand frames take milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.state.review import STATES

BoolArray = NDArray[np.bool_]
Order = Literal["sequence", "name", "score", "uncertainty", "disagreement"]
MEASURES = ("score", "uncertainty", "disagreement")
LABELS = ("labelled", "unlabelled", "unsaved")
TARGETS = ("labelled", "none labelled", "predicted", "none predicted")
UNKNOWN = -1


@dataclass(frozen=True)
class FrameFilter:
    """What the user wants to see; the defaults show everything in the order of the sequence.

    Attributes:
        text: a part of the name, or with ``regex`` a regular expression found in it; case does not count.
        state: a review state; all when empty.
        label: one of ``LABELS``; all when empty.
        targets: one of ``TARGETS``: whether the label, or the prediction, has a target; all when empty.
        split: name of a split; all when empty.
        low, high: limits of the score, 0..1, both included; frames without a score only pass without limits.
        order: what the frames are sorted by; those without the measure come last, equal ones as in the sequence.
        descending: the largest first.
    """

    text: str = ""
    regex: bool = False
    state: str = ""
    label: str = ""
    targets: str = ""
    split: str = ""
    low: float = 0.0
    high: float = 1.0
    order: Order = "sequence"
    descending: bool = False

    @property
    def limits_score(self) -> bool:
        """Whether the score decides on anything."""
        return self.low > 0.0 or self.high < 1.0

    @property
    def narrows(self) -> bool:
        """Whether it can hide a frame."""
        choices = (self.text.strip(), self.state, self.label, self.targets, self.split)
        return self.limits_score or any(choices)


@dataclass(frozen=True, eq=False)
class FrameColumns:
    """What is known of N frames, in the order of the sequence.

    Attributes:
        names: as in the list.
        folded: the same without case.
        states: (N,) int8, places in ``STATES``.
        labelled, unsaved: (N,) whether there is a label file, and edits that it does not hold.
        with_target, predicted: (N,) int8: 1 where label or prediction has a target, 0 where it has none, ``UNKNOWN``.
        splits: (N,) bool by the name of the split.
        by_name: (N,) places in the order of names; None where that is the order of the sequence.
        measures: (N,) float32 by the names in ``MEASURES``, NaN where nobody knows.
    """

    names: Sequence[str]
    folded: Sequence[str]
    states: NDArray[np.int8]
    labelled: BoolArray
    unsaved: BoolArray
    with_target: NDArray[np.int8]
    predicted: NDArray[np.int8]
    splits: Mapping[str, BoolArray] = field(default_factory=dict)
    by_name: NDArray[np.intp] | None = None
    measures: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def pattern_problem(wish: FrameFilter) -> str:
    """Why the regular expression cannot be used, as one sentence; "" where it can."""
    if not wish.regex:
        return ""
    try:
        re.compile(wish.text.strip())
    except (re.error, RecursionError, OverflowError) as error:
        return f"The regular expression is not complete: {error}."
    return ""


def arrange(columns: FrameColumns, wish: FrameFilter) -> NDArray[np.intp]:
    """Indices of the frames that pass, sorted. An expression that cannot be used lets every name pass."""
    passes = np.ones(len(columns.names), np.bool_)
    if wish.state:
        passes &= columns.states == STATES.index(wish.state)
    if wish.label:
        passes &= {"labelled": columns.labelled, "unlabelled": ~columns.labelled, "unsaved": columns.unsaved}[
            wish.label
        ]
    if wish.targets:
        column = columns.with_target if wish.targets.endswith("labelled") else columns.predicted
        passes &= column == (0 if wish.targets.startswith("none") else 1)
    if wish.split:
        passes &= columns.splits.get(wish.split, np.zeros(len(passes), np.bool_))
    if wish.limits_score:
        score = columns.measures["score"]
        passes &= (score >= np.float32(wish.low)) & (score <= np.float32(wish.high))  # NaN is in no range
    rows = _named(columns, np.flatnonzero(passes), wish)
    return _sorted(columns, rows, wish)


def _named(columns: FrameColumns, rows: NDArray[np.intp], wish: FrameFilter) -> NDArray[np.intp]:
    text = wish.text.strip()
    if not text or pattern_problem(wish):
        return rows
    every = len(rows) == len(columns.names)
    if wish.regex:
        search = re.compile(text, re.IGNORECASE).search
        names = columns.names if every else [columns.names[i] for i in rows]
        found = [search(name) is not None for name in names]
    else:
        folded = text.casefold()
        names = columns.folded if every else [columns.folded[i] for i in rows]
        found = [folded in name for name in names]
    return rows[np.array(found, np.bool_)]


def _sorted(columns: FrameColumns, rows: NDArray[np.intp], wish: FrameFilter) -> NDArray[np.intp]:
    if wish.order in MEASURES:
        values = columns.measures[wish.order][rows]
        known = ~np.isnan(values)
        keys = -values[known] if wish.descending else values[known]
        return np.concatenate([rows[known][np.argsort(keys, kind="stable")], rows[~known]])
    if wish.order == "name" and columns.by_name is not None:
        rows = rows[np.argsort(columns.by_name[rows], kind="stable")]
    return rows[::-1] if wish.descending else rows
