"""The curves of a run: ``metrics.jsonl``, one line a step, and event files for TensorBoard.

``metrics.jsonl`` is appended to, the one file of a run that is not written in one go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from adsnet.errors import StorageError
from adsnet.storage.atomic import write_bytes
from adsnet.storage.files import reason, shown
from adsnet.training.board import Board

LOG_FILE = "metrics.jsonl"


class RunLog:
    """All curves of one run; every method raises StorageError."""

    def __init__(self, out: Path, *, kept: int) -> None:
        """``kept``: steps behind the run when it goes on."""
        self._metrics = MetricsLog(out / LOG_FILE, kept=kept)
        self._board = Board(out, kept + 1)

    def append(self, iteration: int, losses: Mapping[str, float], images_per_second: float, waiting: float) -> None:
        """One step. How fast it was is no part of ``metrics.jsonl``, which is the same for the same run."""
        self._metrics.append({"iteration": iteration, **losses})
        self._board.add(iteration, {**losses, "images_per_second": images_per_second, "waiting": waiting})

    def sync(self) -> None:
        """Put all steps on the disk; called before a checkpoint, which must not be ahead of the log."""
        self._metrics.sync()

    def close(self) -> None:
        """Close the files."""
        self._metrics.close()
        self._board.close()


class NoLog:
    """The log of the processes that write nothing."""

    def append(self, iteration: int, losses: Mapping[str, float], images_per_second: float, waiting: float) -> None:
        """Nothing."""

    def sync(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


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

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _error(self, error: OSError) -> StorageError:
        return StorageError(
            f"Cannot write {shown(self._path)}: {reason(error)}; free some space or use another folder."
        )
