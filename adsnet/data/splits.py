"""Split files: text files with one frame name a line, as the common data sets keep them beside their images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adsnet.data.still import STILL_SUFFIXES
from adsnet.errors import DatasetError
from adsnet.storage.files import open_regular, reason, shown

_MAX_SPLIT_BYTES = 64 * 2**20
# Where split files are looked for below the folder of a set.
_FOLDERS = ("img_idx", "splits", "ImageSets/Main")
_NUMBERED = "idx_"
_BESIDE_THE_IMAGES = ("train*.txt", "val*.txt", "test*.txt", "held_out*.txt")


def _stem(line: str) -> str:
    """The stem in a line of a split file; only a known image suffix is cut off, for stems may hold dots."""
    text = line.strip().replace("\\", "/").rsplit("/", 1)[-1]
    root, dot, suffix = text.rpartition(".")
    return root if root and dot and f".{suffix.lower()}" in STILL_SUFFIXES else text


def read_split(path: Path) -> list[str]:
    """The stems that a split file names, in its order. Raises DatasetError."""
    try:
        with open_regular(path) as stream:
            data = stream.read(_MAX_SPLIT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DatasetError(f"Cannot open the split file {shown(path)}: {reason(error)}; check the path.") from error
    if len(data) > _MAX_SPLIT_BYTES or b"\0" in data:
        raise DatasetError(f"{shown(path)} is no split file: give a text file with one frame name a line.")
    stems = [_stem(line) for line in data.decode("utf-8-sig", errors="surrogateescape").splitlines()]
    stems = [stem for stem in stems if stem]
    if not stems:
        raise DatasetError(f"The split file {shown(path)} names no frame: check that it is the right file.")
    return stems


def default_split_of(root: Path) -> Path | None:
    """The training list that common data sets keep beside their images, if it can only be one."""
    trainval = root / "idx_427" / "trainval.txt"
    if os.path.isfile(trainval):
        return trainval
    lists = sorted(p for p in (root / "img_idx").glob("train_*.txt") if os.path.isfile(p))
    named = [p for p in lists if p.stem == f"train_{root.name}"]
    if named:
        return named[0]
    return lists[0] if len(lists) == 1 else None


def splits_of(root: Path, stems: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Which of the frames each split file beside them names, by its name; files that name none are left out.

    Args:
        root: the folder of the set.
        stems: of the frames.

    Returns:
        (len(stems),) bool for each split.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    for path in sorted(_split_files(root)):
        try:
            named = frozenset(read_split(path))
        except DatasetError:
            continue  # a text of another kind
        members = np.fromiter((stem in named for stem in stems), np.bool_, len(stems))
        if members.any():
            name = path.stem if path.stem not in found else path.relative_to(root).with_suffix("").as_posix()
            found[name] = members
    return found


def _split_files(root: Path) -> set[Path]:
    """What may be one. The folder itself is read once: it may hold very many images."""
    found, folders = set(), [*_FOLDERS]
    with contextlib.suppress(OSError):
        for name in os.listdir(root):
            if name.startswith(_NUMBERED):
                folders.append(name)
            elif name.endswith(".txt") and any(fnmatchcase(name, place) for place in _BESIDE_THE_IMAGES):
                found.add(root / name)
    return found.union(*((root / folder).glob("*.txt") for folder in folders))
