"""A look at a frame of a raw file while its layout is being chosen, read in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from adsnet.data.pixels import Pixels
from adsnet.data.raw import RawLayout, file_size, raw_count, read_raw
from adsnet.errors import FrameError
from adsnet.storage.files import shown
from app.state.backstage import Backstage
from app.wording import counted

_SIDE = 640


@dataclass(frozen=True, eq=False)
class Look:
    """What a layout makes of a file.

    Attributes:
        layout, index: what was asked for.
        pixels: (H, W), large frames thinned out; None where nothing can be read.
        frames: how many whole ones there are.
        sentence: how well the layout fits, or why it does not.
    """

    layout: RawLayout
    index: int
    pixels: Pixels | None
    frames: int
    sentence: str


class RawPreview(QObject):
    """Reads frames of one file; only the last wish is answered.

    Signals:
        seen(Look): the answer.
    """

    seen = Signal(object)

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path
        self._wish = 0
        self._backstage = Backstage(self)
        self._backstage.finished.connect(self._on_finished)

    def ask(self, layout: RawLayout, index: int) -> None:
        """Look at a frame, limited to those that there are."""
        self._wish += 1
        wish = self._wish
        self._backstage.submit(lambda: (wish, look(self._path, layout, index) if wish == self._wish else None))

    def close(self) -> None:
        """Nobody asks any more."""
        self._wish += 1
        self._backstage.close()

    def _on_finished(self, answer: tuple[int, Look | None]) -> None:
        wish, seen = answer
        if wish == self._wish and seen is not None:
            self.seen.emit(seen)


def look(path: Path, layout: RawLayout, index: int) -> Look:
    """Frame ``index`` of a file, limited to those that there are; never raises for what the file is."""
    try:
        count = raw_count(path, layout)
        index = min(max(index, 0), count - 1)
        pixels = read_raw(path, layout, index)
        rest = layout.left_over(file_size(path))
    except FrameError as error:
        return Look(layout, index, None, 0, str(error).replace(shown(path), "The file"))
    step = max(1, max(pixels.shape) // _SIDE)
    low, high = float(pixels.min()), float(pixels.max())
    fit = f"{counted(rest, 'byte')} left over" if rest else "nothing left over"
    return Look(
        layout, index, pixels[::step, ::step], count, f"{counted(count, 'frame')}, {fit}. Values {low:g} to {high:g}."
    )
