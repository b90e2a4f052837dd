"""Checkpoints and the log beside them."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from adsnet.errors import StorageError
from adsnet.training.checkpoint import has_checkpoint, load_checkpoint, remove_checkpoints, save_checkpoint
from adsnet.training.log import MetricsLog


def state(value: float) -> dict[str, Any]:
    return {"network": {"w": torch.full((3, 2), value)}, "config": "{}"}


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def loaded(folder: Path) -> tuple[int, list[str]]:
    """Iteration of the checkpoint that is taken (-1: none) and what was passed over."""
    skipped: list[str] = []
    got = load_checkpoint(folder, skipped.append)
    return (-1 if got is None else int(got["iteration"])), skipped


def test_the_newest_two_are_kept_and_the_newest_is_loaded(tmp_path: Path) -> None:
    assert not has_checkpoint(tmp_path) and loaded(tmp_path) == (-1, [])
    for iteration in (50, 100, 1000):
        save_checkpoint(tmp_path, iteration, state(float(iteration)))
    assert names(tmp_path) == ["checkpoint-0000100.pt", "checkpoint-0001000.pt"] and has_checkpoint(tmp_path)
    got = load_checkpoint(tmp_path, pytest.fail)
    assert got is not None and got["iteration"] == 1000 and got["network"]["w"].tolist() == [[1000.0] * 2] * 3
    remove_checkpoints(tmp_path)
    assert names(tmp_path) == [] and not has_checkpoint(tmp_path)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "short", "folder"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    save_checkpoint(tmp_path, 1, state(1.0))
    newest = save_checkpoint(tmp_path, 2, state(2.0))
    data = newest.read_bytes()
    if damage == "folder":
        newest.unlink()
        newest.mkdir()
    else:
        place = len(data) // 2
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        newest.write_bytes({"flip": flipped, "cut": data[:-1], "empty": b"", "short": data[:32]}[damage])
    iteration, skipped = loaded(tmp_path)
    assert iteration == 1 and skipped == [f"{newest}: the checkpoint is damaged and is passed over"]


def test_two_damaged_checkpoints_are_none(tmp_path: Path) -> None:
    for iteration in (1, 2):
        save_checkpoint(tmp_path, iteration, state(1.0)).write_bytes(b"x" * 100)
    iteration, skipped = loaded(tmp_path)
    assert iteration == -1 and len(skipped) == 2


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save({"iteration": 1, "f": os.system}, stream)
    data = stream.getvalue()
    (tmp_path / "checkpoint-0000001.pt").write_bytes(hashlib.sha256(data).digest() + data)
    assert loaded(tmp_path)[0] == -1


def test_a_full_disk_keeps_the_checkpoints_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 1, state(1.0))
    save_checkpoint(tmp_path, 2, state(2.0))

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        save_checkpoint(tmp_path, 3, state(3.0))
    assert names(tmp_path) == ["checkpoint-0000001.pt", "checkpoint-0000002.pt"] and loaded(tmp_path) == (2, [])


def test_a_checkpoint_that_cannot_be_removed_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-0000000.pt").mkdir()
    for iteration in (1, 2):
        save_checkpoint(tmp_path, iteration, state(1.0))
    assert loaded(tmp_path) == (2, [])
    remove_checkpoints(tmp_path)
    assert names(tmp_path) == ["checkpoint-0000000.pt"]


def test_the_log_begins_anew_or_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("left over\n")
    with MetricsLog(path, kept=0) as log:
        for i in (1, 2, 3):
            log.append({"iteration": i, "loss": 0.5})
            assert path.read_text().endswith(f'{{"iteration": {i}, "loss": 0.5}}\n')  # at once
        log.sync()
    path.write_bytes(path.read_bytes() + b'{"iteration": 4, "lo')  # killed while writing
    with MetricsLog(path, kept=2) as log:
        log.append({"iteration": 3})
    assert path.read_text() == '{"iteration": 1, "loss": 0.5}\n{"iteration": 2, "loss": 0.5}\n{"iteration": 3}\n'
    path.write_bytes(b'{"iteration": 1}\n{"iter')
    with MetricsLog(path, kept=5) as log:
        log.append({"iteration": 6})
    assert path.read_text() == '{"iteration": 1}\n{"iteration": 6}\n'


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="it is a folder"):
        MetricsLog(tmp_path / "folder", kept=0)
    with pytest.raises(StorageError, match="it is a folder"):
        MetricsLog(tmp_path / "folder", kept=3)
    if os.path.exists("/dev/full"):
        with MetricsLog(tmp_path / "metrics.jsonl", kept=0) as log:
            log._stream.close()
            log._stream = open("/dev/full", "wb", buffering=0)
            with pytest.raises(StorageError, match="the disk is full; free some space"):
                log.append({"iteration": 1})
