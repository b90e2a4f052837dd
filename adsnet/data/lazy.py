"""Sequences whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Lazy(Sequence[T], Generic[T]):
    """``count`` items, each made anew whenever it is asked for; equal to any sequence of equal items."""

    def __init__(self, count: int) -> None:
        self._count = count

    def _make(self, index: int) -> T:
        """The item at ``index``, 0 ≤ index < count."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        places = range(self._count)[index]  # counts from the end and raises IndexError as a tuple does
        return tuple(map(self._make, places)) if isinstance(places, range) else self._make(places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
