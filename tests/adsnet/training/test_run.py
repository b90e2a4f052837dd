"""Whole training runs: they learn, they stop, and they go on as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adsnet.config import LossConfig, ModelConfig, Normalisation, Sparsity, TrainConfig, to_dict
from adsnet.data.datasets import open_dataset
from adsnet.errors import ModelFileError, StorageError, TrainingError
from adsnet.evaluation import evaluate
from adsnet.model.weights import load_network, save_network
from adsnet.model_file import read_card, read_model
from adsnet.predictor import Predictor
from adsnet.training import run as module
from adsnet.training import trained, trainer
from adsnet.training.checkpoint import load_checkpoint, save_checkpoint
from adsnet.training.crops import CropSource
from adsnet.training.losses import total_loss
from adsnet.training.run import Event, Finished, Notice, Scored, Step, TrainJob, run
from tests.adsnet.tiny import TINY, lively_network, quick, tiny_card, write_set

FIVE = quick(iterations=5, optimiser="muon")


@pytest.fixture(scope="module", autouse=True)
def fast_disk() -> Iterator[None]:
    """A kill loses nothing that the system was given; waiting for the disk would take most of the time here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        yield


def job_of(data: Path, out: Path, config: TrainConfig = FIVE, **fields: Any) -> TrainJob:
    return TrainJob(((data, None),), out, config, **fields)


def train(job: TrainJob, should_stop: Callable[[], bool] = lambda: False) -> list[Event]:
    return list(run(job, should_stop))


def losses(events: list[Event]) -> list[float]:
    return [e.losses["total"] for e in events if isinstance(e, Step)]


def snapshot(source: Path, target: Path) -> None:
    """What a kill would leave. Links where files are replaced as a whole, a copy of those that are appended to."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name == "metrics.jsonl":
            shutil.copy(path, target)
        elif path.is_dir():
            shutil.copytree(path, target / path.name)
        else:
            os.link(path, target / path.name)


@pytest.fixture(scope="module")
def uninterrupted(data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[Event, Path]]]:
    """The folder of a whole run, and its events with what was on disk at each."""
    root = tmp_path_factory.mktemp("runs")
    moments = []
    for number, event in enumerate(run(job_of(data_set, root / "whole"))):
        snapshot(root / "whole", root / f"moment{number}")
        moments.append((event, root / f"moment{number}"))
    return root / "whole", moments


def same_weights(a: Path, b: Path) -> bool:
    first, second = read_model(a)[0], read_model(b)[0]
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_a_run_tells_its_steps_its_scores_and_its_end(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]],
) -> None:
    folder, moments = uninterrupted
    events = [event for event, _ in moments]
    assert [type(e) for e in events] == [Notice, *[Step] * 5, Scored, Finished]
    steps = [e for e in events if isinstance(e, Step)]
    assert [(s.iteration, s.iterations) for s in steps] == [(i, 5) for i in range(1, 6)]
    assert steps[-1].seconds_left == 0 and all(s.seconds_left > 0 for s in steps[:-1])
    assert all(s.images_per_second > 0 and 0 <= s.waiting < 1 for s in steps)
    assert events[-1] == Finished(folder / "model.safetensors", 5, stopped=False)
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json", "held_out_tiny.txt", "metrics.jsonl", "model.safetensors", "tensorboard",
    ]  # fmt: skip
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [{k: v for k, v in line.items() if k not in ("iteration",)} for line in log] == [s.losses for s in steps]
    card = read_card(folder / "model.safetensors")
    scored = next(e for e in events if isinstance(e, Scored))
    assert card.metrics == {"tiny": scored.report.summary} and scored.which == "candidate"
    assert card.training["data"] == {"tiny": 8} and card.training["iterations"] == 5
    assert {f["frame"] for f in scored.report.frames} == {"f02", "f07"}  # never trained on


def test_the_scores_in_the_model_are_those_of_the_model(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path
) -> None:
    path = uninterrupted[0] / "model.safetensors"
    predictor = Predictor.from_file(path)
    held_out = open_dataset(data_set).subset([2, 7])
    report = evaluate(held_out, lambda pixels: predictor.predict(pixels, Sparsity()))
    written = read_card(path).metrics["tiny"]
    assert 0 < written["auc"] < 1
    assert {k: v for k, v in report.summary.items() if "seconds" not in k} == {
        k: v for k, v in written.items() if "seconds" not in k
    }


@pytest.mark.parametrize("killed_after", [1, 3, 6])
def test_a_run_killed_at_any_moment_goes_on_as_if_it_had_not_been(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path, killed_after: int
) -> None:
    whole, moments = uninterrupted
    out = tmp_path / "whole"  # the model takes its name from the folder
    snapshot(moments[killed_after][1], out)
    (out / ".adsnet-999999999-0123456789abcdef.tmp").write_bytes(b"half a checkpoint")
    if (out / "metrics.jsonl").exists():
        with (out / "metrics.jsonl").open("ab") as log:
            log.write(b'{"iterat')
    events = train(job_of(data_set, out, resume=True))
    assert isinstance(events[-1], Finished) and not events[-1].stopped
    assert (out / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert same_weights(out / "model.safetensors", whole / "model.safetensors")
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in whole.iterdir())
    done = [e.iteration for e in events if isinstance(e, Step)]
    assert done == list(range({1: 1, 3: 3, 6: 6}[killed_after], 6))


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_in_a_child_at_a_random_moment(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path, attempt: int
) -> None:
    whole, _ = uninterrupted
    out, config = tmp_path / "whole", tmp_path / "config.json"
    config.write_text(json.dumps(to_dict(FIVE)))
    root = Path(__file__).resolve().parents[3]
    arguments = ["train", "--data", data_set, "--out", out, "--config", config, "--json-events"]
    process = subprocess.Popen(
        [sys.executable, "-m", "adsnet", *map(str, arguments)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    steps, delay = random.SystemRandom().randrange(1, 6), random.SystemRandom().random() * 0.2
    for line in process.stdout:
        if json.loads(line).get("iteration") == steps:
            break
    time.sleep(delay)
    process.kill()
    process.stdout.close()
    assert process.wait(60) in (-9, 0, 1)
    events = train(job_of(data_set, out, resume=True))
    where = f"killed {delay:.3f} s after step {steps}"
    assert isinstance(events[-1], Finished), where
    assert (out / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes(), where
    assert same_weights(out / "model.safetensors", whole / "model.safetensors"), where


@pytest.mark.parametrize("damage", ["a flipped bit", "the end is missing", "empty"])
def test_a_damaged_checkpoint_costs_a_few_steps_only(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path, damage: str
) -> None:
    whole, moments = uninterrupted
    out = tmp_path / "whole"
    snapshot(moments[5][1], out)  # after step 5: checkpoints of steps 2 and 4
    newest = out / "checkpoint-0000004.pt"
    data = bytearray(newest.read_bytes())
    if damage == "a flipped bit":
        data[len(data) // 2] ^= 1
    else:
        del data[len(data) // 3 if damage == "the end is missing" else 0 :]
    newest.unlink()
    newest.write_bytes(data)
    events = train(job_of(data_set, out, resume=True))
    assert isinstance(events[0], Notice) and "checkpoint-0000004.pt: the checkpoint is damaged" in events[0].text
    assert [e.iteration for e in events if isinstance(e, Step)] == [3, 4, 5]
    assert (out / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


def test_a_finished_run_is_finished(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path
) -> None:
    out = tmp_path / "whole"
    snapshot(uninterrupted[0], out)
    assert train(job_of(data_set, out, resume=True)) == [Finished(out / "model.safetensors", 5, stopped=False)]
    with pytest.raises(TrainingError, match="holds a model but no checkpoint to go on from"):
        train(job_of(data_set, out, replace(FIVE, iterations=9), resume=True))
    with pytest.raises(TrainingError, match="holds a run already; go on with it by --resume"):
        train(job_of(data_set, out))
    fewer = tmp_path / "fewer"
    shutil.copytree(data_set, fewer)
    (fewer / "images" / "f00.png").unlink()
    for other in (job_of(fewer, out, resume=True), job_of(data_set, out, replace(FIVE, seed=9), resume=True)):
        with pytest.raises(TrainingError, match="a run with other data, another configuration or another --init"):
            train(other)
    assert same_weights(out / "model.safetensors", uninterrupted[0] / "model.safetensors")


def test_held_out_frames_of_one_name_are_written_as_a_manifest(tmp_path: Path) -> None:
    entries = []
    for folder in ("first", "second"):
        root = write_set(tmp_path / folder, count=3)
        entries += [{"path": f"{folder}/images/f{i:02d}.png", "mask": f"{folder}/masks/f{i:02d}.png"} for i in range(3)]
        assert root.is_dir()
    manifest = {"format": "adsnet-frames-1", "name": "both", "frames": entries}
    (tmp_path / "both.json").write_text(json.dumps(manifest))
    out = tmp_path / "out"
    train(TrainJob(((tmp_path / "both.json", None),), out, replace(FIVE, iterations=1, held_out=2)))
    held = open_dataset(out / "held_out_both.json")
    assert [s.frame.path for s in held.samples] == [tmp_path / entries[i]["path"] for i in (1, 3, 5)]
    assert [s.mask for s in held.samples] == [tmp_path / entries[i]["mask"] for i in (1, 3, 5)]
    assert not list(out.glob("*.txt"))


def test_two_runs_are_never_mixed(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    snapshot(uninterrupted[1][4][1], out)  # unfinished
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    with pytest.raises(TrainingError, match="holds a run already"):
        train(job_of(data_set, out))
    with pytest.raises(TrainingError, match="made with another configuration"):
        train(job_of(data_set, out, replace(FIVE, learning_rate=1e-4), resume=True))
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before


def test_a_checkpoint_of_a_version_that_had_fewer_options_is_not_gone_on_with(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path
) -> None:
    """What the option is by default could change the rest of the run."""
    out = tmp_path / "run"
    snapshot(uninterrupted[1][4][1], out)
    state = load_checkpoint(out, lambda text: None)
    assert state is not None
    config = json.loads(state["config"])
    del config["pasted_crops"]
    save_checkpoint(out, int(state.pop("iteration")), {**state, "config": json.dumps(config)})
    with pytest.raises(TrainingError, match="made with another configuration"):
        train(job_of(data_set, out, resume=True))


def test_stop_finishes_the_step_and_leaves_a_usable_model(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path
) -> None:
    out, asked = tmp_path / "whole", []

    def third_time() -> bool:
        asked.append(1)
        return len(asked) == 3

    events = train(job_of(data_set, out), third_time)
    assert events[-1] == Finished(out / "model.safetensors", 3, stopped=True)
    assert isinstance(events[-2], Scored) and len(losses(events)) == 3
    network, card = load_network(out / "model.safetensors")
    assert card.training["iterations"] == 3 and card.metrics["tiny"]["images"] == 2 and not network.training
    state = load_checkpoint(out, pytest.fail)
    assert state is not None and state["iteration"] == 3
    name = "backbone.stem.0.weight"  # the model is the average of the weights
    assert torch.equal(network.state_dict()[name], state["average"][name].half().float())
    assert not torch.equal(state["average"][name], state["network"][name])
    train(job_of(data_set, out, resume=True))
    assert (out / "metrics.jsonl").read_bytes() == (uninterrupted[0] / "metrics.jsonl").read_bytes()
    assert same_weights(out / "model.safetensors", uninterrupted[0] / "model.safetensors")


def test_a_run_does_not_go_on_with_other_frames(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", count=6)
    train(job_of(data, tmp_path / "out"), lambda: True)
    before = (tmp_path / "out" / "held_out_set.txt").read_text()
    for folder in ("images", "masks"):
        shutil.copy(data / folder / "f00.png", data / folder / "a.png")  # now other frames would be held out
    with pytest.raises(TrainingError, match="the data or --init changed"):
        train(job_of(data, tmp_path / "out", resume=True))
    assert (tmp_path / "out" / "held_out_set.txt").read_text() == before


def test_backgrounds_are_trained_on_and_scored(data_set: Path, tmp_path: Path) -> None:
    calm = tmp_path / "calm"
    calm.mkdir()
    for number in range(5):
        shutil.copy(data_set / "images" / f"f0{number}.png", calm)
    events = train(job_of(data_set, tmp_path / "run", quick(iterations=2), backgrounds=(calm,)))
    assert isinstance(events[0], Notice) and events[0].text == "training on 12 frames, 3 held out"
    scored = {e.dataset: e.report for e in events if isinstance(e, Scored)}
    assert list(scored) == ["tiny", "calm"] and scored["calm"].summary["targets"] == 0
    assert [f["frame"] for f in scored["calm"].frames] == ["f02"]
    card = read_card(tmp_path / "run" / "model.safetensors")
    assert card.training["data"] == {"tiny": 8, "calm": 4} and set(card.metrics) == {"tiny", "calm"}
    with pytest.raises(TrainingError, match="calm: training needs at least 2 frames"):
        for path in sorted(calm.iterdir())[1:]:
            path.unlink()
        train(job_of(data_set, tmp_path / "other", backgrounds=(calm,)))


@pytest.mark.parametrize("engine", ["dense", "gather"])
def test_both_engines_train_the_fine_stages(data_set: Path, tmp_path: Path, engine: str) -> None:
    events = train(job_of(data_set, tmp_path / "run", quick(iterations=3, fine_engine=engine)))
    assert isinstance(events[-1], Finished)
    after = read_model(events[-1].model)[0]
    assert float(np.abs(after["head.refine_full.1.1.running_mean"]).max()) > 0


def test_stop_at_the_last_step_is_done(data_set: Path, tmp_path: Path) -> None:
    events = train(job_of(data_set, tmp_path / "run", quick(iterations=1)), lambda: True)
    assert events[-1] == Finished(tmp_path / "run" / "model.safetensors", 1, stopped=False)


def test_a_tiny_network_learns_a_tiny_set(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", count=4)
    config = quick(
        model=ModelConfig(width=12, cascade_widths=(8, 8)),
        loss=LossConfig(ratio=0.0),
        optimiser="adamw", iterations=60, batch=4, learning_rate=4e-3, ema=0.5, checkpoint_every=1000, target_crops=1.0,
    )  # fmt: skip
    totals = losses(train(job_of(data, tmp_path / "run", config)))
    assert np.mean(totals[-5:]) < 0.6 * np.mean(totals[:5])


def test_a_plain_average_has_its_own_statistics_and_survives_an_interruption(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adsnet.training.trainer.STATISTICS_BATCHES", 20)
    config = quick(iterations=6, schedule="constant", average_from=0.5, checkpoint_every=1, evaluate_every=2)
    whole = train(job_of(data_set, tmp_path / "whole", config))
    asked = iter([False] * 4 + [True])
    train(job_of(data_set, tmp_path / "cut", config), lambda: next(asked))
    resumed = train(job_of(data_set, tmp_path / "cut", config, resume=True))
    assert losses(resumed) == losses(whole)[5:]
    assert same_weights(tmp_path / "whole" / "model.safetensors", tmp_path / "cut" / "model.safetensors")
    train(job_of(data_set, tmp_path / "last", replace(config, average_from=1.0)))
    plain, last = (read_model(tmp_path / name / "model.safetensors")[0] for name in ("whole", "last"))
    for name in ("backbone.stem.0.weight", "backbone.stem.1.running_mean"):
        assert not np.array_equal(plain[name], last[name])


def test_the_statistics_of_a_plain_average_are_not_of_hard_crops(
    data_set: Path, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what the network meets in frames, not where it is wrong in them."""
    asked: list[bool] = []
    draw = CropSource.crop

    def crop(self: CropSource, number: int, *, hard: bool = True) -> Any:
        asked.append(hard)
        return draw(self, number, hard=hard)

    monkeypatch.setattr(CropSource, "crop", crop)
    monkeypatch.setattr("adsnet.training.trainer.STATISTICS_BATCHES", 3)
    config = quick(iterations=4, schedule="constant", average_from=0.5, hard_crops=0.5)
    train(job_of(data_set, tmp_path / "run", config, init=model_path))
    assert asked == [True] * 4 * config.batch + [False] * 3 * config.batch


