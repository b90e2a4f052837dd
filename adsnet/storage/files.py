"""Opening files that may be anything, and naming them in messages."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from pathlib import Path
from typing import BinaryIO

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_REASONS = {
    errno.ENOENT: "it is not there",
    errno.EACCES: "access is denied",
    errno.EPERM: "access is denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too large for this disk or account",
    errno.EIO: "the disk reported an error",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its links go round in a circle",
}


class NotRegularFileError(OSError):
    """The path leads to a folder, pipe, socket or device."""


def shown(path: Path | str) -> str:
    """The path as printable text: bytes that are no text, control and direction characters become escapes."""
    text = os.fsdecode(path)
    if text.isprintable():  # so are nearly all, and lists show a hundred thousand
        return text
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c
        for c in text
    )


def reason(error: OSError | ValueError) -> str:
    """Why the operating system refused, as a clause for a sentence."""
    if isinstance(error, NotRegularFileError):
        return str(error)
    if not isinstance(error, OSError):
        return "its name cannot be a file name"
    return _REASONS.get(error.errno or 0) or (error.strerror or "the system gave no reason").lower()


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Size and time of a file, which tell it from another one that was written in its place; None without a file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; never waits, whatever the path leads to (a pipe would wait for a writer).

    Raises:
        OSError: it cannot be opened, or is a folder, pipe, socket or device (``NotRegularFileError``).
        ValueError: the path holds a NUL character.
    """
    fd = os.open(path, _OPEN_FLAGS)
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularFileError("it is a folder" if stat.S_ISDIR(mode) else "it is a pipe or device")
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise
