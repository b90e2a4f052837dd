"""Reading the pages of TIFF files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from adsnet.data.pixels import MAX_PIXELS, Pixels, check_size, one_channel
from adsnet.data.still import DECODER_ERRORS
from adsnet.errors import FrameError
from adsnet.storage.files import open_regular, shown

MAX_PAGES = 1_000_000
_MIN_IS_WHITE, _PALETTE, _CMYK = 0, 3, 5

# What it logs about damaged files, it also raises or we check; its text would only repeat ours on the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False


def _damaged(path: Path, error: BaseException | None) -> FrameError:
    failure = FrameError(f"{shown(path)} is damaged or cut short and cannot be decoded: copy it again.")
    failure.__cause__ = error
    return failure


def page_count(path: Path) -> int:
    """Number of pages of a TIFF file.

    Raises:
        FrameError: the file is damaged or has no page.
    """
    try:
        with open_regular(path) as stream, tifffile.TiffFile(stream, name=path.name) as tiff:
            count = len(tiff.pages)
    except DECODER_ERRORS as error:
        raise _damaged(path, error) from error
    if not 1 <= count <= MAX_PAGES:
        raise _damaged(path, None)
    return count


def _check_page(path: Path, page: tifffile.TiffPage, file_size: int) -> None:
    check_size(path, height=page.imagelength, width=page.imagewidth)
    if page.imagedepth != 1 or page.tilelength * page.tilewidth > MAX_PIXELS or page.samplesperpixel > 5:
        raise FrameError(f"{shown(path)} holds a volume or many channels, not frames: export its planes as pages.")
    if page.dtype is None:
        raise FrameError(f"{shown(path)} uses a pixel type that is not read here: export it as 8 or 16-bit grey.")
    # A strip beyond the end of the file would be read as zeros.
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not spans or any(offset <= 0 or offset + length > file_size for offset, length in spans):
        raise _damaged(path, None)


def _cmyk(values: NDArray[Any]) -> NDArray[Any]:
    top = np.float32(np.iinfo(values.dtype).max)
    black = top - values[..., 3:4]
    colour: NDArray[Any] = np.rint((top - values[..., :3]) * black / top).astype(values.dtype)
    return colour


def _palette(values: NDArray[Any], colours: NDArray[Any]) -> NDArray[Any]:
    table: NDArray[np.uint8] = (np.asarray(colours) >> 8).astype(np.uint8).T
    looked_up: NDArray[Any] = table[values]
    return looked_up


def read_page_values(path: Path, index: int) -> tuple[NDArray[Any], int, NDArray[Any] | None]:
    """The stored values of a page, (H, W) or (H, W, C), its photometric code and its palette (3, N) if it has one.

    Raises:
        FrameError: the page is missing, damaged, too large or no picture.
    """
    try:
        with open_regular(path) as stream, tifffile.TiffFile(stream, name=path.name) as tiff:
            try:
                page = tiff.pages[index]
            except IndexError:
                raise FrameError(f"{shown(path)} has no page {index}: reload the file.") from None
            if not isinstance(page, tifffile.TiffPage):
                page = page.aspage()
            _check_page(path, page, stream.seek(0, 2))
            values = page.asarray(maxworkers=1)
            axes = page.axes
            photometric = int(page.photometric)
            palette = page.colormap
    except DECODER_ERRORS as error:
        raise _damaged(path, error) from error
    if axes.startswith("S") and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if values.ndim not in (2, 3):
        raise FrameError(f"{shown(path)} holds a volume, not frames: export its planes as pages.")
    return values, photometric, palette


def read_page(path: Path, index: int) -> Pixels:
    """(H, W) pixels of page ``index`` (from 0). White-is-zero pages are inverted, so that bright is hot.

    Raises:
        FrameError: the page is missing, damaged, too large or no picture.
    """
    values, photometric, palette = read_page_values(path, index)
    if photometric == _PALETTE and palette is not None and values.ndim == 2 and values.dtype.kind == "u":
        if values.size and int(values.max()) >= palette.shape[1]:
            raise _damaged(path, None)
        values = _palette(values, palette)
    elif photometric == _CMYK and values.ndim == 3 and values.shape[2] >= 4 and values.dtype.kind == "u":
        values = _cmyk(values)
    elif photometric == _MIN_IS_WHITE and values.dtype.kind in "bu":
        values = ~values
    return one_channel(path, values)
