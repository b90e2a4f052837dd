"""Rival networks are trained, resumed, stored and judged as ADSNet is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adsnet import resources
from adsnet.cli import main
from adsnet.config import RIVAL_NAMES, TrainConfig, to_dict
from adsnet.data.datasets import open_dataset
from adsnet.detectors.networks import RIVALS
from adsnet.errors import ModelFileError, TrainingError
from adsnet.evaluation import evaluate
from adsnet.learned import predict_frames
from adsnet.model.weights import load_any, load_network, save_network
from adsnet.model_file import ModelCard, read_card, read_model, shipped_model
from adsnet.training.run import Event, Finished, Scored, Step, TrainJob, run
from tests.adsnet.tiny import TINY, quick

Capture = pytest.CaptureFixture[str]


def training(name: str, iterations: int = 4) -> TrainConfig:
    return quick(detector=name, iterations=iterations, optimiser="adamw", ema=0.5)


def train(job: TrainJob, should_stop: Callable[[], bool] = lambda: False) -> list[Event]:
    return list(run(job, should_stop))


@pytest.fixture(scope="module")
def rdian_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of an untrained RDIAN."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("rival") / "small.safetensors"
    save_network(path, RIVALS["rdian"].make(), ModelCard("small", "rdian"))
    return path


@pytest.mark.parametrize("name", RIVAL_NAMES)
def test_a_rival_is_trained_and_its_file_says_what_it_holds(name: str, data_set: Path, tmp_path: Path) -> None:
    events = train(TrainJob(((data_set, None),), tmp_path / "run", training(name, 2)))
    steps = [event for event in events if isinstance(event, Step)]
    assert [list(step.losses) for step in steps] == [["segmentation", "soft_iou", "total", "learning_rate"]] * 2
    end = events[-1]
    assert isinstance(end, Finished) and not end.stopped
    card = read_card(end.model)
    assert (card.detector, card.name, card.training["config"]["detector"]) == (name, "run", name)
    network, _ = load_any(end.model)
    assert type(network) is RIVALS[name].make and not network.training
    scored = next(event for event in events if isinstance(event, Scored))
    assert scored.report.summary["detector"] == name and scored.report.summary["kept"] == {}
    report = evaluate(open_dataset(data_set).subset([2, 7]), predict_frames(*load_any(end.model)))
    assert report.summary["auc"] == scored.report.summary["auc"] == card.metrics["tiny"]["auc"]
    with pytest.raises(ModelFileError, match=f"made for the detector '{name}', not for ADSNet"):
        load_network(end.model)


@pytest.mark.parametrize("name", ["alcnet", "rdian"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(name: str, data_set: Path, tmp_path: Path) -> None:
    """Dropout too draws what it would have drawn."""
    job = TrainJob(((data_set, None),), tmp_path / "a" / "run", training(name))
    train(job)
    steps = iter([False, False, True])
    stopped = replace(job, out=tmp_path / "b" / "run")
    assert train(stopped, lambda: next(steps))[-1] == Finished(stopped.out / "model.safetensors", 3, stopped=True)
    torch.manual_seed(99)  # what another process would draw
    train(replace(stopped, resume=True))
    a, b = (read_model(tmp_path / run / "run" / "model.safetensors")[0] for run in "ab")
    assert a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
    logs = [(tmp_path / run / "run" / "metrics.jsonl").read_bytes() for run in "ab"]
    assert logs[0] == logs[1]


def test_another_detector_is_another_run(data_set: Path, tmp_path: Path) -> None:
    job = TrainJob(((data_set, None),), tmp_path / "run", training("rdian"))
    steps = iter([True])
    train(job, lambda: next(steps))
    with pytest.raises(TrainingError, match="another configuration"):
        train(replace(job, config=training("adsnet"), resume=True))


def test_a_rival_is_trained_further(rdian_path: Path, data_set: Path, tmp_path: Path, capsys: Capture) -> None:
    """The network is that of --init, whatever the configuration says."""
    config = tmp_path / "c.json"
    config.write_text(json.dumps({**to_dict(training("adsnet", 2)), "model": to_dict(TINY)}))
    common = ["train", "--data", str(data_set), "--config", str(config), "--init", str(rdian_path)]
    assert main([*common, "--out", str(tmp_path / "run")]) == 0
    assert read_card(tmp_path / "run" / "model.safetensors").detector == "rdian"
    assert "current on the held-out frames of tiny" in capsys.readouterr().out
    assert main([*common, "--out", str(tmp_path / "other"), "--detector", "dnanet"]) == 2
    assert capsys.readouterr().err.strip() == (
        f"adsnet: error: {rdian_path}: made for the detector 'rdian', not for dnanet; choose another file"
    )


def test_a_model_alone_says_which_detector_runs(
    rdian_path: Path, data_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    figures = []
    for which in (["--detector", "rdian"], []):
        arguments = ["--data", str(data_set), "--model", str(rdian_path), *which, "--json", str(tmp_path / "e.json")]
        assert main(["evaluate", *arguments]) == 0
        figures.append(json.loads((tmp_path / "e.json").read_text()))
    assert figures[0]["detector"] == figures[1]["detector"] == "rdian" and figures[0]["auc"] == figures[1]["auc"]
    assert (figures[0]["model"], figures[0]["engine"], figures[0]["images"]) == ("small", "torch", 10)
    assert main(["predict", str(data_set), "--model", str(rdian_path), "--out", str(tmp_path / "p")]) == 0
    record = json.loads((tmp_path / "p" / "predictions.json").read_text())
    assert record["model"] == "small" and len(record["frames"]) == 10 == len(list((tmp_path / "p" / "masks").iterdir()))
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--detector", "dnanet", "--model", "{model}"], "made for the detector 'rdian', not for dnanet"),
        (["--detector", "adsnet", "--model", "{model}"], "made for the detector 'rdian', not for ADSNet"),
        (["--detector", "rdian", "--model", "{adsnet}"], "made for the detector 'adsnet', not for rdian"),
        (["--model", "{model}", "--drop", "0.1", "0.2"], "rdian drops no patches; leave out --drop"),
        (["--model", "{model}", "--engine", "gather"], "rdian has no sparse engine; leave out --engine"),
        (["--detector", "yolo"], "the detectors are: adsnet, alcnet, dnanet, rdian, tophat, lef, aadcdd, tllcm"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    arguments: list[str], text: str, rdian_path: Path, model_path: Path, data_set: Path, capsys: Capture
) -> None:
    made = [a.format(model=rdian_path, adsnet=model_path) for a in arguments]
    assert main(["evaluate", "--data", str(data_set), *made]) == 2
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1


def test_a_rival_without_a_shipped_model_says_how_to_train_one(
    data_set: Path, rdian_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(resources, "path_of", lambda name: tmp_path)
    assert main(["evaluate", "--data", str(data_set), "--detector", "rdian"]) == 2
    assert "no shipped model of rdian; train one with 'adsnet train --detector rdian" in capsys.readouterr().err
    assert main(["info"]) == 0
    assert "rdian  network; no shipped model, train one with" in capsys.readouterr().out
    (tmp_path / "rdian.safetensors").write_bytes(rdian_path.read_bytes())
    assert shipped_model("rdian") == tmp_path / "rdian.safetensors"
    assert main(["evaluate", "--data", str(data_set), "--detector", "rdian"]) == 0
    assert main(["info", "--json"]) == 0
    listed = {one["detector"]: one for one in json.loads(capsys.readouterr().out.partition("[")[2].join(["[", ""]))}
    assert list(listed) == ["adsnet", "alcnet", "dnanet", "rdian", "tophat", "lef", "aadcdd", "tllcm"]
    assert listed["rdian"] == {"detector": "rdian", "kind": "network", "model": "small", "parameters": 216_558}


def test_a_file_of_an_unknown_detector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_network(path, RIVALS["rdian"].make(), ModelCard("x", "rdian"))
    data = path.read_bytes()
    path.write_bytes(data.replace(b'\\"rdian\\"', b'\\"rdiax\\"'))
    with pytest.raises(ModelFileError, match="made for the detector 'rdiax', which this version does not know"):
        read_card(path)
