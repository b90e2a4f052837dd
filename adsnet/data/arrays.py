"""Reading NumPy ``.npy`` files as frames; nothing in them is ever executed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adsnet.data.pixels import Pixels, check_size, one_channel
from adsnet.data.raw import MAX_FRAMES, read_values
from adsnet.data.still import DECODER_ERRORS
from adsnet.errors import FrameError
from adsnet.storage.files import open_regular, shown

_MAX_CHANNELS = 4


@dataclass(frozen=True)
class _Array:
    """Frames of an array: ``shape`` of one, their ``count``, and where their values are."""

    shape: tuple[int, ...]
    count: int
    stacked: bool
    dtype: np.dtype[Any]
    offset: int
    fortran: bool


def _header(path: Path) -> _Array:
    try:
        with open_regular(path) as stream:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(stream)
            offset, size = stream.tell(), stream.seek(0, 2)
    except (*DECODER_ERRORS, RecursionError) as error:
        raise FrameError(f"{shown(path)} is damaged or cut short and cannot be decoded: copy it again.") from error
    if dtype.kind not in "buif" or dtype.hasobject:
        raise FrameError(f"{shown(path)} holds {dtype.kind} values, no numbers of a picture: save it as uint16.")
    channels = len(shape) >= 3 and 1 <= shape[-1] <= _MAX_CHANNELS
    axes = 3 if channels else 2
    if not axes <= len(shape) <= axes + 1:
        raise FrameError(f"{shown(path)} has {len(shape)} axes: save it as rows × columns, or frames × rows × columns.")
    one = tuple(shape[-axes:])
    stacked = len(shape) > axes
    if stacked and fortran:
        raise FrameError(f"{shown(path)} is in Fortran order: save it again with numpy.ascontiguousarray.")
    check_size(path, height=one[0], width=one[1])
    count = int(shape[0]) if stacked else 1
    if not 1 <= count <= MAX_FRAMES:
        raise FrameError(f"{shown(path)} holds {count} frames, not 1 to {MAX_FRAMES}: save it in parts.")
    if offset + count * math.prod(one) * dtype.itemsize > size:
        raise FrameError(f"{shown(path)} is damaged or cut short and cannot be decoded: copy it again.")
    return _Array(one, count, stacked, dtype, offset, fortran)


def array_count(path: Path) -> int | None:
    """Number of frames of an array of frames × rows × columns; None for rows × columns, which is one.

    The last axis is one of channels where it has 1 to 4 places.

    Raises:
        FrameError: it holds no frames.
    """
    array = _header(path)
    return array.count if array.stacked else None


def read_array(path: Path, index: int) -> Pixels:
    """(H, W) pixels of frame ``index`` (from 0), by the rules of ``one_channel``.

    Raises:
        FrameError: it holds no frames, or not this one.
    """
    array = _header(path)
    if not 0 <= index < array.count:
        raise FrameError(f"{shown(path)} has {array.count} frames and no frame {index}: reload it.")
    values = math.prod(array.shape)
    start = array.offset + index * values * array.dtype.itemsize
    flat = read_values(path, start=start, count=values, dtype=array.dtype)
    return one_channel(path, flat.reshape(array.shape, order="F" if array.fortran else "C"))
