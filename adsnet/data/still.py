"""Reading PNG, BMP and JPEG files, and telling by its first bytes what a file is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adsnet.data.pixels import MAX_PIXELS, Pixels, check_size, one_channel
from adsnet.errors import FrameError
from adsnet.storage.files import open_regular, reason, shown

Kind = Literal["still", "tiff", "mov", "avi", "matroska", "mpegts", "mpeg", "asf"]

STILL_SUFFIXES = (".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ts", ".mpg", ".mpeg", ".wmv")

# Everything that the decoders are known to raise on damaged files.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    AssertionError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)

_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def kind_of(path: Path) -> Kind:
    """What the file is by its first bytes, whatever its name says.

    Raises:
        FrameError: it cannot be opened, is empty or is none of the supported kinds.
    """
    try:
        with open_regular(path) as stream:
            head = stream.read(189)
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot open {shown(path)}: {reason(error)}; check the path.") from error
    if not head:
        raise FrameError(f"{shown(path)} is empty (0 bytes): copy or record it again.")
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")):
        return "still"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return "avi"
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return "asf"
    if head.startswith(b"\x00\x00\x01\xba"):
        return "mpeg"
    if head[0] == 0x47 and head[188:189] == b"\x47":
        return "mpegts"
    raise FrameError(
        f"{shown(path)} is no image or video that is read here: use PNG, BMP, JPEG, TIFF, MP4, MOV, AVI or MKV."
    )


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """A PNG, BMP or JPEG with checked size, pixels not yet decoded; every decoder error becomes a ``FrameError``."""
    try:
        opened = open_regular(path)
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot open {shown(path)}: {reason(error)}; check the path.") from error
    try:
        with opened as stream:
            # The list of formats keeps the many rarely used decoders out of reach of a file with a borrowed name.
            with Image.open(stream, formats=["PNG", "BMP", "JPEG"]) as image:
                check_size(path, height=image.height, width=image.width)
                yield image
    except _TOO_LARGE as error:  # Pillow's own limit is larger than ours
        raise FrameError(f"{shown(path)} declares more than {MAX_PIXELS} pixels: cut it into tiles.") from error
    except DECODER_ERRORS as error:
        raise FrameError(f"{shown(path)} is damaged or cut short and cannot be decoded: copy it again.") from error


def _deep_colour(path: Path, bit_depth: int) -> NDArray[Any] | None:
    # Pillow reduces colour PNG files of 16 bits to 8; the header says when that would happen.
    with open_regular(path) as stream:
        data = stream.read(26)
        if not data.startswith(b"\x89PNG") or data[24] != bit_depth or data[25] not in (2, 4, 6):
            return None
        data += stream.read()
    import cv2

    decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        return None
    values: NDArray[Any] = np.asarray(decoded)
    return values[..., [2, 1, 0]] if values.ndim == 3 else values


def read_still(path: Path) -> Pixels:
    """(H, W) pixels of a PNG, BMP or JPEG file as stored: an orientation tag does not turn them.

    Raises:
        FrameError: not decodable, or beyond the size limit.
    """
    with open_image(path) as image:
        image.load()  # raises on files that end early
        if image.format == "PNG" and image.mode in ("RGB", "RGBA", "LA"):
            deep = _deep_colour(path, 16)
            if deep is not None:
                return one_channel(path, deep)
        if image.mode in ("1", "L", "LA", "RGB", "RGBA", "I;16", "I"):
            return one_channel(path, np.asarray(image))
        return one_channel(path, np.asarray(image.convert("RGB")))
