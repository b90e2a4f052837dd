"""Small files of every kind for the reading tests."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image


def ramp(height: int = 12, width: int = 16, dtype: Any = np.uint8, top: int = 255) -> NDArray[Any]:
    """(H, W) values from 0 to ``top`` that all rows and columns differ in."""
    values: NDArray[Any] = np.linspace(0, top, height * width).reshape(height, width).astype(dtype)
    return values


def encoded(values: NDArray[Any], kind: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    """The file bytes that Pillow makes of an array, converted to ``mode`` first."""
    image = Image.fromarray(values)
    buffer = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(buffer, format=kind, **options)
    return buffer.getvalue()


def tiff(values: NDArray[Any], **options: Any) -> bytes:
    """The file bytes that tifffile makes of an array."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def png_declaring(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def tiff_declaring(width: int, height: int) -> bytes:
    """A TIFF of a few bytes whose tags promise any size."""
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 200),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, 100),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return head.ljust(200, b"\0") + bytes(100)


def moving_square(count: int, height: int = 64, width: int = 96) -> NDArray[np.uint8]:
    """(N, H, W) uint8: the last 16 rows of frame i are 30 + 5 i, above is noise with a bright square that moves."""
    noise = np.random.default_rng(0)
    frames = np.empty((count, height, width), dtype=np.uint8)
    for i in range(count):
        frames[i] = noise.integers(60, 120, (height, width))
        frames[i, 8:24, (2 * i) % 40 : (2 * i) % 40 + 16] = 220
        frames[i, -16:] = 30 + 5 * i
    return frames


def write_video(
    path: Path,
    frames: Sequence[NDArray[Any]] | NDArray[Any],
    *,
    codec: str,
    pix_fmt: str,
    b_frames: int = 0,
) -> None:
    """Encode (H, W) uint8 or uint16 frames, or (H, W, 3) uint8 for RGB formats."""
    container = av.open(str(path), mode="w")
    stream: Any = container.add_stream(codec, rate=Fraction(25), options={"bf": str(b_frames)} if b_frames else {})
    stream.height, stream.width = frames[0].shape[:2]
    stream.pix_fmt = pix_fmt
    stream.gop_size = 12
    stream.bit_rate = 8_000_000
    for values in frames:
        if values.ndim == 3:
            picture = av.VideoFrame.from_ndarray(values, format="rgb24").reformat(format=pix_fmt)
        elif pix_fmt.startswith("gray"):
            picture = av.VideoFrame.from_ndarray(values, format=pix_fmt)
        else:
            chroma = np.full((values.shape[0] // 2, values.shape[1]), 128, dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(np.concatenate([values, chroma]), format=pix_fmt)
        for packet in stream.encode(picture):
            container.mux(packet)
    for packet in stream.encode():
        container.mux(packet)
    container.close()
