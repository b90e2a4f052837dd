"""Frames: what they are named by, how they are listed and how they are read.

A frame comes from a still (PNG, BMP, JPEG, TIFF, .npy), a page of a TIFF file, a frame of a video or of an array, or
from raw values in a layout that somebody named. What a file is, its first bytes decide, not its name. Pixels stay as
they are stored: no scaling, no rotation by an orientation tag.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from natsort import natsort_keygen, ns
from numpy.typing import NDArray

from adsnet.data.arrays import array_count, read_array
from adsnet.data.lazy import Lazy
from adsnet.data.pieces import pieces, sorted_in_pieces
from adsnet.data.pixels import Pixels
from adsnet.data.raw import RAW_SUFFIXES, RawLayout, raw_count, read_raw
from adsnet.data.still import STILL_SUFFIXES, VIDEO_SUFFIXES, kind_of, radiometric_note, read_still
from adsnet.data.tiff import page_count, read_page
from adsnet.data.video import frame_count, read_video_frame
from adsnet.errors import FrameError, UnknownFormatError
from adsnet.storage.files import reason, shown

__all__ = [
    "STILL_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Frame",
    "FrameRef",
    "Stills",
    "labels_of",
    "list_frames",
    "list_stills",
    "natural_ranks",
    "no_images",
    "read_frame",
    "stems_of",
]

_natural_key = natsort_keygen(alg=ns.IGNORECASE)
_DIGITS_ALIKE = str.maketrans("123456789", "000000000")


@dataclass(frozen=True)
class FrameRef:
    """Where a frame is.

    Attributes:
        path: the file.
        index: page of a TIFF, or frame of a video, array or raw file, from 0; None for a file that is one frame.
        raw: how the values lie in a file without a header; None where the file says so itself.
    """

    path: Path
    index: int | None = None
    raw: RawLayout | None = None

    @functools.cached_property
    def stem(self) -> str:
        """Name of the frame without suffix, the name of its label file: ``Misc_1`` or ``clip_000012``."""
        return self.path.stem if self.index is None else f"{self.path.stem}_{self.index:06d}"

    @property
    def label(self) -> str:
        """One printable line for lists: ``Misc_1.png`` or ``clip.mp4 [12]``."""
        name = shown(self.path.name)
        return name if self.index is None else f"{name} [{self.index}]"


class Stills(Lazy[FrameRef]):
    """The frames of a folder that is known by the names of its files.

    A folder may hold a hundred thousand. Their paths would take half a second to make, and a twentieth of one, in which
    the window stops, whenever Python looks for garbage among them or lets go of them; their names are nearly free.

    Attributes:
        folder: where the files are.
        names: of the files, with suffix.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(len(names))
        self.folder, self.names = folder, tuple(names)

    def _make(self, index: int) -> FrameRef:
        return FrameRef(self.folder / self.names[index])


def stems_of(frames: Sequence[FrameRef]) -> tuple[str, ...]:
    """The ``stem`` of each frame."""
    if isinstance(frames, Stills):
        return tuple(name[: name.rindex(".")] for name in frames.names)
    return tuple(frame.stem for frame in frames)


def labels_of(frames: Sequence[FrameRef]) -> tuple[str, ...]:
    """The ``label`` of each frame."""
    if isinstance(frames, Stills):
        return tuple(map(shown, frames.names))
    return tuple(frame.label for frame in frames)


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame that was read.

    Attributes:
        ref: where it came from.
        pixels: (H, W) uint8, uint16 or float32 (finite), C-contiguous, the values of the file.
        note: one sentence on what the file holds beside them and is not read; mostly "".
    """

    ref: FrameRef
    pixels: Pixels
    note: str = ""


def read_frame(ref: FrameRef) -> Frame:
    """Read one frame as one channel.

    Colour becomes the channel itself where all three are equal, else BT.601 grey; alpha is ignored; a palette is
    looked up first. Grey of 8 and 16 bits keeps its values, 1 bit becomes 0 and 255, all else becomes float32 with
    NaN and −inf as the smallest and +inf as the largest finite value. Video keeps its stored luma.

    Raises:
        FrameError: the file is missing, damaged, no regular file, or a frame of more than 64 Mpx.
    """
    index = ref.index or 0
    if ref.raw is not None:
        return Frame(ref, read_raw(ref.path, ref.raw, index))
    kind = kind_of(ref.path)
    if kind == "still":
        if index:
            raise FrameError(f"{shown(ref.path)} is a single image and has no frame {index}: reload it.")
        return Frame(ref, read_still(ref.path), note=radiometric_note(ref.path))
    if kind == "tiff":
        return Frame(ref, read_page(ref.path, index))
    if kind == "npy":
        return Frame(ref, read_array(ref.path, index))
    return Frame(ref, read_video_frame(ref.path, index, kind=kind))


def list_stills(folder: Path, suffixes: tuple[str, ...] = STILL_SUFFIXES) -> Stills:
    """The files of a folder with one of the suffixes, in natural order.

    Nothing is opened, and hidden files are left out.

    Raises:
        FrameError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            # A folder or pipe with an image's name is listed: reading it gives the sentence, listing stays fast.
            names = [e.name for e in entries if e.name[:1] != "." and e.name.lower().endswith(suffixes)]
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot list {shown(folder)}: {reason(error)}; check the path.") from error
    return Stills(folder, _naturally_sorted(names))


