"""The label mask of the frame that is shown, with the edits of every frame that was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.imaging import raster
from app.imaging.raster import BoolArray, Box, box_slices, clip_box, join_boxes, set_pixels
from app.state.edits import Edit, difference
from app.state.history import History

MEGABYTE = 2**20


@dataclass(eq=False)
class _Stroke:
    value: bool
    text: str
    before: BoolArray
    dirty: Box | None = None


class MaskDocument(QObject):
    """The label of the current frame.

    A stroke is one undo step. Edits of a frame survive a change of frame; the memory of all of them is limited, and
    the oldest steps of the frames shown longest ago are forgotten first. An edit that is not saved is never lost by
    that: only the way back is.

    Signals:
        loaded(): another frame, another mask or none: all of it is to be drawn again.
        mask_changed(Box): pixels inside this (x, y, w, h) changed.
        committed(Edit): a step was made, undone or done again.
        clean_changed(bool): whether the mask is what the label file holds.
        undo_changed(): what can be undone or done again, or its text.
    """

    loaded = Signal()
    mask_changed = Signal(object)
    committed = Signal(object)
    clean_changed = Signal(bool)
    undo_changed = Signal()

    def __init__(self, parent: QObject | None = None, *, undo_bytes: int = 64 * MEGABYTE) -> None:
        super().__init__(parent)
        self._undo_bytes = undo_bytes
        self._histories: dict[str, History] = {}
        self._dirty: dict[str, None] = {}
        self._current: History | None = None
        self._mask: BoolArray = np.zeros((0, 0), np.bool_)
        self._stroke: _Stroke | None = None
        self._told_clean = True

    # ---- what is true ---------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether there is a mask that can be edited."""
        return self._current is not None

    @property
    def stem(self) -> str | None:
        """Of the frame whose mask is open."""
        return None if self._current is None else self._current.stem

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the mask; (0, 0) when none is open."""
        return self._mask.shape[0], self._mask.shape[1]

    @property
    def mask(self) -> BoolArray:
        """(H, W) bool, a read-only view of the mask, pixels of an open stroke included."""
        view = self._mask.view()
        view.setflags(write=False)
        return view

    @property
    def is_clean(self) -> bool:
        """Whether the mask is what the label file holds."""
        return self._current is None or self._current.is_clean

    @property
    def stroke_active(self) -> bool:
        """Whether a stroke is open."""
        return self._stroke is not None

    @property
    def can_undo(self) -> bool:
        """Whether a step, or the open stroke, can be taken back."""
        return self._stroke is not None or (self._current is not None and self._current.can_undo)

    @property
    def can_redo(self) -> bool:
        """Whether a step can be done again."""
        return self._stroke is None and self._current is not None and self._current.can_redo

    @property
    def undo_text(self) -> str:
        """What undo takes back, or ""."""
        if self._stroke is not None:
            return self._stroke.text
        return self._current.stack.undoText() if self._current is not None and self.can_undo else ""

    @property
    def redo_text(self) -> str:
        """What redo does again, or ""."""
        return self._current.stack.redoText() if self._current is not None and self.can_redo else ""

    @property
    def dirty_stems(self) -> tuple[str, ...]:
        """The frames whose mask is not what their label file holds, in the order in which they became so."""
        return tuple(self._dirty)

    def remembers(self, stem: str) -> bool:
        """Whether edits of this frame are here, so that ``show`` is possible."""
        return stem in self._histories

    def mask_of(self, stem: str) -> BoolArray:
        """The mask of a remembered frame without the open stroke, as a new (H, W) array."""
        history = self._histories[stem]
        if history is not self._current:
            return history.mask()
        return (self._mask if self._stroke is None else self._stroke.before).copy()

    # ---- another frame --------------------------------------------------------------------------------------

    def load(self, stem: str, mask: BoolArray) -> None:
        """Open the mask of a frame as its label file holds it, without any steps."""
        self.commit()
        self._sleep()
        self._forget(stem)
        history = History(stem, self._set, self)
        self._histories[stem] = history
        self._open(history, np.array(mask, np.bool_, order="C"))

    def show(self, stem: str) -> None:
        """Open the mask of a remembered frame with its steps."""
        history = self._histories[stem]
        if history is self._current:
            return
        self.commit()
        self._sleep()
        self._open(history, history.wake())

    def close(self) -> None:
        """Show no mask; the steps stay."""
        if self._current is None:
            return
        self.commit()
        self._sleep()
        self._open(None, np.zeros((0, 0), np.bool_))

    def reset(self) -> None:
        """Close and forget everything, saved or not."""
        self._stroke = None
        for stem in tuple(self._histories):
            self._forget(stem)
        self._open(None, np.zeros((0, 0), np.bool_))

    def forget(self, stem: str) -> None:
        """Drop the mask and steps of a frame that is not shown; its label file has them or is not to have them."""
        assert self._current is None or self._current.stem != stem
        self._forget(stem)

    def mark_saved(self, stem: str) -> None:
        """The label file of this frame now holds its mask."""
        history = self._histories.get(stem)
        if history is not None:
            history.stack.setClean()
            self._dirty.pop(stem, None)
            self._tell_clean()

    def _open(self, history: History | None, mask: BoolArray) -> None:
        self._current, self._mask = history, mask
        if history is not None:  # last in the order of forgetting
            self._histories[history.stem] = self._histories.pop(history.stem)
        self.loaded.emit()
        self._tell_clean()
        self.undo_changed.emit()

    def _sleep(self) -> None:
        current = self._current
        if current is None:
            return
        if current.is_clean and current.stack.count() == 0:
            self._forget(current.stem)  # nothing to remember: the label file has it all
        else:
            current.sleep(self._mask)

    def _forget(self, stem: str) -> None:
        history = self._histories.pop(stem, None)
        self._dirty.pop(stem, None)
        if history is not None:
            if history is self._current:
                self._current = None
            history.release()

    # ---- strokes --------------------------------------------------------------------------------------------

    def begin_stroke(self, value: bool, text: str = "Draw") -> None:
        """Open a stroke that sets (True) or clears (False) pixels; one that is open already is committed first."""
        self.commit()
        if self._current is not None:
            self._stroke = _Stroke(value, text, self._mask.copy())
            self.undo_changed.emit()

    def paint(self, box: Box, pixels: BoolArray) -> None:
        """Set pixels of the open stroke; without one nothing happens, as it may have been aborted by a key.

        Args:
            box: (x, y, w, h) inside the mask.
            pixels: (h, w) bool, where to set.
        """
        if self._stroke is None or pixels.size == 0:
            return
        self._check(box, pixels)
        part = self._mask[box_slices(box)]
        if (pixels & (part != self._stroke.value)).any():
            part[pixels] = self._stroke.value
            self._stroke.dirty = join_boxes(self._stroke.dirty, box)
            self.mask_changed.emit(box)

    def commit(self) -> bool:
        """Close the open stroke as one undo step; returns whether it changed anything."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return False
        edit = None
        if stroke.dirty is not None:
            edit = difference(stroke.before, self._mask, within=stroke.dirty, text=stroke.text, source=None)
        if edit is None:
            self.undo_changed.emit()
            return False
        self._push(edit)
        return True

    def abort(self) -> None:
        """Take the open stroke back as if it had never been; without one nothing happens."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.dirty is not None:
            place = box_slices(stroke.dirty)
            self._mask[place] = stroke.before[place]
            self.mask_changed.emit(stroke.dirty)
        self.undo_changed.emit()

    # ---- whole steps ----------------------------------------------------------------------------------------

    def apply_mask(self, text: str, mask: BoolArray, *, source: str | None = None) -> bool:
        """Replace the whole mask in one undo step.

        Args:
            text: for the user.
            mask: (H, W) bool of the same shape.
            source: name of the model that it comes from.

        Returns:
            whether it changed anything.
        """
        self.commit()
        if self._current is None:
            return False
        if mask.shape != self._mask.shape:
            raise ValueError(f"a mask of {mask.shape} cannot replace one of {self._mask.shape}")
        whole = (0, 0, self._mask.shape[1], self._mask.shape[0])
        edit = difference(self._mask, mask, within=whole, text=text, source=source)
        if edit is None:
            return False
        self._set(edit)
        self._push(edit)
        return True

    def apply_region(
        self, text: str, box: Box, pixels: BoolArray, *, value: bool = True, source: str | None = None
    ) -> bool:
        """Set (or clear) the pixels of one region in one undo step; arguments as in ``paint`` and ``apply_mask``."""
        self.commit()
        if self._current is None or pixels.size == 0:
            return False
        self._check(box, pixels)
        changed = self._mask.copy()
        changed[box_slices(box)][pixels] = value
        return self.apply_mask(text, changed, source=source)

    def grow(self, box: Box | None = None) -> bool:
        """Grow the pixels in ``box`` (all by default) by one pixel to four sides; one undo step."""
        return self.apply_mask("Grow", self._mask | raster.grow(self._only(box)))

    def shrink(self, box: Box | None = None) -> bool:
        """Take the border pixels of what lies in ``box`` (all by default) away; one undo step."""
        inside = self._only(box)
        return self.apply_mask("Shrink", (self._mask & ~inside) | raster.shrink(inside))

    def _only(self, box: Box | None) -> BoolArray:
        self.commit()
        if box is None:
            return self._mask.copy()
        inside = np.zeros_like(self._mask)
        place = box_slices(clip_box(box, self.shape))
        inside[place] = self._mask[place]
        return inside

    def undo(self) -> bool:
        """Take the last step back, or the open stroke; returns whether there was one."""
        if self._stroke is not None:
            self.abort()
            return True
        if self._current is None or not self._current.can_undo:
            return False
        self._announce(self._current.step_back())
        return True

    def redo(self) -> bool:
        """Do the last undone step again; returns whether there was one."""
        if self._stroke is not None or self._current is None or not self._current.can_redo:
            return False
        self._announce(self._current.step_forward())
        return True

    # ---- inside ---------------------------------------------------------------------------------------------

    def _check(self, box: Box, pixels: BoolArray) -> None:
        if clip_box(box, self.shape) != box or pixels.shape != (box[3], box[2]):
            raise ValueError(f"{pixels.shape} pixels in the box {box} do not fit a mask of {self.shape}")

    def _set(self, edit: Edit) -> None:
        set_pixels(self._mask, edit.box, edit.changed, edit.values)
        self.mask_changed.emit(edit.box)

    def _push(self, edit: Edit) -> None:
        assert self._current is not None
        self._current.push(edit)
        self._limit()
        self._announce(edit)

    def _announce(self, edit: Edit) -> None:
        self._tell_clean()
        self.undo_changed.emit()
        self.committed.emit(edit)

    def _tell_clean(self) -> None:
        if self._current is not None:
            if self._current.is_clean:
                self._dirty.pop(self._current.stem, None)
            else:
                self._dirty[self._current.stem] = None
        if self.is_clean != self._told_clean:
            self._told_clean = self.is_clean
            self.clean_changed.emit(self._told_clean)

    def set_undo_bytes(self, undo_bytes: int) -> None:
        """Limit the memory of all steps together; the newest step of the open frame always stays."""
        self._undo_bytes = undo_bytes
        self._limit()
        self.undo_changed.emit()

    def _limit(self) -> None:
        total = sum(history.nbytes for history in self._histories.values())
        for history in tuple(self._histories.values()):
            if total <= self._undo_bytes:
                return
            total -= history.nbytes
            if history is not self._current and history.is_clean:
                self._forget(history.stem)
                continue
            keep = 1 if history is self._current else 0
            while total + history.nbytes > self._undo_bytes and history.forget_oldest(keep=keep):
                pass
            total += history.nbytes
