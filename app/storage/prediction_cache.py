"""Predictions of earlier runs on disk, found again by what they depend on: pixels, model and settings.

Each is one file whose name is a hash of all that, so that it is valid for ever and nothing has to be brought up to
date. A file that is cut short, damaged or foreign is as good as none and is removed. All functions may be called
from any thread but that of the window, and none of them fails: without a folder to write to there is no cache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
import struct
import sys
import threading
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import adsnet
from adsnet.config import Sparsity
from adsnet.errors import StorageError
from adsnet.messages import MAX_PAYLOAD, Predicted, ProtocolError, decode, encoded_parts
from adsnet.prediction import Prediction
from adsnet.storage.atomic import clean_temporaries, write_bytes
from adsnet.storage.files import open_regular, shown

MAX_BYTES = 2 * 2**30
"""Of all files together; those that were not used for longest are removed first."""

ENDING = ".prediction"
_PROGRAM = Path(adsnet.__file__).parent
_MAGIC = b"ADSNPRD1"
_HEAD = struct.Struct("<8sQ")  # the magic, and the bytes of the message before compression
_RESERVE = 2**29  # bytes of the disk that are left to labels and models
_SLACK = 16  # the folder is looked at again when a part this small of the limit was written
_log = logging.getLogger("adsnet-studio.cache")


@dataclass(frozen=True)
class Recipe:
    """What a prediction depends on beside the pixels.

    Attributes:
        model: the model file.
        stamp: size and time of that file when the worker loaded it.
        sparsity, engine: as in ``adsnet.messages.Predict``.
        device: as in ``adsnet.messages.LoadModel``.
        computes: what that became, as in ``adsnet.messages.ModelLoaded``.
    """

    model: Path
    stamp: tuple[int, int] | None
    sparsity: Sparsity
    engine: str
    device: str
    computes: str

    @property
    def lasting(self) -> bool:
        """Whether such a prediction is worth keeping: nobody forces the same patches twice."""
        return self.stamp is not None and not self.sparsity.forced


class PredictionCache:
    """The predictions in one folder, which several windows may share.

    Args:
        folder: it need not exist until something is kept.
        limit: bytes of all files.
    """

    def __init__(self, folder: Path, *, limit: int = MAX_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._digests: dict[tuple[Path, tuple[int, int] | None], str | None] = {}
        self._used = limit  # unknown: the folder is looked at before the first file is written
        self._unseen = 0
        self._complained = False

    def name(self, pixels: NDArray[Any], recipe: Recipe) -> str | None:
        """What ``find`` and ``keep`` know a prediction by: the hash of all that it depends on.

        Args:
            pixels: (H, W) as the worker gets them.
            recipe: the rest of it.

        Returns:
            None where a prediction must not be kept.
        """
        model = self._model_digest(recipe) if recipe.lasting else None
        if model is None:
            return None
        conditions = {
            "program": program_digest(_PROGRAM),
            "model": model,
            "sparsity": asdict(recipe.sparsity),
            "engine": recipe.engine,
            "computes": recipe.computes,
            "type": pixels.dtype.str,
            "shape": pixels.shape,
        }
        digest = hashlib.blake2b(json.dumps(conditions, sort_keys=True).encode(), digest_size=20)
        digest.update(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()

    def find(self, name: str | None) -> Prediction | None:
        """The prediction that was kept under this name, or None."""
        if name is None:
            return None
        path = self._path(name)
        try:
            with open_regular(path) as stream:
                data = stream.read()
        except OSError:
            return None
        prediction = _unpacked(data, name)
        if prediction is None:
            _remove(path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used now
        return prediction

    def keep(self, name: str | None, prediction: Prediction) -> None:
        """Keep a prediction under this name."""
        if name is None or self._complained:
            return
        data = _packed(prediction, name)
        if len(data) > self._limit or self._free() < len(data) + _RESERVE:
            return
        with self._lock:
            self._make_room(len(data))
        try:
            write_bytes(self._path(name), data, lasting=False)
        except StorageError as error:
            self._complain(str(error))

    def clear(self) -> int:
        """Remove all predictions; returns how many bytes went. What could not be written before is tried again."""
        with self._lock:
            self._used, self._complained = self._limit, False
            return sum(size for path, size, _ in self._files() if _remove(path))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{ENDING}"

    def _model_digest(self, recipe: Recipe) -> str | None:
        """Of the content of the model file; None where it is not the one any more that the worker loaded."""
        key = recipe.model, recipe.stamp
        with self._lock:
            if key not in self._digests:
                self._digests[key] = _digest(recipe.model, recipe.stamp)
            return self._digests[key]

    # ---- room -----------------------------------------------------------------------------------------------

    def _make_room(self, size: int) -> None:
        """Remove what was not used for longest until ``size`` more bytes are within the limit."""
        if self._used + size > self._limit or self._unseen * _SLACK > self._limit:
            clean_temporaries(self._folder)
            files = sorted(self._files(), key=lambda file: file[2])
            self._used, self._unseen = sum(file[1] for file in files), 0
            while files and self._used + size > self._limit:
                path, bytes_of_it, _ = files.pop(0)
                _remove(path)
                self._used -= bytes_of_it
        self._used += size
        self._unseen += size

    def _free(self) -> int:
        """Bytes that are free on the disk."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return sys.maxsize  # there is no folder yet

    def _files(self) -> list[tuple[Path, int, int]]:
        """Path, bytes and time of last use of every prediction."""
        files = []
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(ENDING):
                    with contextlib.suppress(OSError):  # another window may have removed it
                        status = entry.stat(follow_symlinks=False)
                        files.append((Path(entry.path), status.st_size, status.st_mtime_ns))
        return files

    def _complain(self, text: str) -> None:
        """Once: the next hundred frames would say the same."""
        if not self._complained:
            self._complained = True
            _log.warning("predictions are not kept on disk until the next start: %s", text)


