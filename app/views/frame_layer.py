"""Puts the frame of the session on the canvas, in the levels and colours of the display.

With CLAHE an equalised picture takes the place of the native one, on the canvas and nowhere else. One of a large frame
is made in a thread; until it is there the frame is shown as it is.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal

from app.imaging.colours import colour_map
from app.imaging.equalise import EQUALISED, equalise
from app.imaging.render import Levels
from app.state.display import Display
from app.state.session import Session
from app.views.canvas import Canvas

_AT_ONCE = 1_100_000  # pixels up to which equalising takes the time of one picture of a film


class FrameLayer(QObject):
    """The frame under all overlays of one canvas."""

    _made = Signal(int, object)

    def __init__(self, canvas: Canvas, session: Session) -> None:
        super().__init__(canvas)
        self._canvas, self._session = canvas, session
        self._wish = 0  # counts frames: a picture of other levels is shown while the next one is made
        self._busy = False
        self._waiting: tuple[int, NDArray[Any], Levels, float] | None = None
        self._made.connect(self._take, Qt.ConnectionType.QueuedConnection)
        session.frame_changed.connect(self._show_frame)
        session.sequence_changed.connect(self._show_frame)
        session.display.levels_changed.connect(self._show_display)
        session.display.colour_map_changed.connect(self._show_display)
        self._show_frame()

    def _show_frame(self) -> None:
        display, frame = self._session.display, self._session.frame
        pixels = frame.pixels if frame is not None else None
        self._wish += 1
        if pixels is not None and display.clahe and pixels.size <= _AT_ONCE:
            picture = equalise(pixels, display.levels, limit=display.clahe_limit)
            self._canvas.show_frame(picture, levels=EQUALISED, table=display_table(display))
            return
        self._canvas.show_frame(pixels, levels=display.levels, table=display_table(display))
        if pixels is not None and display.clahe:
            self._equalise_later(pixels)

    def _show_display(self) -> None:
        display, frame = self._session.display, self._session.frame
        if frame is None:
            return
        if not display.clahe:
            self._wish += 1
            self._canvas.show_pixels(frame.pixels, levels=display.levels, table=display_table(display))
        elif frame.pixels.size <= _AT_ONCE:
            picture = equalise(frame.pixels, display.levels, limit=display.clahe_limit)
            self._canvas.show_pixels(picture, levels=EQUALISED, table=display_table(display))
        else:
            self._equalise_later(frame.pixels)

    def _equalise_later(self, pixels: NDArray[Any]) -> None:
        display = self._session.display
        self._waiting = (self._wish, pixels, display.levels, display.clahe_limit)
        if not self._busy:
            self._begin()

    def _begin(self) -> None:
        wanted, self._waiting = self._waiting, None
        self._busy = wanted is not None
        if wanted is not None:
            threading.Thread(target=self._run, args=wanted, name="equalise", daemon=True).start()

    def _run(self, wish: int, pixels: NDArray[Any], levels: Levels, limit: float) -> None:
        picture = None
        try:
            picture = equalise(pixels, levels, limit=limit)
        finally:
            with contextlib.suppress(RuntimeError):  # the window was closed meanwhile
                self._made.emit(wish, picture)

    def _take(self, wish: int, picture: NDArray[np.uint16] | None) -> None:
        if wish == self._wish and picture is not None:
            self._canvas.show_pixels(picture, levels=EQUALISED, table=display_table(self._session.display))
        self._begin()


def display_table(display: Display) -> NDArray[np.uint8]:
    """The colour map with gamma worked in: (256, 3) uint8."""
    table = colour_map(display.colour_map)
    if display.gamma == 1.0:
        return table
    positions = np.rint(255.0 * (np.arange(256) / 255.0) ** (1.0 / display.gamma)).astype(np.intp)
    return np.ascontiguousarray(table[positions])
