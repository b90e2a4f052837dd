"""Filters and sorting against the plain definition, frame by frame, and on many frames."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.state.frame_table import (
    LABELS,
    MEASURES,
    TARGETS,
    FrameColumns,
    FrameFilter,
    arrange,
    pattern_problem,
)
from app.state.review import STATES


def columns(count: int, seed: int = 0) -> FrameColumns:
    random = np.random.default_rng(seed)
    names = [f"{'Sea' if i % 3 else 'cloud'}_{i:06d}.png" for i in range(count)]
    measures = {name: random.integers(0, 11, count).astype(np.float32) / np.float32(10) for name in MEASURES}
    for values in measures.values():
        values[random.random(count) < 0.2] = np.nan
    return FrameColumns(
        names=names,
        folded=[name.casefold() for name in names],
        states=random.integers(0, len(STATES), count).astype(np.int8),
        labelled=random.random(count) < 0.5,
        unsaved=random.random(count) < 0.1,
        with_target=random.integers(-1, 2, count).astype(np.int8),
        predicted=random.integers(-1, 2, count).astype(np.int8),
        splits={"train": random.random(count) < 0.6, "test": random.random(count) < 0.2},
        by_name=np.argsort(random.permutation(count)),
        measures=measures,
    )


def passes(c: FrameColumns, i: int, wish: FrameFilter) -> bool:
    """The definition, for one frame."""
    text, name = wish.text.strip(), c.names[i]
    if text and not (re.search(text, name, re.I) if wish.regex else text.casefold() in name.casefold()):
        return False
    if wish.state and STATES[c.states[i]] != wish.state:
        return False
    choices = {"": True, "labelled": c.labelled[i], "unlabelled": not c.labelled[i], "unsaved": c.unsaved[i]}
    if not choices[wish.label]:
        return False
    if wish.targets:
        value = {"labelled": c.with_target, "predicted": c.predicted}[wish.targets.removeprefix("none ")][i]
        if value != (0 if wish.targets.startswith("none") else 1):
            return False
    if wish.split and not c.splits[wish.split][i]:
        return False
    score = float(c.measures["score"][i])
    return (wish.low == 0 and wish.high == 1) or bool(np.float32(wish.low) <= score <= np.float32(wish.high))


def by_definition(c: FrameColumns, wish: FrameFilter) -> list[int]:
    rows = [i for i in range(len(c.names)) if passes(c, i, wish)]
    if wish.order in MEASURES:
        values = c.measures[wish.order]
        sign = -1 if wish.descending else 1
        known = [i for i in rows if not math.isnan(values[i])]
        return sorted(known, key=lambda i: sign * float(values[i])) + [i for i in rows if math.isnan(values[i])]
    if wish.order == "name":
        assert c.by_name is not None
        rows.sort(key=lambda i: c.by_name[i])  # type: ignore[index]
    return rows[::-1] if wish.descending else rows


limits = st.integers(0, 10).map(lambda n: n / 10)


@given(
    st.builds(
        FrameFilter,
        text=st.sampled_from(["", "sea", "SEA_00", " 1 ", "zebra", "[13]"]),
        regex=st.booleans(),
        state=st.sampled_from(["", *STATES]),
        label=st.sampled_from(["", *LABELS]),
        targets=st.sampled_from(["", *TARGETS]),
        split=st.sampled_from(["", "train", "test"]),
        low=limits,
        high=limits,
        order=st.sampled_from(["sequence", "name", *MEASURES]),
        descending=st.booleans(),
    ),
    st.integers(0, 60),
    st.integers(0, 3),
)
def test_the_rows_are_those_of_the_definition(wish: FrameFilter, count: int, seed: int) -> None:
    c = columns(count, seed)
    assert arrange(c, wish).tolist() == by_definition(c, wish)


@pytest.mark.parametrize("pattern", ["[", "(", "*a", "(?P<a>"])
def test_an_expression_that_is_not_complete_is_told_and_hides_nothing(pattern: str) -> None:
    wish = FrameFilter(text=pattern, regex=True)
    assert pattern_problem(wish).endswith(".") and len(arrange(columns(5), wish)) == 5
    assert pattern_problem(FrameFilter(text=pattern)) == ""


@pytest.mark.parametrize(
    "wish",
    [
        FrameFilter(text="9"),
        FrameFilter(text="sea_0.*[37]\\.png$", regex=True),
        FrameFilter(state="reviewed", label="labelled", split="train", order="uncertainty", descending=True),
        FrameFilter(low=0.2, high=0.9, order="name"),
    ],
)
def test_a_hundred_thousand_frames_cost_no_more_than_looking_at_each_name_a_few_times(wish: FrameFilter) -> None:
    """Against a plain loop over the names in the same process, so that a busy machine does not matter."""
    c = columns(100_000)

    def seconds(work: object) -> float:
        assert callable(work)
        began = time.thread_time()
        work()
        return time.thread_time() - began

    loop = min(seconds(lambda: ["9" in name for name in c.folded]) for _ in range(5))
    assert min(seconds(lambda: arrange(c, wish)) for _ in range(5)) < 20 * loop
