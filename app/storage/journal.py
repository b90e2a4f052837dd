"""A record of edits that are not in the label file yet, so that a crash costs no stroke.

Each frame has a file ``<stem>.journal`` that is only ever appended to: a magic, then records of a length, a CRC-32
and that many bytes. The first record names the frame, the others are edits. Every record is on the disk before
``append`` returns. Reading stops at the first record that is cut short or damaged. Edits say which pixels have which
value afterwards, so that replaying them over a label that already has some of them changes nothing.

When a sequence is opened, journals that an earlier run left become ``<stem>.pending`` until they are recovered or
discarded; new edits go to a new journal.

This is the one file that is not replaced as a whole; everything else goes through ``adsnet.storage.atomic``.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.errors import LabelError, StorageError
from adsnet.storage.atomic import write_bytes
from adsnet.storage.files import open_regular, reason, shown
from app.imaging.raster import set_pixels
from app.storage.paths import file_name

MAGIC = b"ADSNJRN1"
MAX_RECORD = 2**28
_HEAD = struct.Struct("<II")
_JOURNAL, _PENDING = ".journal", ".pending"


@dataclass(frozen=True, eq=False)
class JournalEdit:
    """One edit as it is recorded.

    Attributes:
        box: (x, y, w, h) inside the frame.
        changed: (h, w) bool, the pixels that the edit sets.
        values: (h, w) bool, what they are set to; False elsewhere.
        text: what was done, for the user.
    """

    box: tuple[int, int, int, int]
    changed: NDArray[np.bool_]
    values: NDArray[np.bool_]
    text: str


@dataclass(frozen=True)
class PendingEdits:
    """A frame with edits that an earlier run did not save.

    Attributes:
        stem: of the frame.
        shape: (H, W) of its mask.
        edits: how many there are.
        updated: time of the last one, seconds since the epoch.
    """

    stem: str
    shape: tuple[int, int]
    edits: int
    updated: float


def _record(payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _first(stem: str, shape: tuple[int, int]) -> bytes:
    return _record(json.dumps({"stem": stem, "shape": list(shape)}).encode("ascii"))


def _packed(edit: JournalEdit) -> bytes:
    header = json.dumps({"box": list(edit.box), "text": edit.text}).encode("ascii")
    return _record(header + b"\n" + np.packbits(edit.changed).tobytes() + np.packbits(edit.values).tobytes())


def _records(data: bytes) -> Iterator[bytes]:
    """The payloads of all good records at the start of ``data``."""
    if not data.startswith(MAGIC):
        return
    position = len(MAGIC)
    while position + _HEAD.size <= len(data):
        size, check = _HEAD.unpack_from(data, position)
        payload = data[position + _HEAD.size : position + _HEAD.size + size]
        if size > MAX_RECORD or len(payload) < size or zlib.crc32(payload) != check:
            return
        yield payload
        position += _HEAD.size + size


def _bits(data: memoryview, shape: tuple[int, int]) -> NDArray[np.bool_]:
    count = shape[0] * shape[1]
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count).view(np.bool_).reshape(shape)


class _Recorded(NamedTuple):
    """One edit as it lies in the file, of which its bits are an eighth of it: most are only counted or moved."""

    payload: bytes
    box: tuple[int, int, int, int]

    def lay_over(self, mask: NDArray[np.bool_]) -> None:
        """Make the edit in the mask (H, W) of its frame."""
        shape = self.box[3], self.box[2]
        bits = memoryview(self.payload)[self.payload.index(b"\n") + 1 :]
        changed, values = (_bits(part, shape) for part in (bits[: len(bits) // 2], bits[len(bits) // 2 :]))
        set_pixels(mask, self.box, changed, values)


def _recorded(payload: bytes) -> _Recorded:
    """Raises ValueError, KeyError or TypeError for a payload that is not an edit."""
    end = payload.find(b"\n")
    x, y, w, h = (int(v) for v in json.loads(payload[: end if end >= 0 else None])["box"])
    if min(x, y, w, h) < 0 or end < 0 or len(payload) - end - 1 != 2 * ((w * h + 7) // 8):
        raise ValueError("an edit outside its frame")
    return _Recorded(payload, (x, y, w, h))


@dataclass(frozen=True, eq=False)
class _Content:
    stem: str
    shape: tuple[int, int]
    edits: tuple[_Recorded, ...]


def _parse(data: bytes) -> _Content | None:
    """The frame and its edits up to the first bad record; None when not even the frame can be read."""
    records = _records(data)
    try:
        values: dict[str, Any] = json.loads(next(records))
        height, width = (int(v) for v in values["shape"])
        stem = str(values["stem"])
    except (StopIteration, ValueError, KeyError, TypeError, RecursionError):
        return None
    edits: list[_Recorded] = []
    for payload in records:
        try:
            edit = _recorded(payload)
        except (ValueError, KeyError, TypeError, RecursionError):
            break
        x, y, w, h = edit.box
        if x + w > width or y + h > height:
            break
        edits.append(edit)
    return _Content(stem, (height, width), tuple(edits))


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            return stream.read()
    except OSError:
        return b""


class Journal:
    """The journals of one label root.

    Args:
        folder: ``root/adsnet/journal``; it need not exist until something is appended.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stem: str | None = None
        self._descriptor = -1

    def _path(self, stem: str, ending: str) -> Path:
        return self._folder / file_name(stem, ending)

    def _files(self, ending: str) -> list[Path]:
        try:
            with os.scandir(self._folder) as entries:
                return sorted(Path(entry.path) for entry in entries if entry.name.endswith(ending))
        except OSError:
            return []

    # ---- writing --------------------------------------------------------------------------------------------

    def append(self, stem: str, edit: JournalEdit, *, shape: tuple[int, int]) -> None:
        """Record an edit; it is on the disk afterwards.

        Raises:
            StorageError: it is not recorded; what was recorded before is unchanged.
        """
        path = self._path(stem, _JOURNAL)
        try:
            self._open(stem, path, shape)
            self._write(_packed(edit))
        except OSError as error:
            self.close()
            raise StorageError(
                f"Unsaved edits cannot be recorded in {shown(path)}: {reason(error)}; save your labels."
            ) from error

    def _open(self, stem: str, path: Path, shape: tuple[int, int]) -> None:
        if self._stem == stem:
            return
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags, 0o666)
        self._stem = stem
        if os.fstat(self._descriptor).st_size == 0:
            self._write(MAGIC + _first(stem, shape))
            self._sync_folder()

    def _write(self, data: bytes) -> None:
        """Append all of ``data`` and wait for the disk, or leave the file as it was. Raises OSError."""
        before = os.fstat(self._descriptor).st_size
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fsync(self._descriptor)
        except OSError:
            # Half a record would hide all later ones.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise

    def _sync_folder(self) -> None:
        if os.name == "nt":
            return
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            # Not every file system can synchronise a folder; the file itself is safe all the same.
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close the open file, if any; appending goes on afterwards."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._stem = -1, None

    def clear(self, stem: str) -> None:
        """Forget the edits of this run: they are in the label file now."""
        if self._stem == stem:
            self.close()
        with contextlib.suppress(OSError):
            self._path(stem, _JOURNAL).unlink(missing_ok=True)

    # ---- recovery -------------------------------------------------------------------------------------------

    def adopt(self) -> None:
        """Turn what earlier runs left into pending edits. Call once, before the first ``append``.

        Raises:
            StorageError: the folder cannot be written; nothing is lost.
        """
        for path in self._files(_JOURNAL):
            pending = path.with_suffix(_PENDING)
            newer = _parse(_read(path))
            try:
                if newer is None or not newer.edits:
                    path.unlink(missing_ok=True)
                elif pending.exists():
                    self._merge(pending, newer)
                    path.unlink(missing_ok=True)
                else:
                    os.replace(path, pending)
            except OSError as error:
                raise StorageError(
                    f"The journal {shown(path)} cannot be taken over: {reason(error)}; check the folder."
                ) from error

    def _merge(self, pending: Path, newer: _Content) -> None:
        older = _parse(_read(pending))
        edits = (*older.edits, *newer.edits) if older is not None and older.shape == newer.shape else newer.edits
        data = MAGIC + _first(newer.stem, newer.shape) + b"".join(_record(edit.payload) for edit in edits)
        write_bytes(pending, data)

    def pending(self) -> tuple[PendingEdits, ...]:
        """The frames with edits that an earlier run recorded and did not save."""
        found = []
        for path in self._files(_PENDING):
            content = _parse(_read(path))
            if content is not None and content.edits:
                with contextlib.suppress(OSError):
                    updated = path.stat().st_mtime
                    found.append(PendingEdits(content.stem, content.shape, len(content.edits), updated))
        return tuple(found)

    def replay(self, stem: str, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask with the pending edits of a frame; a new array.

        Args:
            stem: of the frame.
            mask: (H, W) bool, the saved label.

        Raises:
            LabelError: the edits were made on a mask of another size.
        """
        path = self._path(stem, _PENDING)
        content = _parse(_read(path))
        edited = mask.copy()
        if content is None:
            return edited
        if content.shape != mask.shape:
            raise LabelError(
                f"The unsaved edits in {shown(path)} are for a frame of {content.shape[1]}×{content.shape[0]}, "
                f"but it is {mask.shape[1]}×{mask.shape[0]} now: discard them."
            )
        for edit in content.edits:
            edit.lay_over(edited)
        return edited

    def discard(self, stem: str) -> None:
        """Remove the pending edits of a frame. Raises StorageError."""
        path = self._path(stem, _PENDING)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"Cannot remove {shown(path)}: {reason(error)}; check the folder.") from error
