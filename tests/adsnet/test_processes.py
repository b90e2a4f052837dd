"""Several processes of one ``torchrun`` do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adsnet.config import LossConfig, TrainConfig, to_dict
from tests.adsnet.tiny import quick

ROOT = Path(__file__).resolve().parents[2]


def adsnet(*arguments: object, processes: int = 1) -> str:
    """Run the command line, under ``torchrun`` for more than one process; its output."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    start = [sys.executable, *(launcher if processes > 1 else []), "-m", "adsnet"]
    done = subprocess.run([*start, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    return done.stdout


def trained(out: Path, data: Path, config: TrainConfig, model: Path, processes: int = 1) -> list[dict[str, float]]:
    """The curve of a run."""
    path = out.with_suffix(".json")
    path.write_text(json.dumps(to_dict(config)))
    what = "--data", data, "--out", out, "--config", path, "--init", model
    lines = adsnet("train", *what, "--json-events", processes=processes).splitlines()
    assert sum(json.loads(line)["event"] == "finished" for line in lines) == 1  # one process speaks
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_double_batch(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    """To rounding, where batch normalisation keeps its statistics; otherwise every process has those of its crops."""
    frozen = quick(iterations=4, batch=2, freeze_statistics=True, hard_crops=0.5, loss=LossConfig(found=0.3))
    two = trained(tmp_path / "two", data_set, frozen, model_path, processes=2)
    one = trained(tmp_path / "one", data_set, replace(frozen, batch=4), model_path)
    assert len(one) == len(two) == 4
    for alone, shared in zip(one, two, strict=True):
        assert alone == pytest.approx(shared, rel=2e-4, abs=2e-6)
    assert one[0]["total"] != one[3]["total"] and any(step["found"] for step in one)


@pytest.mark.slow
def test_two_processes_train_and_evaluate_a_rival(data_set: Path, tmp_path: Path) -> None:
    """One model comes of it, whose figures are those that one process finds."""
    config, out = tmp_path / "c.json", tmp_path / "rdian"
    config.write_text(json.dumps(to_dict(quick(iterations=2, optimiser="adamw"))))
    what = "--data", data_set, "--config", config, "--detector", "rdian", "--out", out, "--json-events"
    events = [json.loads(line) for line in adsnet("train", *what, processes=2).splitlines()]
    assert [event["event"] for event in events] == ["notice", "step", "step", "scored", "finished"]
    report, held_out = tmp_path / "e.json", out / "held_out_tiny.txt"
    adsnet("evaluate", "--data", data_set, "--split", held_out, "--model", events[-1]["model"], "--json", report)
    alone = json.loads(report.read_text())
    assert alone["detector"] == "rdian"
    assert {key: events[-2][key] for key in ("images", "iou", "auc")} == {k: alone[k] for k in ("images", "iou", "auc")}


@pytest.mark.slow
def test_two_processes_evaluate_and_predict_as_one(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    summaries: list[dict[str, Any]] = []
    predictions: list[dict[str, Any]] = []
    for processes in (1, 2):
        report, out = tmp_path / f"{processes}.json", tmp_path / f"{processes}"
        adsnet("evaluate", "--data", data_set, "--model", model_path, "--json", report, processes=processes)
        same = "--precision", "fp32", "--engine", "gather"
        adsnet("predict", data_set, "--model", model_path, "--out", out, *same, processes=processes)
        summaries.append(json.loads(report.read_text()))
        predictions.append(json.loads((out / "predictions.json").read_text()))
    for values in (*summaries, *predictions[0]["frames"], *predictions[1]["frames"]):
        values.pop("seconds_per_image", None)
        values.pop("seconds", None)
    assert summaries[0] == summaries[1] and summaries[0]["images"] == 10  # to the last digit
    assert len(predictions[0]["frames"]) == 10
    for first, second in zip(predictions[0]["frames"], predictions[1]["frames"], strict=True):
        for a, b in zip(first.pop("targets"), second.pop("targets"), strict=True):  # a larger batch rounds otherwise
            assert a["score"] == pytest.approx(b.pop("score"), abs=1e-5) and {**a, "score": 0} == {**b, "score": 0}
        assert first == second
    masks = [sorted((tmp_path / f"{n}" / "masks").iterdir()) for n in (1, 2)]
    assert [(p.name, p.read_bytes()) for p in masks[0]] == [(p.name, p.read_bytes()) for p in masks[1]]


@pytest.mark.parametrize("several", [False, True])
def test_one_of_several_processes_ends_without_the_end_of_the_interpreter(several: bool) -> None:
    """What it printed is there, and its status."""
    code = "import atexit; from adsnet.processes import leave; atexit.register(print, 'end'); print('done'); leave(3)"
    environment = {**os.environ, **({"WORLD_SIZE": "2"} if several else {})}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (3, ["done"] if several else ["done", "end"])
