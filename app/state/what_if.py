"""What if a patch were dropped, or kept? Patches are forced on the frame that is shown, and freed when it is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adsnet.config import ForcedPatch, Sparsity
from adsnet.prediction import Decision
from app.state.session import Session


def flip_patch(session: Session, x: float, y: float, *, last_only: bool = False) -> None:
    """Force the patch at an image position the other way, or free it if it is forced.

    Args:
        session: its prediction says which patch lies there.
        x, y: the centre of a pixel is a whole number.
        last_only: drop it for stage 2 only, so that stage 3 still computes it.
    """
    prediction = session.prediction
    patch = prediction.decisions[-1].patch_at(y + 0.5, x + 0.5) if prediction and prediction.decisions else None
    if prediction is not None and patch is not None:
        session.set_sparsity(flipped(session.sparsity, prediction.decisions, *patch, last_only=last_only))


def free_patches(session: Session) -> None:
    """Let the network decide on all patches again."""
    session.set_sparsity(session.sparsity.without_forced())


def flipped(
    sparsity: Sparsity, decisions: Sequence[Decision], row: int, column: int, *, last_only: bool = False
) -> Sparsity:
    """The sparsity with one patch forced the other way, or free again. ``decisions``: of stages 4 and 3."""
    others = tuple(f for f in sparsity.forced if (f.row, f.column) != (row, column))
    if len(others) < len(sparsity.forced):
        return replace(sparsity, forced=others)
    if decisions[-1].kept[row, column]:
        wanted: tuple[ForcedPatch, ...] = (ForcedPatch(2 if last_only else 3, row, column, False),)
    else:
        wanted = ForcedPatch(3, row, column, True), ForcedPatch(2, row, column, True)
    return replace(sparsity, forced=others + wanted)
