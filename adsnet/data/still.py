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
from adsnet.data.raw import RAW_SUFFIXES
from adsnet.errors import FrameError, UnknownFormatError
from adsnet.storage.files import open_regular, reason, shown

Kind = Literal["still", "tiff", "npy", "mov", "avi", "matroska", "mpegts", "mpeg", "asf"]

STILL_SUFFIXES = (".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".npy")
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

# Files that are met beside infrared data and not read: first bytes, where they begin, what to call the file.
_FOREIGN = (
    (b"GIF8", 0, "GIF"),
    (b"WEBP", 8, "WebP"),
    (b"ftypavif", 4, "AVIF"),
    (b"ftypheic", 4, "HEIC"),
    (b"ftypmif1", 4, "HEIC"),
    (b"\0\0\0\x0cjP  ", 0, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", 0, "JPEG XL"),
    (b"8BPS", 0, "Photoshop"),
    (b"SIMPLE  =", 0, "FITS"),
    (b"\x89HDF\r\n\x1a\n", 0, "HDF5"),
    (b"MATLAB 5.0", 0, "MATLAB"),
    (b"FFF\0", 0, "FLIR sequence"),
    (b"AFF\0", 0, "FLIR sequence"),
    (b"PK\x03\x04", 0, "ZIP or .npz"),
    (b"%PDF", 0, "PDF"),
)
_FULL_SEGMENT = 65534
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def kind_of(path: Path) -> Kind:
    """What the file is by its first bytes, whatever its name says.

    Raises:
        UnknownFormatError: its first bytes are not known, and by its name it may hold raw values.
        FrameError: it cannot be opened, is empty or is of a kind that is not read.
    """
    try:
        with open_regular(path) as stream:
            head = stream.read(189)
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot open {shown(path)}: {reason(error)}; check the path.") from error
    if not head:
        raise FrameError(f"{shown(path)} is empty (0 bytes): copy or record it again.")
    known = _recognise(head)
    if known is not None:
        return known
    foreign = next((name for magic, at, name in _FOREIGN if head[at:].startswith(magic)), None)
    if foreign is not None:
        raise FrameError(
            f"{shown(path)} is a {foreign} file, which is not read here: export its frames as PNG, TIFF or .npy."
        )
    text = f"{shown(path)} is no image or video that is read here: use PNG, BMP, JPEG, TIFF, .npy, MP4, MOV, AVI or MKV"
    if path.suffix.lower() in RAW_SUFFIXES:
        raise UnknownFormatError(f"{text}, or say how its raw values lie.", path)
    raise FrameError(f"{text}.")


def _recognise(head: bytes) -> Kind | None:
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")):
        return "still"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return "avi"
    if head[4:8] in _MOV_ATOMS and head[8:12] not in (b"avif", b"heic", b"mif1"):
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return "asf"
    if head.startswith(b"\x00\x00\x01\xba"):
        return "mpeg"
    if head[0] == 0x47 and head[188:189] == b"\x47":
        return "mpegts"
    return None


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


def radiometric_note(path: Path) -> str:
    """One sentence when a JPEG file carries the values of a thermal camera that are not read, else ""."""
    try:
        maker = _camera_maker(path)
    except OSError:  # it was there a moment ago: whoever reads the pixels has the sentence
        return ""
    if not maker:
        return ""
    return (
        f"{shown(path)} is a radiometric JPEG ({maker}): what you see is its picture in grey, not its raw values or "
        "temperatures; export those as 16-bit TIFF to work with them."
    )


def _camera_maker(path: Path) -> str:
    maker = ""
    with open_regular(path) as stream:
        if stream.read(2) != b"\xff\xd8":
            return ""
        while (marker := stream.read(4))[:1] == b"\xff" and len(marker) == 4 and marker[1] not in (0xD9, 0xDA):
            length = int.from_bytes(marker[2:], "big")
            head = stream.read(5)
            if marker[1] == 0xE1 and head == b"FLIR\0":
                maker = "FLIR"
            elif marker[1] == 0xE3 and length == _FULL_SEGMENT:
                maker = maker or "DJI"  # its raw values, in as many full segments as they need
            stream.seek(length - 2 - len(head), 1)
    return maker