def test_fine_tuning_keeps_network_input_and_statistics(data_set: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_network(start, lively_network(), tiny_card(normalisation=Normalisation("fixed", 90.0, 20.0)))
    config = quick(model=ModelConfig(), iterations=2, freeze_statistics=True, ema=0.0)
    events = train(job_of(data_set, tmp_path / "run", config, init=start))
    scored = [e for e in events if isinstance(e, Scored)]
    assert [e.which for e in scored] == ["current", "candidate"] and scored[0].report.summary["model"] == "tiny"
    arrays, card = read_model(tmp_path / "run" / "model.safetensors")
    assert card.model == TINY and card.normalisation == Normalisation("fixed", 90.0, 20.0)
    assert card.training["init"] == "start"
    before, _ = read_model(start)
    for name, array in before.items():
        same = np.array_equal(arrays[name], array)
        assert same if name.endswith(("running_mean", "running_var", "num_batches_tracked")) else True
    assert not np.array_equal(arrays["backbone.stem.0.weight"], before["backbone.stem.0.weight"])


def test_training_further_goes_where_the_model_is_wrong(
    data_set: Path, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistakes are kept in the checkpoint, so that a resumed run has the uninterrupted curve."""
    hard = quick(iterations=4, checkpoint_every=1, hard_crops=0.5)
    whole = train(job_of(data_set, tmp_path / "whole", hard, init=model_path))
    assert any("looking for the mistakes of the model" in e.text for e in whole if isinstance(e, Notice))
    plain = train(job_of(data_set, tmp_path / "plain", replace(hard, hard_crops=0.0), init=model_path))
    assert losses(whole) != losses(plain)
    with pytest.raises(TrainingError, match="trained further; name it with --init"):
        train(job_of(data_set, tmp_path / "none", hard))
    assert not (tmp_path / "none").exists()
    job, asked = job_of(data_set, tmp_path / "parts", hard, init=model_path), iter(range(1000))
    first = train(job, lambda: next(asked) >= len(open_dataset(data_set).samples))  # not while it looks
    monkeypatch.setattr(module, "find_mistakes", None)
    assert losses(first) + losses(train(replace(job, resume=True))) == losses(whole)


def test_a_blend_lies_between_the_start_and_what_was_learned(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    """Running statistics too; the curve is the same, as only what is saved changes."""
    learned = quick(iterations=3, ema=0.0)
    runs = {share: replace(learned, blend=share) for share in (1.0, 0.25)}
    curves = [losses(train(job_of(data_set, tmp_path / f"{s}", c, init=model_path))) for s, c in runs.items()]
    assert curves[0] == curves[1]
    before, after, mixed = (
        read_model(path)[0]
        for path in (model_path, tmp_path / "1.0" / "model.safetensors", tmp_path / "0.25" / "model.safetensors")
    )
    for name, old in before.items():
        if old.dtype.kind == "f":
            assert mixed[name] == pytest.approx(0.75 * old + 0.25 * after[name], rel=2e-3, abs=2e-4), name
    assert not np.array_equal(mixed["backbone.stem.0.weight"], after["backbone.stem.0.weight"])
    with pytest.raises(TrainingError, match="trained further; name it with --init"):
        train(job_of(data_set, tmp_path / "none", runs[0.25]))


def test_the_learning_rate_is_that_of_the_schedule(
    data_set: Path, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "learning_rate", lambda config, iteration: 0.0)
    train(job_of(data_set, tmp_path / "run", quick(iterations=2), init=model_path))
    before, after = read_model(model_path)[0], read_model(tmp_path / "run" / "model.safetensors")[0]
    assert all(np.array_equal(before[n], after[n]) for n in before if n.endswith("weight"))


def test_a_resumed_fine_tuning_scores_its_start_too(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    job = job_of(data_set, tmp_path / "run", quick(iterations=2, checkpoint_every=1), init=model_path)
    train(job, lambda: True)
    events = train(replace(job, resume=True))
    assert [e.which for e in events if isinstance(e, Scored)] == ["current", "candidate"]


def test_scores_in_between(
    uninterrupted: tuple[Path, list[tuple[Event, Path]]], data_set: Path, tmp_path: Path
) -> None:
    events = train(job_of(data_set, tmp_path / "run", replace(FIVE, evaluate_every=2)))
    order = [e.iteration if isinstance(e, Step) else "scored" for e in events if isinstance(e, Step | Scored)]
    assert order == [1, 2, "scored", 3, 4, "scored", 5, "scored"]
    assert losses(events) == losses([event for event, _ in uninterrupted[1]])  # looking changes nothing


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_checkpoint(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = total_loss, []

    def broken(*arguments: Any) -> dict[str, Tensor]:
        calls.append(1)
        terms = real(*arguments)
        return terms if len(calls) < 4 else {**terms, "total": terms["total"] * float("nan")}

    monkeypatch.setattr(trained, "total_loss", broken)
    with pytest.raises(TrainingError, match="the loss is no longer finite at iteration 4 .* lower learning rate"):
        train(job_of(data_set, tmp_path / "run"))
    monkeypatch.setattr(trained, "total_loss", real)
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 3
    events = train(job_of(data_set, tmp_path / "run", resume=True))
    assert [e.iteration for e in events if isinstance(e, Step)] == [3, 4, 5]


def test_a_gradient_that_is_not_finite_never_reaches_the_weights(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = total_loss

    def steep(*arguments: Any) -> dict[str, Tensor]:
        terms = real(*arguments)
        return {**terms, "total": torch.sqrt(terms["total"] - terms["total"].detach())}  # 0, with an endless slope

    monkeypatch.setattr(trained, "total_loss", steep)
    with pytest.raises(TrainingError, match="no longer finite at iteration 1"):
        train(job_of(data_set, tmp_path / "run", replace(FIVE, checkpoint_every=1)))
    assert not list((tmp_path / "run").glob("checkpoint*"))


def test_a_rate_that_is_far_too_high_ends_in_one_sentence(data_set: Path, tmp_path: Path) -> None:
    config = quick(learning_rate=1e30, warmup=0.0, iterations=8, ema=0.0)
    with pytest.raises((TrainingError, ModelFileError), match="lower learning rate"):
        train(job_of(data_set, tmp_path / "run", config))


def test_reduced_precision_trains(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "has_fast_bf16", lambda device: True)
    reduced = losses(train(job_of(data_set, tmp_path / "a", quick(iterations=1, precision="bf16"))))
    full = losses(train(job_of(data_set, tmp_path / "b", quick(iterations=1))))
    assert reduced == pytest.approx(full, rel=0.05) and reduced != full


def test_data_that_cannot_train(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", count=3)
    for name in ("f01", "f02"):
        (data / "masks" / f"{name}.png").unlink()
    with pytest.raises(TrainingError, match="at least 2 labelled frames, one of them held out"):
        train(job_of(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_held_out_frames_that_cannot_be_read_do_not_cost_the_model(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", count=10)
    (data / "masks" / "f02.png").write_bytes(b"rubbish")
    config = quick(iterations=1)
    events = train(job_of(data, tmp_path / "a", config))
    assert any(isinstance(e, Notice) and "f02" in e.text for e in events)
    assert read_card(tmp_path / "a" / "model.safetensors").metrics["set"]["images"] == 1
    (data / "masks" / "f07.png").write_bytes(b"rubbish")
    events = train(job_of(data, tmp_path / "b", config))
    assert isinstance(events[-1], Finished) and any(
        isinstance(e, Notice) and "could be scored" in e.text for e in events
    )
    assert read_card(tmp_path / "b" / "model.safetensors").metrics == {}


def test_the_name_of_a_set_stays_in_the_folder(data_set: Path, tmp_path: Path) -> None:
    frames = [
        {"path": str(data_set / "images" / f"f{i:02d}.png"), "mask": str(data_set / "masks" / f"f{i:02d}.png")}
        for i in range(4)
    ]
    manifest = tmp_path / "list.json"
    manifest.write_text(json.dumps({"format": "adsnet-frames-1", "name": "../../evil set", "frames": frames}))
    job = TrainJob(((manifest, None), (manifest, None)), tmp_path / "deep" / "run", quick(iterations=1))
    events = train(job)
    names = [e.dataset for e in events if isinstance(e, Scored)]
    assert names == ["_.._evil_set", "_.._evil_set-2"]
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert {p for p in written if "held_out" in p} == {f"deep/run/held_out_{name}.json" for name in names}
    assert set(read_card(tmp_path / "deep" / "run" / "model.safetensors").metrics) == set(names)


def test_a_folder_that_cannot_be_written_is_one_sentence(data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="Cannot write"):
        train(job_of(data_set, tmp_path / "file" / "run"))
    (tmp_path / "run" / "metrics.jsonl").mkdir(parents=True)
    with pytest.raises(StorageError, match="metrics.jsonl"):
        train(job_of(data_set, tmp_path / "run"))
