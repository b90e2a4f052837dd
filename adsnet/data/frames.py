"""Frames: what they are named by, how they are listed and how they are read.

A frame comes from a still (PNG, BMP, JPEG, TIFF), a page of a TIFF file or a frame of a video. What a file is, its
first bytes decide, not its name. Pixels stay as they are stored: no scaling, no rotation by an orientation tag.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from natsort import natsort_keygen, ns

from adsnet.data.pixels import Pixels
from adsnet.data.still import STILL_SUFFIXES, VIDEO_SUFFIXES, kind_of, read_still
from adsnet.data.tiff import page_count, read_page
from adsnet.data.video import frame_count, read_video_frame
from adsnet.errors import FrameError
from adsnet.storage.files import reason, shown

__all__ = ["STILL_SUFFIXES", "VIDEO_SUFFIXES", "Frame", "FrameRef", "list_frames", "list_stills", "read_frame"]

_natural_key = natsort_keygen(alg=ns.IGNORECASE)


@dataclass(frozen=True)
class FrameRef:
    """Where a frame is.

    Attributes:
        path: the file.
        index: page of a TIFF or frame of a video, from 0; None for a file that is one frame.
    """

    path: Path
    index: int | None = None

    @property
    def stem(self) -> str:
        """Name of the frame without suffix, the name of its label file: ``Misc_1`` or ``clip_000012``."""
        return self.path.stem if self.index is None else f"{self.path.stem}_{self.index:06d}"

    @property
    def label(self) -> str:
        """One printable line for lists: ``Misc_1.png`` or ``clip.mp4 [12]``."""
        name = shown(self.path.name)
        return name if self.index is None else f"{name} [{self.index}]"


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame that was read.

    Attributes:
        ref: where it came from.
        pixels: (H, W) uint8, uint16 or float32 (finite), C-contiguous, the values of the file.
    """

    ref: FrameRef
    pixels: Pixels


def read_frame(ref: FrameRef) -> Frame:
    """Read one frame as one channel.

    Colour becomes the channel itself where all three are equal, else BT.601 grey; alpha is ignored; a palette is
    looked up first. Grey of 8 and 16 bits keeps its values, 1 bit becomes 0 and 255, all else becomes float32 with
    NaN and −inf as the smallest and +inf as the largest finite value. Video keeps its stored luma.

    Raises:
        FrameError: the file is missing, damaged, no regular file, or a frame of more than 64 Mpx.
    """
    kind = kind_of(ref.path)
    index = ref.index or 0
    if kind == "still":
        if index:
            raise FrameError(f"{shown(ref.path)} is a single image and has no frame {index}: reload it.")
        return Frame(ref, read_still(ref.path))
    if kind == "tiff":
        return Frame(ref, read_page(ref.path, index))
    return Frame(ref, read_video_frame(ref.path, index, kind=kind))


def list_stills(folder: Path) -> tuple[Path, ...]:
    """The images of a folder by suffix, in natural order; nothing is opened and hidden files are left out.

    Raises:
        FrameError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            # A folder or pipe with an image's name is listed: reading it gives the sentence, listing stays fast.
            names = [e.name for e in entries if e.name[:1] != "." and e.name.lower().endswith(STILL_SUFFIXES)]
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot list {shown(folder)}: {reason(error)}; check the path.") from error
    return tuple(folder / name for name in sorted(names, key=lambda name: (_natural_key(name), name)))


def list_frames(path: Path) -> tuple[FrameRef, ...]:
    """The frames at ``path``.

    One for a still; one per page for a TIFF of several pages; one per frame that decodes for a video, in order of
    display; one per image for a folder, in natural order, not recursive (files in it are not opened, so a TIFF of
    several pages counts once there).

    Raises:
        FrameError: nothing there can be read as frames.
    """
    if os.path.isdir(path):
        stills = list_stills(path)
        if not stills:
            raise FrameError(f"{shown(path)} holds no PNG, BMP, JPEG or TIFF images: open a folder that does.")
        return tuple(FrameRef(still) for still in stills)
    kind = kind_of(path)
    if kind == "still":
        return (FrameRef(path),)
    count = page_count(path) if kind == "tiff" else frame_count(path, kind=kind)
    if kind == "tiff" and count == 1:
        return (FrameRef(path),)
    return tuple(FrameRef(path, index) for index in range(count))
