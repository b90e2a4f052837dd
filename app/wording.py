"""Small pieces of the sentences that the user reads."""

from __future__ import annotations

from collections.abc import Sequence

_LISTED = 5


def counted(count: int, noun: str) -> str:
    """A number with its noun, ``1 frame`` or ``2 frames``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Sequence[str]) -> str:
    """The first few names with commas between them."""
    return ", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")