def list_frames(path: Path, *, raw: RawLayout | None = None) -> Sequence[FrameRef]:
    """The frames at ``path``.

    One for a still; one per page for a TIFF of several pages; one per frame that decodes for a video, in order of
    display; one per image for a folder, in natural order, not recursive (files in it are not opened, so a TIFF of
    several pages counts once there).

    Args:
        path: a file or folder.
        raw: the layout of the raw file at ``path``, or of all the files with a raw suffix in the folder.

    Raises:
        FrameError: nothing there can be read as frames.
    """
    if raw is not None:
        return _raw_frames(path, raw)
    if os.path.isdir(path):
        stills = list_stills(path)
        if not stills:
            raise no_images(path)
        return stills
    kind = kind_of(path)
    if kind == "still":
        return (FrameRef(path),)
    if kind == "tiff":
        pages = page_count(path)
        count = None if pages == 1 else pages
    else:
        count = array_count(path) if kind == "npy" else frame_count(path, kind=kind)
    return (FrameRef(path),) if count is None else tuple(FrameRef(path, index) for index in range(count))


def _naturally_sorted(names: Sequence[str]) -> list[str]:
    """The names in natural order, in which 2 comes before 10 and case does not count."""
    if _plain_order_is_natural(names):
        return sorted_in_pieces(names)
    return [name for _, name in sorted_in_pieces([(_natural_key(name), name) for name in names])]


def natural_ranks(names: Sequence[str]) -> NDArray[np.intp]:
    """(N,) the place of each name in natural order; the first of several that are the same comes first."""
    key = str if _plain_order_is_natural(names) else lambda name: (_natural_key(name), name)
    order = sorted_in_pieces([(key(name), place) for place, name in enumerate(names)])
    ranks = np.empty(len(names), np.intp)
    ranks[[place for _, place in order]] = np.arange(len(names))
    return ranks


def _plain_order_is_natural(names: Sequence[str]) -> bool:
    """Whether the names differ in digits at the same places only, as those of numbered frames: found much sooner."""
    form = names[0].translate(_DIGITS_ALIKE) if names else ""
    # Many names at once are fast; none has a NUL in it.
    return all("\0".join(piece).translate(_DIGITS_ALIKE) == "\0".join([form] * len(piece)) for piece in pieces(names))


def no_images(folder: Path) -> FrameError:
    """What to say about a folder without images; ``UnknownFormatError`` where it holds raw files."""
    text = f"{shown(folder)} holds no PNG, BMP, JPEG, TIFF or .npy images: open a folder that does"
    if raw := list_stills(folder, RAW_SUFFIXES):
        return UnknownFormatError(f"{text}, or say how the values lie in its raw files.", raw[0].path)
    return FrameError(f"{text}.")


def _raw_frames(path: Path, raw: RawLayout) -> tuple[FrameRef, ...]:
    files = [still.path for still in list_stills(path, RAW_SUFFIXES)] if os.path.isdir(path) else [path]
    if not files:
        raise FrameError(f"{shown(path)} holds no raw files ({', '.join(RAW_SUFFIXES)}): open one by its name.")
    refs: list[FrameRef] = []
    for file in files:
        count = raw_count(file, raw)
        refs += [FrameRef(file, None, raw)] if count == 1 else [FrameRef(file, i, raw) for i in range(count)]
    return tuple(refs)
