"""How well a few typed letters fit the name of something: for finding actions, panels and frames."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")


def fit(typed: str, title: str, more: str = "") -> float:
    """How well every typed word is found in ``title`` or, less well, as the beginning of a word in ``more``.

    A word is found as the beginning of a word (best), inside of one, as first letters of several words (``nf`` in "Next
    frame"), or as letters in this order within one word (``brsh``).

    Returns:
        0 where a word is not found at all, else the mean over the words, at most 1. Nothing typed fits everything.
    """
    words = typed.casefold().split()
    if not words:
        return 1.0
    fits = [max(_word(word, title.casefold()), 0.4 * _word(word, more.casefold(), loosely=False)) for word in words]
    return 0.0 if min(fits) == 0 else sum(fits) / len(fits)


def _word(typed: str, text: str, *, loosely: bool = True) -> float:
    words = _WORD.findall(text)
    if text.startswith(typed):
        return 1.0
    if any(word.startswith(typed) for word in words):
        return 0.9
    if not loosely:
        return 0.0
    if typed in text:
        return 0.6
    if _in_order(typed, "".join(word[0] for word in words)):
        return 0.5
    if len(typed) > 2 and any(word[0] == typed[0] and _in_order(typed, word) for word in words):
        return 0.3
    return 0.0


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
