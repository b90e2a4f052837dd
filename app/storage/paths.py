"""Where the labels of a sequence are kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from adsnet.errors import AdsnetError
from adsnet.resources import path_of
from adsnet.storage.folders import data_folder

_LONGEST_NAME = 255


def project_folder(source: Path) -> Path:
    """Where labels of ``source`` go when they cannot stay beside it; the same for the same place at every start."""
    digest = hashlib.sha256(os.fsencode(os.path.abspath(source))).hexdigest()
    return data_folder() / "projects" / digest[:24]


def _writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, which need not exist; decided at its nearest existing parent."""
    absolute = Path(os.path.abspath(folder))
    for candidate in (absolute, *absolute.parents):
        try:
            if candidate.exists():
                return candidate.is_dir() and os.access(candidate, os.W_OK | os.X_OK)
        except OSError:
            return False
    return False


def _shipped(folder: Path) -> bool:
    """Whether ``folder`` lies in the sample that comes with the program."""
    try:
        sample = path_of("sample")
    except AdsnetError:
        return False
    return Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(sample))


def label_root(wanted: Path) -> Path:
    """The folder under which labels, reviews, journal and models of a sequence are kept.

    Args:
        wanted: the folder beside the frames, as the data set says; the same for the set and for one frame of it.

    Returns:
        ``wanted``, or a folder of the program where that cannot be written or belongs to the shipped sample.
    """
    return wanted if _writable(wanted) and not _shipped(wanted) else project_folder(wanted)


def file_name(stem: str, ending: str) -> str:
    """``stem + ending``, shortened with a hash where the file system would refuse the length."""
    if len(os.fsencode(stem + ending)) <= _LONGEST_NAME:
        return stem + ending
    digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:16]
    kept = os.fsencode(stem)[: _LONGEST_NAME - len(ending) - len(digest) - 1]
    return f"{os.fsdecode(kept)}~{digest}{ending}"


def set_aside(path: Path) -> Path:
    """Keep a damaged file as ``<name>.bad`` so that a new one can be written; the new name is returned.

    On a disk that cannot be written it stays where it is, as nothing can be written over it either.
    """
    bad = path.with_name(path.name + ".bad")
    with contextlib.suppress(OSError):
        os.replace(path, bad)
    return bad
