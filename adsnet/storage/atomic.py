"""The one writer of user files: afterwards a file is the whole old version or the whole new one, never a mixture."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from adsnet.errors import StorageError
from adsnet.storage.files import NotRegularFileError, open_regular, reason, shown

_TEMPORARY = re.compile(r"\.adsnet-(\d+)-[0-9a-f]{16}\.tmp")
_STALE_SECONDS = 600.0
# Some network and FUSE file systems cannot synchronise a folder; the rename itself is done all the same.
_FOLDER_SYNC_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF}


def _advice(error: OSError | ValueError) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space and try again"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "choose a folder that you may write to"
    if code == errno.ENAMETOOLONG:
        return "choose a shorter name"
    return "check the disk or choose another folder"


def _refuse(path: Path, error: OSError | ValueError) -> NoReturn:
    raise StorageError(f"Cannot write {shown(path)}: {reason(error)}; {_advice(error)}.") from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _FOLDER_SYNC_UNSUPPORTED:
            raise
    finally:
        os.close(fd)


def _fill(temporary: Path, data: bytes, mode: int | None, *, lasting: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with open(os.open(temporary, flags, 0o666), "wb") as stream:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(stream.fileno(), mode)
        stream.write(data)
        stream.flush()
        if lasting:
            os.fsync(stream.fileno())
        written = os.fstat(stream.fileno()).st_size
    if written != len(data):
        raise OSError(errno.EIO, f"{written} of {len(data)} bytes arrived")


def _existing_mode(target: Path) -> int | None:
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise NotRegularFileError("it is a folder")
    if not stat.S_ISREG(mode):
        raise NotRegularFileError("it is a pipe or device")
    return stat.S_IMODE(mode)


def write_bytes(path: Path, data: bytes, *, verify: Callable[[Path], None] | None = None, lasting: bool = True) -> None:
    """Replace or create ``path`` with ``data``; missing folders are created, a link is followed, the mode is kept.

    Args:
        path: the file to write.
        data: its whole content.
        verify: called with the complete temporary file (another name in the same folder) before it takes the place
            of ``path``; what it raises keeps the previous file. ``OSError`` counts as a failed write.
        lasting: wait until it is on the disk. Without, the loss of power may leave an empty or damaged file: only for
            what can be computed again and is checked when it is read.

    Raises:
        StorageError: it cannot be written. The previous file is untouched and no temporary file is left; only when
            the disk fails to confirm the very last step may the new content be in place, and the sentence says so.
    """
    try:
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = _existing_mode(target)
        # The name does not grow with the target's, which may already be as long as the file system allows.
        temporary = target.parent / f".adsnet-{os.getpid()}-{secrets.token_hex(8)}.tmp"
        try:
            _fill(temporary, data, mode, lasting=lasting)
            if verify is not None:
                verify(temporary)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except (OSError, ValueError) as error:
        _refuse(path, error)
    try:
        if lasting:
            _sync_folder(target.parent)
    except OSError as error:
        raise StorageError(
            f"{shown(path)} is written, but the disk did not confirm it ({reason(error)}): check it and save again."
        ) from error


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented UTF-8 JSON that ends with a newline.

    Raises:
        StorageError: the file cannot be written.
        ValueError, TypeError: ``value`` holds NaN, an infinity or something that JSON has no form for.
    """
    text = json.dumps(value, allow_nan=False, indent=1, ensure_ascii=False) + "\n"
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:  # file names that are not text: only the escaped form can hold them
        data = (json.dumps(value, allow_nan=False, indent=1) + "\n").encode("ascii")
    write_bytes(path, data)


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is out of range")
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"it holds {text}")


def read_json(path: Path, *, max_bytes: int = 64 * 2**20) -> Any:
    """The value in a JSON file of at most ``max_bytes``; NaN and infinities are refused, a byte order mark is not.

    Raises:
        StorageError: the file is missing, too large, not JSON, nested too deeply or holds NaN.
    """
    try:
        with open_regular(path) as stream:
            data = stream.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise StorageError(f"Cannot read {shown(path)}: {reason(error)}; check the path.") from error
    if len(data) > max_bytes:
        raise StorageError(
            f"{shown(path)} is larger than {max_bytes} bytes and is not read: check that it is the right file."
        )
    try:
        return json.loads(data.decode("utf-8-sig"), parse_float=_finite_float, parse_constant=_no_constant)
    except RecursionError as error:
        raise StorageError(f"{shown(path)} is nested too deeply: restore or delete it.") from error
    except ValueError as error:
        raise StorageError(f"{shown(path)} is not valid JSON ({error}): restore or delete it.") from error


def _writer_alive(pid: int) -> bool:
    if pid == os.getpid():
        return True
    if os.name == "nt":
        return True  # signal 0 would interrupt the process there; the age of the file decides
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def clean_temporaries(folder: Path) -> int:
    """Remove what a killed writer left in ``folder``; files of a running writer stay. Returns how many went."""
    removed = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        match = _TEMPORARY.fullmatch(entry.name)
        if match is None:
            continue
        with contextlib.suppress(OSError):
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if age > _STALE_SECONDS or not _writer_alive(int(match.group(1))):
                os.unlink(entry.path)
                removed += 1
    return removed
