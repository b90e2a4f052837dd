"""Small pieces of the sentences that the user reads."""

from __future__ import annotations

from collections.abc import Sequence

from adsnet.config import Sparsity

_LISTED = 5


def counted(count: int, noun: str) -> str:
    """A number with its noun, ``1 frame`` or ``2 frames``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def printable(name: str) -> str:
    """A file name that may hold bytes that are no text, as text."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def listed(names: Sequence[str]) -> str:
    """The first few names with commas between them."""
    return ", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")


def which_patches(sparsity: Sparsity) -> str:
    """What becomes of the patches, in words."""
    if sparsity.threshold is not None:
        stage3, stage2 = sparsity.threshold
        return f"patches kept above {stage3:.3g} and {stage2:.3g}"
    stage3, stage2 = sparsity.drop
    return f"{100 * stage3:.0f} % and {100 * stage2:.0f} % of the patches dropped"
