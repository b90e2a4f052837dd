"""Frames in files without a header: how the values lie in them, and reading one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.data.pixels import MAX_PIXELS, Pixels, check_size, one_channel
from adsnet.errors import FrameError
from adsnet.storage.files import open_regular, reason, shown

RAW_SUFFIXES = (".raw", ".bin", ".dat", ".img", ".seq", ".gray", ".y16", ".y8", ".u16")
RAW_TYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")
MAX_FRAMES = 1_000_000

# Width and height of the sensors that record most often without a header, the most usual first.
_SENSORS = (
    (640, 512), (640, 480), (320, 256), (1280, 1024), (256, 256), (512, 512), (384, 288), (320, 240), (1024, 768),
    (1280, 720), (1920, 1080), (336, 256), (160, 120), (80, 60), (128, 128), (1024, 1024),
)  # fmt: skip


@dataclass(frozen=True)
class RawLayout:
    """Where the pixels of a file without a header lie: rows from top to bottom, frames one after the other.

    Attributes:
        width, height: of a frame in pixels.
        dtype: type of a value, one of ``RAW_TYPES``.
        big_endian: the byte order of values of more than one byte.
        offset: bytes before the first frame.
        row_gap, frame_gap: bytes after each row and, beyond that, after each frame.
    """

    width: int
    height: int
    dtype: str = "uint16"
    big_endian: bool = False
    offset: int = 0
    row_gap: int = 0
    frame_gap: int = 0

    def __post_init__(self) -> None:
        if self.dtype not in RAW_TYPES:
            raise FrameError(f"A raw layout has no type {shown(self.dtype)}: take one of {', '.join(RAW_TYPES)}.")
        if self.width < 1 or self.height < 1 or self.width * self.height > MAX_PIXELS:
            raise FrameError(f"A raw layout of {self.width}×{self.height} is not 1 to {MAX_PIXELS} pixels: change it.")
        if min(self.offset, self.row_gap, self.frame_gap) < 0:
            raise FrameError("The offset and the gaps of a raw layout are numbers of bytes from 0: change them.")
        if max(self.offset, self.row_gap, self.frame_gap) >= 2**40 or self.frame_bytes >= 2**31:
            raise FrameError("The frames of this raw layout are too far apart: make the gaps smaller.")

    @property
    def value_type(self) -> np.dtype[Any]:
        """Type of a value with its byte order."""
        return np.dtype(self.dtype).newbyteorder(">" if self.big_endian else "<")

    @property
    def row_bytes(self) -> int:
        """From the start of a row to the start of the next one."""
        return self.width * np.dtype(self.dtype).itemsize + self.row_gap

    @property
    def frame_bytes(self) -> int:
        """What a frame takes, without the gap behind it; no file needs the gap behind its very last row."""
        return self.height * self.row_bytes - self.row_gap

    @property
    def stride(self) -> int:
        """From the start of a frame to the start of the next one, in bytes."""
        return self.height * self.row_bytes + self.frame_gap

    def count_in(self, size: int) -> int:
        """How many whole frames a file of ``size`` bytes holds."""
        rest = size - self.offset - self.frame_bytes
        return 0 if rest < 0 else min(1 + rest // self.stride, MAX_FRAMES)

    def left_over(self, size: int) -> int:
        """Bytes behind the last whole frame and its gaps."""
        return max(0, size - self.offset - self.count_in(size) * self.stride)

    @property
    def text(self) -> str:
        """The layout as it is written on the command line; ``RawLayout.parse`` reads it."""
        parts = [f"{self.width}x{self.height}", self.dtype, *(["big"] if self.big_endian else [])]
        gaps = {"offset": self.offset, "row-gap": self.row_gap, "frame-gap": self.frame_gap}
        return ",".join(parts + [f"{name}={value}" for name, value in gaps.items() if value])

    @classmethod
    def parse(cls, text: str) -> RawLayout:
        """The layout ``WIDTHxHEIGHT,TYPE[,big][,offset=N][,row-gap=N][,frame-gap=N]``. Raises FrameError."""
        wrong = FrameError(
            f"The raw layout {shown(text)} is not understood: write WIDTHxHEIGHT,TYPE and, where needed, big, "
            "offset=N, row-gap=N, frame-gap=N, with commas between."
        )
        size, *rest = (part.strip().lower() for part in text.split(","))
        matched = re.fullmatch(r"([0-9]{1,9})[x×]([0-9]{1,9})", size)
        if matched is None or not rest:
            raise wrong
        values: dict[str, Any] = {"width": int(matched[1]), "height": int(matched[2]), "dtype": rest[0]}
        for part in rest[1:]:
            name, _, number = part.partition("=")
            key = name.replace("-", "_")
            if key in values or key == "big_endian":
                raise wrong
            if part in ("big", "little"):
                values["big_endian"] = part == "big"
            elif key in ("offset", "row_gap", "frame_gap") and re.fullmatch("[0-9]{1,12}", number):
                values[key] = int(number)
            else:
                raise wrong
        return cls(**values)


def guess_layout(size: int) -> RawLayout:
    """A first proposal for a file of ``size`` bytes: the first usual sensor whose frames fill it without rest."""
    for dtype in ("uint16", "uint8", "float32"):
        for width, height in _SENSORS:
            layout = RawLayout(width, height, dtype)
            if layout.count_in(size) and not layout.left_over(size):
                return layout
    return RawLayout(*_SENSORS[0])


def file_size(path: Path) -> int:
    """Bytes of a regular file. Raises FrameError."""
    try:
        with open_regular(path) as stream:
            return stream.seek(0, 2)
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot open {shown(path)}: {reason(error)}; check the path.") from error


def raw_count(path: Path, layout: RawLayout) -> int:
    """Number of whole frames in a file.

    Raises:
        FrameError: it cannot be opened, or does not hold a single one.
    """
    size = file_size(path)
    count = layout.count_in(size)
    if count == 0:
        raise FrameError(
            f"{shown(path)} has {size} bytes, but one frame of {layout.width}×{layout.height} {layout.dtype} ends at "
            f"byte {layout.offset + layout.frame_bytes}: choose another size, type or offset."
        )
    return count


def read_values(path: Path, *, start: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """(count,) values from byte ``start`` on, the array's own memory. Raises FrameError where the file ends before."""
    needed = count * dtype.itemsize
    try:
        # Read, not mapped: a mapped file that another program cuts short ends the process without a word.
        with open_regular(path) as stream:
            whole = stream.seek(0, 2) >= start + needed
            stream.seek(start)
            data = bytearray(stream.read(needed) if whole else b"")
    except (OSError, ValueError, OverflowError) as error:
        why = "its size cannot be" if isinstance(error, OverflowError) else reason(error)
        raise FrameError(f"Cannot read {shown(path)}: {why}; check the path.") from error
    if len(data) != needed:
        raise FrameError(f"{shown(path)} ends before this frame does: copy it again, or open it with another layout.")
    return np.frombuffer(data, dtype=dtype)


def read_raw(path: Path, layout: RawLayout, index: int) -> Pixels:
    """(H, W) pixels of frame ``index`` (from 0), by the rules of ``one_channel``.

    Raises:
        FrameError: the file cannot be read or has no such frame.
    """
    check_size(path, height=layout.height, width=layout.width)
    start = layout.offset + index * layout.stride
    data = read_values(path, start=start, count=layout.frame_bytes, dtype=np.dtype(np.uint8))
    value_type = layout.value_type
    rows: NDArray[Any] = np.ndarray(
        (layout.height, layout.width), value_type, buffer=data.data, strides=(layout.row_bytes, value_type.itemsize)
    )
    return one_channel(path, rows)