def _packed(prediction: Prediction, name: str) -> bytes:
    # Level 1: higher ones take several times as long and make a tenth less of it.
    squeeze, parts = zlib.compressobj(1), encoded_parts(Predicted(0, 0, name, prediction))
    head = _HEAD.pack(_MAGIC, sum(map(len, parts)))
    return b"".join((head, *map(squeeze.compress, parts), squeeze.flush()))


def _unpacked(data: bytes, name: str) -> Prediction | None:
    """The prediction in a file, or None where it is not the whole file that was written under this name."""
    if len(data) < _HEAD.size:
        return None
    magic, size = _HEAD.unpack_from(data)
    if magic != _MAGIC or size > MAX_PAYLOAD:
        return None
    try:
        # With its size known it is not put together from pieces, which would hold up the window.
        message = decode(zlib.decompress(memoryview(data)[_HEAD.size :], bufsize=max(size, 1)))
    except (zlib.error, ProtocolError, MemoryError):
        return None
    return message.prediction if isinstance(message, Predicted) and message.frame == name else None


def _digest(path: Path, stamp: tuple[int, int] | None) -> str | None:
    try:
        with open_regular(path) as stream:
            digest = hashlib.sha256(stream.read()).hexdigest()
            status = os.fstat(stream.fileno())
    except (OSError, ValueError) as error:
        _log.warning("predictions of %s are not kept on disk: %s", shown(path), error)
        return None
    return digest if (status.st_size, status.st_mtime_ns) == stamp else None


@functools.cache
def program_digest(folder: Path) -> str:
    """Of all sources below a folder: a copy that is brought up to date may compute otherwise under the same version."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        with contextlib.suppress(OSError):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _remove(path: Path) -> bool:
    """Returns whether it went."""
    try:
        path.unlink()
    except OSError:
        return False
    return True
