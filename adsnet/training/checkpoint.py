"""Checkpoints for resuming: a SHA-256 in front of torch's own format, two generations, written atomically.

torch.load notices neither a flipped bit in a tensor nor says in a readable way that a file is cut off; the digest does
both before torch sees a byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from adsnet.storage.atomic import write_bytes

KEPT = 2
_PATTERN = "checkpoint-*.pt"


def save_checkpoint(folder: Path, iteration: int, state: dict[str, Any]) -> Path:
    """Write ``checkpoint-<iteration>.pt`` and remove all but the newest two. Raises StorageError."""
    stream = io.BytesIO()
    torch.save({"iteration": iteration, **state}, stream)
    data = stream.getvalue()
    path = folder / f"checkpoint-{iteration:07d}.pt"
    write_bytes(path, hashlib.sha256(data).digest() + data)
    for old in _checkpoints(folder)[:-KEPT]:
        _remove(old)
    return path


def has_checkpoint(folder: Path) -> bool:
    """Whether there is any, whole or not."""
    return bool(_checkpoints(folder))


def load_checkpoint(folder: Path, skipped: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, or None. ``skipped`` is told one sentence for each that is not."""
    for path in reversed(_checkpoints(folder)):
        with contextlib.suppress(OSError, RuntimeError, ValueError, pickle.UnpicklingError):
            data = path.read_bytes()
            if len(data) > 32 and hashlib.sha256(data[32:]).digest() == data[:32]:
                return dict(torch.load(io.BytesIO(data[32:]), weights_only=True, map_location="cpu"))
        skipped(f"{path}: the checkpoint is damaged and is passed over")
    return None


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints of a finished run."""
    for path in _checkpoints(folder):
        _remove(path)


def _checkpoints(folder: Path) -> list[Path]:
    """From the oldest to the newest."""
    return sorted(folder.glob(_PATTERN)) if os.path.isdir(folder) else []


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # a leftover costs space, not correctness
        path.unlink()
