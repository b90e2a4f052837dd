"""The review state of every frame: what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

ReviewName = Literal["new", "predicted", "corrected", "reviewed"]
STATES: tuple[ReviewName, ...] = get_args(ReviewName)
_REVIEWED = STATES.index("reviewed")


class ReviewState(QObject):
    """Review states by frame.

    ``new``: nothing happened yet. ``predicted``: a model looked at it in this session. ``corrected``: a person
    changed its label. ``reviewed``: a person is content with its label. Apart from that, a frame has a label file or
    not, and edits that are not saved or not.

    Signals:
        changed(int): something about the frame of this index.
        reset(): all frames are others.
    """

    changed = Signal(int)
    reset = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._states: NDArray[np.int8] = np.zeros(0, np.int8)
        self._labelled: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._unsaved: set[int] = set()
        self._with_label = 0
        self._counts: dict[str, int] = dict.fromkeys(STATES, 0)

    def __len__(self) -> int:
        return len(self._states)

    def start(self, stems: Iterable[str], *, states: Mapping[str, str], labelled: Iterable[str]) -> None:
        """Begin with other frames.

        Args:
            stems: of the frames, in order.
            states: recorded states by stem; frames without one are new.
            labelled: stems of the frames with a label file.
        """
        have_label = frozenset(labelled)
        code: dict[str, int] = {name: number for number, name in enumerate(STATES)}
        names = list(stems)
        self._states = np.zeros(len(names), np.int8)
        if states:  # mostly only a few are recorded, or none, of very many
            self._states[:] = [code.get(states[stem], 0) if stem in states else 0 for stem in names]
        self._labelled = np.zeros(len(names), np.bool_)
        if have_label:
            self._labelled[:] = [stem in have_label for stem in names]
        self._unsaved = set()
        self._with_label = int(self._labelled.sum())
        self._counts = {state: int((self._states == number).sum()) for state, number in code.items()}
        self.reset.emit()

    def state(self, index: int) -> ReviewName:
        """``new``, ``predicted``, ``corrected`` or ``reviewed``."""
        return STATES[int(self._states[index])]

    def has_label(self, index: int) -> bool:
        """Whether the frame has a label file, be it without targets."""
        return bool(self._labelled[index])

    def unsaved(self, index: int) -> bool:
        """Whether the frame has edits that its label file does not hold."""
        return index in self._unsaved

    def count(self, state: str) -> int:
        """How many frames are in this state."""
        return self._counts[state]

    @property
    def with_label(self) -> int:
        """How many frames have a label file."""
        return self._with_label

    @property
    def codes(self) -> NDArray[np.int8]:
        """(N,) places in ``STATES``, by frame; only to be read."""
        return self._states

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N,) whether a frame has a label file; only to be read."""
        return self._labelled

    @property
    def unsaved_frames(self) -> frozenset[int]:
        """The frames with edits that their label file does not hold."""
        return frozenset(self._unsaved)

    def next_to_do(self, after: int, *, backwards: bool = False) -> int | None:
        """The next frame that is not reviewed, once around the sequence, or None when all others are.

        Args:
            after: where to begin; this frame itself does not count.
            backwards: look in the other direction.
        """
        count = len(self._states)
        for distance in range(1, count):
            index = (after - distance if backwards else after + distance) % count
            if self._states[index] != _REVIEWED:
                return index
        return None

    def set_state(self, index: int, state: ReviewName) -> None:
        """Record a state."""
        before = self.state(index)
        if state != before:
            self._states[index] = STATES.index(state)
            self._counts[before] -= 1
            self._counts[state] += 1
            self.changed.emit(index)

    def set_predicted(self, index: int) -> None:
        """A model looked at the frame; what a person did counts more."""
        if self.state(index) == "new":
            self.set_state(index, "predicted")

    def set_labelled(self, index: int) -> None:
        """The frame has a label file now."""
        if not self._labelled[index]:
            self._labelled[index] = True
            self._with_label += 1
            self.changed.emit(index)

    def set_unsaved(self, index: int, unsaved: bool) -> None:
        """Whether the frame has edits that its label file does not hold."""
        if unsaved != (index in self._unsaved):
            (self._unsaved.add if unsaved else self._unsaved.discard)(index)
            self.changed.emit(index)
