"""Which keys do what after a person changed some."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as settings_profile
from hypothesis import strategies as st

from app.actions.keymap import HELD, Keymap, defaults, keymap_from, needs_focus, normal_key
from app.actions.search import fit
from app.actions.table import ACTIONS

IDS = [spec.id for spec in ACTIONS]
some_keys = st.lists(st.sampled_from(["B", "D", "Ctrl+S", "Ctrl+;", "F9", "Return"]), max_size=2)
changes = st.lists(st.tuples(st.sampled_from(IDS), some_keys), max_size=6)


def claims(keymap: Keymap) -> list[str]:
    return [key for action in IDS for key in keymap.keys(action)]


def test_the_table_itself_is_the_keymap_without_changes() -> None:
    for spec in ACTIONS:
        assert Keymap().keys(spec.id) == spec.keys
        assert [key for key in spec.keys if needs_focus(key)] == list(spec.local)
    assert keymap_from({}) == (Keymap(), ())


@settings_profile(max_examples=60)
@given(changes)
def test_a_key_never_belongs_to_two_actions_and_is_stored_as_it_is(steps: list[tuple[str, list[str]]]) -> None:
    keymap = Keymap()
    for action, keys in steps:
        keymap = keymap.with_keys(action, keys)
        assert set(keys) <= set(keymap.keys(action))
    assert len(claims(keymap)) == len(set(claims(keymap)))
    read, refused = keymap_from(keymap.stored())
    assert refused == () and all(read.keys(action) == keymap.keys(action) for action in IDS)


def test_a_key_taken_from_an_action_comes_back_when_it_is_free_again() -> None:
    taken = Keymap().with_keys("view.fit", ("D",))
    assert taken.keys("go.next") == ("Right",) and taken.owner("D") == "view.fit"
    assert taken.in_the_way("go.next", defaults("go.next")) == {"D": "view.fit"}
    assert taken.with_keys("view.fit", defaults("view.fit")) == Keymap()
    back = taken.with_keys("go.next", defaults("go.next"))
    assert back.keys("go.next") == ("D", "Right") and back.keys("view.fit") == ()


def test_all_keys_can_be_taken_away_but_not_those_that_are_held() -> None:
    bare = Keymap().with_keys("tool.select", ())
    assert bare.keys("tool.select") == ("Esc",)
    assert Keymap().with_keys("tool.brush", tuple(HELD)).keys("tool.brush") == ()


@pytest.mark.parametrize(
    ("stored", "refused"),
    [
        ({"no.such": "J"}, ("no.such",)),
        ({"tool.brush": "No+Such"}, ("tool.brush",)),
        ({"tool.brush": "Ctrl+K, Ctrl+B"}, ("tool.brush",)),
        ({"tool.brush": "Space"}, ("tool.brush",)),
        ({"tool.brush": 7}, ("tool.brush",)),
        ({"tool.brush": "J", "tool.eraser": "J"}, ("tool.brush", "tool.eraser")),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_holds(stored: dict[str, object], refused: tuple[str, ...]) -> None:
    keymap, named = keymap_from({**stored, "view.fit": "Ctrl+;; U"})
    assert named == refused and keymap.keys("view.fit") == ("Ctrl+;", "U") and keymap.keys("tool.brush") == ("B",)


@pytest.mark.parametrize(
    ("written", "normal"),
    [("ctrl+shift+p", "Ctrl+Shift+P"), ("Num+Enter", "Enter"), ("Shift+Backtab", "Shift+Tab"), ("", ""), ("Ctrl", "")],
)
def test_a_key_is_written_in_one_way(written: str, normal: str) -> None:
    assert normal_key(written) == normal


@pytest.mark.parametrize(
    ("typed", "better", "worse"),
    [
        ("next", "Next frame", "Jump to the next"),
        ("fr", "Frames", "Infrared"),
        ("nf", "Next frame", "Fine-tune"),
        ("brsh", "Brush", "Barely rush"),
        ("label clear", "Clear label", "Clear"),
    ],
)
def test_the_nearer_name_fits_better(typed: str, better: str, worse: str) -> None:
    assert fit(typed, better) > fit(typed, worse)


def test_every_typed_word_must_be_found_and_nothing_typed_fits_all() -> None:
    assert fit("", "Save") == 1.0 and fit("save xyz", "Save") == 0.0
    assert 0 < fit("disk", "Save", "Write to the disk") < fit("sa", "Save")
    assert fit("tar", "Loop", "Start again") == 0.0
