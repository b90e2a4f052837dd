"""``metrics.jsonl``: one line a step, appended. The one file of a run that is not written in one go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from adsnet.errors import StorageError
from adsnet.storage.atomic import write_bytes
from adsnet.storage.files import reason, shown

LOG_FILE = "metrics.jsonl"


class MetricsLog:
    """The log of one run, open for appending. A context manager; every method raises StorageError."""

    def __init__(self, path: Path, *, kept: int) -> None:
        """Keep the first ``kept`` lines: the steps after the checkpoint that a run goes on from are done again."""
        self._path = path
        try:
            lines = path.read_bytes().splitlines(keepends=True) if kept and path.exists() else []
            write_bytes(path, b"".join(line for line in lines[:kept] if line.endswith(b"\n")))
            self._stream: BinaryIO = path.open("ab")
        except OSError as error:
            raise self._error(error) from error

    def append(self, values: dict[str, Any]) -> None:
        """One line, handed to the system at once so that a kill loses nothing."""
        try:
            self._stream.write(json.dumps(values, allow_nan=False).encode("ascii") + b"\n")
            self._stream.flush()
        except OSError as error:
            raise self._error(error) from error

    def sync(self) -> None:
        """Put all lines on the disk; called before a checkpoint, which must not be ahead of the log."""
        try:
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._error(error) from error

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()

    def _error(self, error: OSError) -> StorageError:
        return StorageError(
            f"Cannot write {shown(self._path)}: {reason(error)}; free some space or use another folder."
        )
