"""The edits of one frame: an undo stack whose memory can be given back without touching the label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.imaging.raster import BoolArray
from app.state.edits import Edit, PackedEdit

Apply = Callable[[Edit], None]


class _Step(QUndoCommand):
    """One undo step. The pixels are already there when it is pushed, so the first redo does nothing."""

    def __init__(self, packed: PackedEdit, apply: Apply) -> None:
        super().__init__(packed.text)
        self.packed: PackedEdit | None = packed
        self._apply = apply
        self._pushed = False

    def redo(self) -> None:
        if self._pushed and self.packed is not None:
            self._apply(self.packed.forward())
        self._pushed = True

    def undo(self) -> None:
        if self.packed is not None:
            self._apply(self.packed.backward())


class History:
    """Undo stack of one frame, and its mask while another frame is shown.

    Args:
        stem: of the frame.
        apply: sets the pixels of an edit in the mask that is shown.
        parent: owner of the stack.
    """

    def __init__(self, stem: str, apply: Apply, parent: QObject) -> None:
        self.stem = stem
        self.stack = QUndoStack(parent)
        self._apply = apply
        self._steps: list[_Step] = []
        self._forgotten = 0
        self._step_bytes = 0
        self._asleep: tuple[tuple[int, int], bytes] | None = None

    @property
    def nbytes(self) -> int:
        """What the steps and the sleeping mask take."""
        return self._step_bytes + (len(self._asleep[1]) if self._asleep is not None else 0)

    @property
    def is_clean(self) -> bool:
        """Whether the mask is what the label file holds."""
        return self.stack.isClean()

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back; forgotten ones do not count."""
        index = self.stack.index()
        return index > 0 and self._steps[index - 1].packed is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self.stack.canRedo()

    def push(self, edit: Edit) -> None:
        """Add an edit whose pixels are already set; steps that were undone are gone."""
        index = self.stack.index()
        packed = PackedEdit(edit)
        self._step_bytes += packed.nbytes - sum(s.packed.nbytes for s in self._steps[index:] if s.packed is not None)
        step = _Step(packed, self._apply)
        self._steps[index:] = [step]
        self.stack.push(step)

    def step_back(self) -> Edit:
        """Take the last step back; returns what that did. Only while ``can_undo``."""
        packed = self._steps[self.stack.index() - 1].packed
        assert packed is not None
        self.stack.undo()
        return packed.backward()

    def step_forward(self) -> Edit:
        """Do the next step again; returns it. Only while ``can_redo``."""
        packed = self._steps[self.stack.index()].packed
        assert packed is not None
        self.stack.redo()
        return packed.forward()

    def forget_oldest(self, *, keep: int) -> bool:
        """Give the memory of the oldest step back, which can then not be undone.

        Args:
            keep: so many of the last done steps stay.

        Returns:
            whether there was one to forget.
        """
        if self._forgotten >= self.stack.index() - keep:
            return False
        # QUndoStack cannot drop its first command; an empty one at the bottom, never reached, does the same.
        step = self._steps[self._forgotten]
        assert step.packed is not None
        self._step_bytes -= step.packed.nbytes
        step.packed = None
        self._forgotten += 1
        return True

    def sleep(self, mask: BoolArray) -> None:
        """Keep the mask while another frame is shown."""
        self._asleep = (mask.shape[0], mask.shape[1]), np.packbits(mask).tobytes()

    def mask(self) -> BoolArray:
        """The mask that was kept, as a new (H, W) array. Only after ``sleep``."""
        assert self._asleep is not None
        shape, packed = self._asleep
        count = shape[0] * shape[1]
        return np.unpackbits(np.frombuffer(packed, np.uint8), count=count).view(np.bool_).reshape(shape)

    def wake(self) -> BoolArray:
        """The mask that was kept; the history no longer holds it."""
        mask = self.mask()
        self._asleep = None
        return mask

    def release(self) -> None:
        """Let the stack go."""
        self.stack.clear()
        self.stack.deleteLater()
        self._steps.clear()
