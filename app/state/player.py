"""Plays the sequence: another frame at a time, as many a second as wished; what is read late is left out."""

from __future__ import annotations

import math
import time
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.state.sequence import Sequence

MIN_FPS, MAX_FPS, USUAL_FPS = 1, 60, 15


class Film(Protocol):
    """What is played: the session."""

    @property
    def sequence(self) -> Sequence | None: ...
    @property
    def frame_index(self) -> int: ...
    @property
    def destination(self) -> int: ...
    def go_to(self, index: int) -> None: ...


class Player(QObject):
    """Goes through the frames. Where the machine does not keep up, frames are left out, so that time stays true.

    Signals:
        changed(): playing, another speed, or looping or not.
    """

    changed = Signal()

    def __init__(self, film: Film, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._film = film
        self._fps = USUAL_FPS
        self._loop = False
        self._began, self._shown = 0.0, 0
        self._playing = False
        self._timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    @property
    def playing(self) -> bool:
        """Whether frames go by."""
        return self._playing

    @property
    def fps(self) -> int:
        """Frames a second."""
        return self._fps

    @property
    def loop(self) -> bool:
        """Whether it starts again at the end."""
        return self._loop

    def toggle(self) -> None:
        """Play, from the beginning if the end is shown; or pause."""
        if self.playing:
            self.pause()
            return
        sequence = self._film.sequence
        if sequence is None or len(sequence) < 2:
            return
        if self._film.destination >= len(sequence) - 1:
            self._film.go_to(0)
        self._start()

    def pause(self) -> None:
        """Stay at the frame that is shown."""
        if self.playing:
            self._end()
            if self._film.destination != self._film.frame_index:
                self._film.go_to(self._film.frame_index)

    def _end(self) -> None:
        self._playing = False
        self._timer.stop()
        self.changed.emit()

    def set_fps(self, fps: int) -> None:
        """Choose the speed, limited to 1..60."""
        fps = min(max(fps, MIN_FPS), MAX_FPS)
        if fps != self._fps:
            self._fps = fps
            if self.playing:
                self._start()
            else:
                self.changed.emit()

    def set_loop(self, loop: bool) -> None:
        """Start again at the end, or stop there."""
        if loop != self._loop:
            self._loop = loop
            self.changed.emit()

    def _start(self) -> None:
        self._began, self._shown = time.monotonic(), 0
        self._playing = True
        self._wait()
        self.changed.emit()

    def _wait(self) -> None:
        """Come back when the next frame is due: a fixed interval of whole milliseconds is never 60 a second."""
        left = self._began + (self._shown + 1) / self._fps - time.monotonic()
        self._timer.start(max(0, math.ceil(1000 * left)))

    def _tick(self) -> None:
        sequence = self._film.sequence
        if sequence is None:
            self.pause()
            return
        due = int((time.monotonic() - self._began) * self._fps)
        index, self._shown = self._film.destination + due - self._shown, due
        if index < len(sequence):
            self._film.go_to(index)
        elif self._loop:
            self._film.go_to(index % len(sequence))
        else:
            self._film.go_to(len(sequence) - 1)
            self._end()
        if self.playing:
            self._wait()
