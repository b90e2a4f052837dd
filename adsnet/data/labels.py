"""Reading and writing label masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.data.still import kind_of, open_image
from adsnet.data.tiff import read_page_values
from adsnet.errors import FrameError, LabelError
from adsnet.storage.atomic import write_bytes
from adsnet.storage.files import shown

MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg")
"""Suffixes of mask files, the preferred one first."""

HALF = 127
"""A pixel of an 8-bit mask belongs to a target above this value."""


def _stored_values(path: Path) -> tuple[NDArray[Any], bool]:
    """(H, W) or (H, W, C) as stored, and whether the values are palette numbers."""
    kind = kind_of(path)
    if kind == "still":
        with open_image(path) as image:
            image.load()
            known = image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I")
            return np.asarray(image if known else image.convert("RGB")), image.mode == "P"
    if kind == "tiff":
        values, _, palette = read_page_values(path, 0)
        return values, palette is not None
    raise LabelError(f"{shown(path)} is no image, so no mask: use a PNG file.")


def read_mask(path: Path, *, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Read a label mask.

    A pixel belongs to a target where the value is above 127, for masks of 8 bits; above 0 where the largest value of
    the mask is 1 or the values are palette numbers; above half where a 16-bit mask reaches 65535, otherwise above 0
    (numbered targets). Of colour masks the first channel counts.

    Args:
        path: PNG, BMP, JPEG or TIFF.
        shape: (H, W) that the mask must have.

    Returns:
        (H, W) bool.

    Raises:
        LabelError: it cannot be read, or its size is not ``shape``.
    """
    try:
        values, numbered = _stored_values(path)
    except FrameError as error:
        raise LabelError(str(error)) from error
    if values.ndim == 3:
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "bui":
        raise LabelError(f"{shown(path)} holds {values.dtype} values and is no mask: use an 8-bit PNG of 0 and 255.")
    top = int(values.max(initial=0))
    if values.dtype.kind == "b" or numbered or top <= 1:
        mask = values > 0
    elif top <= 255 and values.dtype.itemsize == 1:
        mask = values > HALF
    else:
        mask = values > (32767 if top == 65535 else 0)
    if shape is not None and mask.shape != shape:
        raise LabelError(
            f"{shown(path)} is {mask.shape[1]}×{mask.shape[0]}, but its frame is {shape[1]}×{shape[0]}: "
            "replace the one that is wrong."
        )
    return np.ascontiguousarray(mask)


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """An 8-bit grey PNG of 0 and 255, decoded again and compared before it is returned.

    Args:
        mask: (H, W) bool, not empty.

    Raises:
        LabelError: not a mask, or the encoded form does not decode to the same mask.
    """
    import cv2  # the command line starts without it

    if mask.ndim != 2 or mask.dtype != np.bool_ or not mask.size:
        raise LabelError(f"A mask must be a bool array of rows and columns, not {mask.dtype}{mask.shape}: report it.")
    # This is done in the thread of the window. Filters and a stronger compression take five times as long and make 20
    # instead of 80 kB of a label of 4096×4096.
    fast = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE)
    values = mask.view(np.uint8) * np.uint8(255)
    encoded, data = cv2.imencode(".png", values, fast)
    decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if encoded else None
    if decoded is None or not np.array_equal(decoded > HALF, mask):
        raise LabelError("The mask does not decode to what was drawn and was not written: save it again.")
    return data.tobytes()


def write_mask(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a mask (H, W) bool as 8-bit PNG of 0 and 255, whole or not at all.

    Raises:
        LabelError: not a mask.
        StorageError: the file cannot be written; the previous one is untouched.
    """
    write_bytes(path, encode_mask(mask))
