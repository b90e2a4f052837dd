"""One edit of a mask, as it is undone, redone, recorded and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.imaging.raster import BoolArray, Box, box_of, box_slices

_OVERHEAD = 400
"""What the objects around the bits of one edit take, roughly, in bytes."""


@dataclass(frozen=True, eq=False)
class Edit:
    """What an edit did to a mask.

    Attributes:
        box: (x, y, w, h), the smallest one around the changed pixels.
        changed: (h, w) bool.
        values: (h, w) bool, what the changed pixels are now; False elsewhere.
        text: for the user, for instance "Draw".
        source: name of the model whose prediction was accepted, else None.
    """

    box: Box
    changed: BoolArray
    values: BoolArray
    text: str
    source: str | None = None


def difference(before: BoolArray, after: BoolArray, *, within: Box, text: str, source: str | None) -> Edit | None:
    """The edit that leads from one (H, W) mask to the other, or None when they agree.

    ``within`` is a box that holds every difference.
    """
    place = box_slices(within)
    differs = before[place] != after[place]
    inner = box_of(differs)
    if inner is None:
        return None
    box = (within[0] + inner[0], within[1] + inner[1], inner[2], inner[3])
    changed = np.ascontiguousarray(differs[box_slices(inner)])
    return Edit(box, changed, changed & after[box_slices(box)], text, source)


class PackedEdit:
    """An edit in an eighth of the memory; as a mask has two values, the old ones are the others."""

    def __init__(self, edit: Edit) -> None:
        self.box = edit.box
        self.text = edit.text
        self.source = edit.source
        self._changed = np.packbits(edit.changed)
        self._values = np.packbits(edit.values)
        self.nbytes = self._changed.nbytes + self._values.nbytes + _OVERHEAD

    def _bits(self, packed: NDArray[np.uint8]) -> BoolArray:
        h, w = self.box[3], self.box[2]
        return np.unpackbits(packed, count=h * w).view(np.bool_).reshape(h, w)

    def forward(self) -> Edit:
        """The edit itself."""
        return Edit(self.box, self._bits(self._changed), self._bits(self._values), self.text, self.source)

    def backward(self) -> Edit:
        """The edit that takes it back."""
        changed = self._bits(self._changed)
        return Edit(self.box, changed, changed & ~self._bits(self._values), f"Undo: {self.text}", self.source)
