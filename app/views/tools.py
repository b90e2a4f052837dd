"""The tools of the canvas: small state machines in image coordinates, without any widget.

Image coordinates: x right, y down, the centre of pixel (row, column) is (column, row). The canvas turns pointer
positions into them and tells the tool about press, move and release. ``finish`` ends what is going on and keeps
it (the pointer left, the window lost the focus, another frame is shown); ``cancel`` ends it and takes it back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from app.imaging.raster import Footprint, brush, line
from app.state.document import MaskDocument


class Pointer(NamedTuple):
    """Where the pointer is, in image coordinates, and which modifier keys are down."""

    x: float
    y: float
    shift: bool = False
    control: bool = False


class Tool(Protocol):
    """What the canvas needs of a tool. ``pans``: dragging moves the view instead of calling ``move``."""

    name: str
    pans: bool

    @property
    def active(self) -> bool: ...
    def press(self, at: Pointer) -> None: ...
    def move(self, at: Pointer) -> None: ...
    def release(self, at: Pointer) -> None: ...
    def finish(self) -> None: ...
    def cancel(self) -> None: ...
    def footprint(self, at: Pointer) -> Footprint | None: ...


class PaintTool:
    """Brush and eraser: one stroke from press to release is one undo step.

    With Shift held at the press, a straight line is drawn from the end of the last stroke.
    """

    pans = False

    def __init__(self, name: str, document: MaskDocument, *, value: bool, size: Callable[[], int]) -> None:
        self.name = name
        self._document = document
        self._value = value
        self._size = size
        self._last: Pointer | None = None
        self._anchor: tuple[tuple[int, int], Pointer] | None = None

    @property
    def active(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._last is not None

    def press(self, at: Pointer) -> None:
        """Begin a stroke at the pixel under the pointer."""
        if not self._document.is_open:
            return
        self.finish()
        self._document.begin_stroke(self._value, "Draw" if self._value else "Erase")
        shape = self._document.shape
        start = self._anchor[1] if at.shift and self._anchor is not None and self._anchor[0] == shape else at
        self._last = start
        self._paint_to(at)

    def move(self, at: Pointer) -> None:
        """Draw from the last position to this one."""
        if self._last is not None:
            self._paint_to(at)

    def release(self, at: Pointer) -> None:
        """Draw the last piece and make the stroke one undo step."""
        if self._last is not None:
            self._paint_to(at)
            self.finish()

    def finish(self) -> None:
        """End the stroke and keep it."""
        if self._last is not None:
            self._anchor = (self._document.shape, self._last)
            self._last = None
            self._document.commit()

    def cancel(self) -> None:
        """End the stroke and take it back."""
        if self._last is not None:
            self._last = None
            self._document.abort()

    def footprint(self, at: Pointer) -> Footprint | None:
        """The pixels that a click here would change."""
        if not self._document.is_open:
            return None
        return brush(at.x, at.y, diameter=self._size(), shape=self._document.shape)

    def _paint_to(self, at: Pointer) -> None:
        last = self._last or at
        stroke = line(last.x, last.y, at.x, at.y, diameter=self._size(), shape=self._document.shape)
        if stroke.pixels.size:
            self._document.paint(*stroke)
        self._last = at


class ClickTool:
    """What tools have in common that act on a click and change no pixel of the label; dragging moves the view."""

    pans = True

    @property
    def active(self) -> bool:
        """A click needs no drag."""
        return False

    def press(self, at: Pointer) -> None:
        """Nothing happens until the release: the press may begin a drag."""

    def move(self, at: Pointer) -> None:
        """The canvas pans."""

    def finish(self) -> None:
        """Nothing is going on between press and release."""

    def footprint(self, at: Pointer) -> Footprint | None:
        """A click changes no pixel."""
        return None


class SelectTool(ClickTool):
    """Click a target to select it, click beside it to select none."""

    name = "select"

    def __init__(
        self, *, target_at: Callable[[float, float], int | None], select: Callable[[int | None], None]
    ) -> None:
        self._target_at = target_at
        self._select = select

    def release(self, at: Pointer) -> None:
        """A click: select what is here."""
        self._select(self._target_at(at.x, at.y))

    def cancel(self) -> None:
        """Select nothing."""
        self._select(None)


class PatchTool(ClickTool):
    """Click a patch to force it the other way, again to free it; with Shift for the last stage only."""

    name = "patches"

    def __init__(self, *, flip: Callable[[float, float, bool], None], free: Callable[[], None]) -> None:
        self._flip = flip
        self._free = free

    def release(self, at: Pointer) -> None:
        """A click: force or free the patch that is here."""
        self._flip(at.x, at.y, at.shift)

    def cancel(self) -> None:
        """Free all patches."""
        self._free()
