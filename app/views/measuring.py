"""The line and the region that the user measures along and in, and the tools that draw them. No pixel is changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from app.imaging.raster import Box, Footprint
from app.state.session import Session
from app.views.tools import Pointer

Place = tuple[int, int]
AROUND = 16
"""Pixels on every side of a place that are its surroundings where no region is drawn."""


class Line(NamedTuple):
    """From the centre of one pixel (x, y) to that of another."""

    start: Place
    end: Place

    @property
    def length(self) -> float:
        """In pixels."""
        return math.dist(self.start, self.end)


class Measuring(QObject):
    """What is measured, on every frame of the same size of a sequence.

    Signals:
        line_changed(), region_changed(): it is another one, or none.
    """

    line_changed = Signal()
    region_changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._line: Line | None = None
        self._region: Box | None = None
        self._shape = self.shape
        session.frame_changed.connect(self._follow)
        session.sequence_changed.connect(self._forget)

    @property
    def line(self) -> Line | None:
        """The line of the profile."""
        return self._line

    @property
    def region(self) -> Box | None:
        """The region (x, y, w, h) of the surface."""
        return self._region

    @property
    def shape(self) -> tuple[int, int] | None:
        """(rows, columns) of the frame, or None without one."""
        frame = self._session.frame
        return None if frame is None else (int(frame.pixels.shape[0]), int(frame.pixels.shape[1]))

    def set_line(self, line: Line | None) -> None:
        """Measure along another line, or along none."""
        if line != self._line:
            self._line = line
            self.line_changed.emit()

    def set_region(self, region: Box | None) -> None:
        """Look at another region, or at none."""
        if region != self._region:
            self._region = region
            self.region_changed.emit()

    def surroundings(self, x: float, y: float) -> Box | None:
        """The region around a place, moved into the frame as far as that goes."""
        if self.shape is None:
            return None
        height, width = self.shape
        w, h = min(2 * AROUND + 1, width), min(2 * AROUND + 1, height)
        left = min(max(math.floor(x + 0.5) - AROUND, 0), width - w)
        top = min(max(math.floor(y + 0.5) - AROUND, 0), height - h)
        return (left, top, w, h)

    def _follow(self) -> None:
        """Frames of another size have other places."""
        shape = self.shape
        if shape is not None and shape != self._shape:
            self._shape = shape
            self._forget()

    def _forget(self) -> None:
        self.set_line(None)
        self.set_region(None)


class DragTool:
    """What tools have in common that draw from a press to a release and change nothing but what is measured."""

    name = ""
    pans = False

    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring
        self._from: Place | None = None

    @property
    def active(self) -> bool:
        """Whether something is being drawn."""
        return self._from is not None

    def press(self, at: Pointer) -> None:
        """Begin at the pixel under the pointer."""
        self.finish()
        self._from = self._pixel(at)

    def move(self, at: Pointer) -> None:
        """Draw to here."""
        to = self._pixel(at)
        if self._from is not None and to is not None:
            self._draw(self._from, to, straight=at.shift)

    def release(self, at: Pointer) -> None:
        """Draw the last piece and keep it."""
        start = self._from
        if start is not None:
            self.move(at)
            self.finish()

    def finish(self) -> None:
        """Keep what is drawn."""
        self._from = None

    def cancel(self) -> None:
        """Take back what is drawn."""
        self._from = None

    def footprint(self, at: Pointer) -> Footprint | None:
        """A measurement changes no pixel."""
        return None

    def _draw(self, start: Place, end: Place, *, straight: bool) -> None:
        raise NotImplementedError

    def _pixel(self, at: Pointer) -> Place | None:
        """The pixel of the frame that is nearest to the pointer."""
        if self._measuring.shape is None:
            return None
        height, width = self._measuring.shape
        return min(max(math.floor(at.x + 0.5), 0), width - 1), min(max(math.floor(at.y + 0.5), 0), height - 1)


class ProfileTool(DragTool):
    """Drag a line; with Shift level, upright or diagonal. Drag an end to move it. A click removes the line.

    Args:
        reach: how near to an end the pointer takes hold of it, in pixels of the frame.
    """

    name = "profile"

    def __init__(self, measuring: Measuring, *, reach: Callable[[], float]) -> None:
        super().__init__(measuring)
        self._reach = reach
        self._before: Line | None = None

    def press(self, at: Pointer) -> None:
        """Begin a line, or take hold of an end of the one that is there."""
        super().press(at)
        self._before = line = self._measuring.line
        if line is None or self._from is None:
            return
        near = min(line, key=lambda end: math.dist(end, (at.x, at.y)))
        if math.dist(near, (at.x, at.y)) <= self._reach():
            self._from = line.start if near == line.end else line.end

    def release(self, at: Pointer) -> None:
        """Keep the line; a click without one removes what was there."""
        drawing = self.active  # what was taken back meanwhile has no release
        super().release(at)
        line = self._measuring.line
        if drawing and line is not None and line == self._before and self._pixel(at) not in line:
            self._measuring.set_line(None)

    def cancel(self) -> None:
        """Back to the line before."""
        if self.active:
            super().cancel()
            self._measuring.set_line(self._before)

    def _draw(self, start: Place, end: Place, *, straight: bool) -> None:
        end = _straight(start, end) if straight else end
        if end != start:
            self._measuring.set_line(Line(start, end))


class RegionTool(DragTool):
    """Drag a box; a click takes the surroundings of the pixel."""

    name = "surface"

    def __init__(self, measuring: Measuring) -> None:
        super().__init__(measuring)
        self._before: Box | None = None

    def press(self, at: Pointer) -> None:
        """Begin a box."""
        super().press(at)
        self._before = self._measuring.region

    def release(self, at: Pointer) -> None:
        """Keep the box; one of a single row or column is a click."""
        start = self._from
        super().release(at)
        end = self._pixel(at)
        if start is not None and end is not None and (start[0] == end[0] or start[1] == end[1]):
            self._measuring.set_region(self._measuring.surroundings(*end))

    def cancel(self) -> None:
        """Back to the box before."""
        if self.active:
            super().cancel()
            self._measuring.set_region(self._before)

    def _draw(self, start: Place, end: Place, *, straight: bool) -> None:
        (x0, x1), (y0, y1) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        if x1 > x0 and y1 > y0:
            self._measuring.set_region((x0, y0, x1 - x0 + 1, y1 - y0 + 1))


def _straight(start: Place, end: Place) -> Place:
    """The end moved so that the line is level, upright or diagonal, whichever is nearest."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    if abs(dy) * 2 < abs(dx):
        return end[0], start[1]
    if abs(dx) * 2 < abs(dy):
        return start[0], end[1]
    side = min(abs(dx), abs(dy))
    return start[0] + (side if dx > 0 else -side), start[1] + (side if dy > 0 else -side)
