"""Event files for TensorBoard: all curves are in them, and trouble with them costs nothing but them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from adsnet.training.board import FOLDER, Board
from adsnet.training.log import RunLog


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_all_curves_are_there(tmp_path: Path) -> None:
    log = RunLog(tmp_path, kept=0)
    log.append(1, {"total": 2.0}, 10.0, 0.25)
    log.append(2, {"total": 1.5}, 12.0, 0.0)
    log.close()
    assert curves(tmp_path / FOLDER) == {
        "total": [(1, 2.0), (2, 1.5)],
        "images_per_second": [(1, 10.0), (2, 12.0)],
        "waiting": [(1, 0.25), (2, 0.0)],
    }
    assert (tmp_path / "metrics.jsonl").read_text().splitlines() == [
        '{"iteration": 1, "total": 2.0}', '{"iteration": 2, "total": 1.5}',
    ]  # fmt: skip


def test_steps_that_are_done_again_are_shown_once(tmp_path: Path) -> None:
    for first, value in ((1, 9.0), (2, 1.0)):  # killed after step 3, resumed after step 1
        time.sleep(1.1)  # event files are told apart, and ordered, by the second they were begun in
        curve = Board(tmp_path, first)
        for step in range(first, 4):
            curve.add(step, {"total": value})
        curve.close()
    assert curves(tmp_path / FOLDER)["total"] == [(1, 9.0), (2, 1.0), (3, 1.0)]


def test_without_the_package_there_are_no_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    curve = Board(tmp_path, 1)
    curve.add(1, {"total": 1.0})
    curve.close()
    assert not (tmp_path / FOLDER).exists() and curve.trouble is None


def test_a_folder_that_cannot_be_written_ends_the_curves_only(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    curve = Board(tmp_path, 1)
    curve.add(1, {"total": 1.0})
    curve.close()
    assert curve.trouble is not None
