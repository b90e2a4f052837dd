"""Patches forced by hand: flipped, freed, and gone with the frame."""

from __future__ import annotations

from dataclasses import replace

from adsnet.config import ForcedPatch, Sparsity
from app.state.session import Session
from app.state.what_if import flip_patch, flipped, free_patches
from tests.app.views.conftest import arrive, folder, prediction, session

__all__ = ["folder", "session"]


def test_a_kept_patch_is_dropped_and_a_dropped_one_kept_through_both_stages() -> None:
    decisions = prediction(dropped=3).decisions  # the first two patches for stage 3, the third for stage 2 too
    assert flipped(Sparsity(), decisions, 1, 1).forced == (ForcedPatch(3, 1, 1, False),)
    assert flipped(Sparsity(), decisions, 1, 1, last_only=True).forced == (ForcedPatch(2, 1, 1, False),)
    kept = (ForcedPatch(3, 0, 2, True), ForcedPatch(2, 0, 2, True))
    assert flipped(Sparsity(), decisions, 0, 2).forced == kept


def test_a_second_click_frees_it_and_leaves_the_others() -> None:
    decisions = prediction(dropped=3).decisions
    one = flipped(Sparsity(drop=(0.5, 0.9)), decisions, 1, 1)
    both = flipped(one, decisions, 0, 0)
    assert flipped(both, decisions, 0, 0) == one and one.drop == (0.5, 0.9)


def test_positions_are_those_of_the_frame(session: Session) -> None:
    flip_patch(session, 20.0, 20.0)
    assert not session.sparsity.forced  # there is no prediction to look at yet
    arrive(session, prediction())
    flip_patch(session, 15.6, 31.4)  # patch of column 16 and row 31
    assert session.sparsity.forced == (ForcedPatch(3, 1, 1, False),)
    flip_patch(session, 99.0, 5.0)
    assert len(session.sparsity.forced) == 1
    free_patches(session)
    assert not session.sparsity.forced


def test_another_frame_has_no_forced_patches(session: Session) -> None:
    arrive(session, prediction())
    flip_patch(session, 20.0, 20.0)
    before = session.prediction_key()
    session.go_to(1)
    assert not session.sparsity.forced
    after = session.prediction_key()
    assert before is not None and after is not None and replace(before.sparsity, forced=()) == after.sparsity


def test_a_prediction_with_forced_patches_is_another_one(session: Session) -> None:
    arrive(session, prediction())
    free = session.prediction_key()
    flip_patch(session, 20.0, 20.0)
    assert session.prediction_key() != free
    free_patches(session)
    assert session.prediction_key() == free
