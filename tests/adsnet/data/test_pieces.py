"""Very many names, sorted without keeping other threads waiting."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adsnet.data import pieces as module
from adsnet.data.pieces import PIECE, pieces, sorted_in_pieces


@pytest.mark.parametrize("count", [0, 1, PIECE, PIECE + 1, 5 * PIECE + 7])
def test_nothing_is_lost_and_all_is_in_order(count: int) -> None:
    names = [f"{number:07d}" for number in range(count)]
    mixed = random.Random(0).sample(names, count)
    assert [name for piece in pieces(mixed) for name in piece] == mixed
    assert sorted_in_pieces(mixed) == names


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())), st.integers(1, 5))
def test_it_is_what_sorting_in_one_go_gives(items: list[tuple[int, int]], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", size)
        assert sorted_in_pieces(items) == sorted(items)
