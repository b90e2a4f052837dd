"""The command line: what it writes, what it prints and with what status it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from adsnet import resources
from adsnet.cli import build_parser, main, sparsity_of
from adsnet.commands import train as train_command
from adsnet.config import Sparsity, TrainConfig, from_dict, to_dict
from adsnet.data.datasets import open_dataset, write_manifest
from adsnet.data.labels import read_mask, write_mask
from adsnet.model_file import read_card, read_model, resolve_model
from adsnet.recipes import NAMED_CONFIGS, PLANS
from adsnet.sparse import choose
from adsnet.training.run import Event, Step
from tests.adsnet.test_evaluation import KEYS
from tests.adsnet.tiny import make_frame, quick

Capture = pytest.CaptureFixture[str]


def errors(capsys: Capture) -> list[str]:
    """The lines on stderr, which are errors all of them; standard output is dropped."""
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("adsnet: error: ") for line in lines), lines
    return lines


def run(*arguments: object) -> int:
    """The exit status of the command line."""
    try:
        return main([str(a) for a in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def child(*arguments: object, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), **options.pop("env", {})}
    command = [sys.executable, "-W", "error", "-m", "adsnet", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=120, check=False, **options
    )


# ---- predict ------------------------------------------------------------------------------------------------


def test_predict_writes_masks_and_one_record_a_frame(
    data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run("predict", data_set / "images", "--out", tmp_path, "--model", model_path) == 0
    assert errors(capsys) == []
    record = json.loads((tmp_path / "predictions.json").read_text("utf-8"))
    assert list(record) == ["format", "model", "device", "notes", "frames"]
    assert (record["format"], record["model"]) == ("adsnet-predictions-1", "tiny")
    assert [f["frame"] for f in record["frames"]] == [f"f{i:02d}" for i in range(10)]
    for frame in record["frames"]:
        assert list(frame) == ["frame", "width", "height", "seconds", "kept", "targets"]
        assert (frame["width"], frame["height"], frame["kept"]) == (56, 40, {"3": 0.75, "2": 0.5})
        mask = read_mask(tmp_path / "masks" / f"{frame['frame']}.png", shape=(40, 56))
        with Image.open(tmp_path / "masks" / f"{frame['frame']}.png") as image:
            assert image.mode == "L" and set(np.unique(np.asarray(image)).tolist()) <= {0, 255}
        assert sum(t["area"] for t in frame["targets"]) == mask.sum()
        for target in frame["targets"]:
            assert list(target) == ["x", "y", "area", "score", "bbox"]
            x, y, width, height = target["bbox"]
            assert x <= target["x"] <= x + width - 1 and y <= target["y"] <= y + height - 1
            assert 0.5 < target["score"] <= 1 and mask[y : y + height, x : x + width].sum() >= target["area"]
    assert any(frame["targets"] for frame in record["frames"])


def test_predict_names_the_pages_of_a_tiff_and_keeps_native_sizes(
    data_set: Path, model_path: Path, tmp_path: Path
) -> None:
    pages = np.stack([make_frame(20, 33, seed=i, dtype=np.uint16)[0] * 30 for i in range(3)])
    tifffile.imwrite(tmp_path / "clip.tif", pages, photometric="minisblack")
    still = data_set / "images" / "f01.png"
    assert run("predict", tmp_path / "clip.tif", still, "--out", tmp_path / "out", "--model", model_path) == 0
    assert sorted(p.name for p in (tmp_path / "out" / "masks").iterdir()) == [
        "clip_000000.png", "clip_000001.png", "clip_000002.png", "f01.png",
    ]  # fmt: skip
    assert read_mask(tmp_path / "out" / "masks" / "clip_000002.png").shape == (20, 33)


def test_predict_takes_data_sets_and_manifests(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "list.json", open_dataset(data_set).subset([2, 5]))
    (tmp_path / "only.txt").write_text("f01\n")
    for source, count in ((data_set, 10), (tmp_path / "list.json", 2)):
        out = tmp_path / source.stem
        assert run("predict", source, "--out", out, "--model", model_path) == 0
        assert len(list((out / "masks").iterdir())) == count


def test_one_bad_frame_among_many(data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "frames"
    shutil.copytree(data_set / "images", folder)
    (folder / "f03.png").write_bytes((folder / "f03.png").read_bytes()[:60])
    assert run("predict", folder, tmp_path / "gone.png", "--out", tmp_path / "out", "--model", model_path) == 2
    lines = errors(capsys)
    assert len(lines) == 2 and "gone.png" in lines[0] and "f03.png" in lines[1]
    record = json.loads((tmp_path / "out" / "predictions.json").read_text("utf-8"))
    assert [f["frame"] for f in record["frames"]] == [f"f{i:02d}" for i in range(10) if i != 3]
    assert not (tmp_path / "out" / "masks" / "f03.png").exists()


def test_a_bad_list_does_not_keep_the_other_frames_from_being_predicted(
    data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "bad.json").write_text(json.dumps({"format": "adsnet-frames-1", "frames": [{}]}))
    good = data_set / "images" / "f01.png"
    assert run("predict", good, tmp_path / "bad.json", "--out", tmp_path / "out", "--model", model_path) == 2
    (line,) = errors(capsys)
    assert "bad.json" in line and (tmp_path / "out" / "masks" / "f01.png").exists()


def test_nothing_but_bad_paths_writes_nothing(tmp_path: Path, model_path: Path, capsys: Capture) -> None:
    assert run("predict", tmp_path / "a.png", tmp_path / "b", "--out", tmp_path / "out", "--model", model_path) == 2
    assert len(errors(capsys)) == 2 and not (tmp_path / "out").exists()


def test_frames_that_would_write_the_same_mask_are_refused(
    data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copy(data_set / "images" / "f01.png", tmp_path / "f01.png")
    assert run("predict", data_set, tmp_path / "f01.png", "--out", tmp_path / "out", "--model", model_path) == 2
    (line,) = errors(capsys)
    assert line.count("f01.png") == 2 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["set", "set/images", "set/images/f01.png", "list/m.json", "elsewhere", "clip.tif"])
def test_predict_never_writes_over_labels(
    given: str, data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(data_set, tmp_path / "set")
    shutil.copytree(data_set / "images", tmp_path / "elsewhere")
    (tmp_path / "list").mkdir()
    write_manifest(tmp_path / "list" / "m.json", open_dataset(tmp_path / "set"))
    tifffile.imwrite(tmp_path / "clip.tif", np.zeros((2, 20, 33), np.uint16), photometric="minisblack")
    (tmp_path / "clip.adsnet" / "masks").mkdir(parents=True)
    (tmp_path / "raws").mkdir()
    (tmp_path / "raws" / "f01.raw").write_bytes(bytes(8))
    outs = {"elsewhere": ["elsewhere", "set", "raws"], "clip.tif": ["clip.adsnet"], "list/m.json": ["list", "set"]}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for out in outs.get(given, ["set"]):
        assert run("predict", tmp_path / given, "--out", tmp_path / out, "--model", model_path) == 2
        (line,) = errors(capsys)
        assert f"{tmp_path / out / 'masks'} is for labels of the frames there; give another folder" in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_predict_may_write_where_it_wrote_before(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("predict", data_set, "--out", tmp_path / "out", "--model", model_path) == 0


def test_a_frame_too_large_to_predict_is_one_bad_frame(
    data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (60, 60)).save(tmp_path / "large.png")
    monkeypatch.setattr("adsnet.predictor.MAX_PIXELS", 3500)
    frames = tmp_path / "large.png", data_set / "images" / "f01.png"
    status = run("predict", *frames, "--out", tmp_path / "out", "--model", model_path)
    (line,) = errors(capsys)
    assert status == 2 and "large.png: a frame of 60×60 pixels is too large" in line
    assert (tmp_path / "out" / "masks" / "f01.png").exists()


@pytest.mark.parametrize("engine", ["auto", "dense", "gather", "spconv"])
def test_every_engine_writes_the_same_masks(data_set: Path, model_path: Path, tmp_path: Path, engine: str) -> None:
    if engine == "spconv" and not choose.self_test("spconv", "cpu").passed:
        pytest.skip(choose.self_test("spconv", "cpu").text)
    frames = [data_set / "images" / f"f0{i}.png" for i in range(3)]
    for name, folder in ((engine, tmp_path / "a"), ("dense", tmp_path / "b")):
        options = ("--engine", name, "--device", "cpu", "--drop", "0.5", "0.8", "--detector", "adsnet")
        assert run("predict", *frames, "--out", folder, "--model", model_path, *options) == 0
    for i in range(3):
        name = f"f0{i}.png"
        assert np.array_equal(read_mask(tmp_path / "a" / "masks" / name), read_mask(tmp_path / "b" / "masks" / name))
    kept = json.loads((tmp_path / "a" / "predictions.json").read_text("utf-8"))["frames"][0]["kept"]
    assert kept == {"3": 0.5, "2": pytest.approx(2 / 12)}


def test_a_name_that_is_no_text(data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture) -> None:
    frame = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\x1b[31m.png")
    shutil.copy(data_set / "images" / "f01.png", frame)
    assert run("predict", frame, "--out", tmp_path / "out", "--model", model_path) == 0
    (record,) = json.loads((tmp_path / "out" / "predictions.json").read_text("utf-8"))["frames"]
    assert record["frame"].startswith("caf\\udce9")
    assert run("predict", frame + "\n", "--out", tmp_path, "--model", model_path) == 2
    (line,) = errors(capsys)
    assert "\x1b" not in line and "\\udce9" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Sparsity(drop=(0.25, 0.5))),
        (["--drop", "0.9", "0.97"], Sparsity(drop=(0.9, 0.97))),
        (["--drop", "0", "0"], Sparsity(drop=(0.0, 0.0))),
        (["--keep-threshold", "0.4"], Sparsity(threshold=(0.4, 0.4))),
        (["--keep-threshold", "0"], Sparsity(threshold=(0.0, 0.0))),
        (["--keep-threshold", "0.2,0.6"], Sparsity(threshold=(0.2, 0.6))),
    ],
)
def test_the_options_of_sparsity(arguments: list[str], expected: Sparsity) -> None:
    assert sparsity_of(build_parser().parse_args(["predict", "x", "--out", "y", *arguments])) == expected


# ---- evaluate -----------------------------------------------------------------------------------------------


def test_evaluate_prints_and_writes_the_documented_keys(
    data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "two.txt").write_text("f01.png\nf04\n\n")
    out = tmp_path / "figures" / "scores.json"
    options = ("--split", tmp_path / "two.txt", "--model", model_path, "--json", out, "--drop", "0.5", "0.5")
    assert run("evaluate", "--data", data_set, *options) == 0
    figures = json.loads(out.read_text("utf-8"))
    assert list(figures) == KEYS
    assert (figures["detector"], figures["model"], figures["engine"]) == ("adsnet", "tiny", "auto")
    assert figures["images"] == figures["targets"] == 2 and figures["kept"] == {"3": 0.5, "2": 0.5}
    assert all(0 <= figures[key] <= 1 for key in ("iou", "niou", "pd", "fa", "pixel_fa", "auc"))
    printed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(printed) == KEYS and float(printed["niou"]) == pytest.approx(figures["niou"], rel=1e-4)


def test_evaluate_counts_as_other_papers_do(data_set: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ("--conventions", "dnanet", "matching=optimal", "--curve", "0.2", "0.5")
    figures = {}
    for name, options in (("ours", ()), ("theirs", words)):
        out = tmp_path / f"{name}.json"
        assert run("evaluate", "--data", data_set, "--detector", "tophat", "--json", out, *options) == 0
        figures[name] = json.loads(out.read_text("utf-8"))
    assert figures["ours"]["conventions"] == "standard" and "curve" not in figures["ours"]
    assert figures["theirs"]["conventions"] == (
        "matching=optimal false_pixels=other_areas frame_pixels=65536 roc_steps=10"
    )
    assert [point["threshold"] for point in figures["theirs"]["curve"]] == [0.2, 0.5]
    assert figures["theirs"]["curve"][1]["pd"] == figures["theirs"]["pd"] < figures["theirs"]["curve"][0]["pd"]
    capsys.readouterr()
    for bad, part in (
        (("--conventions", "coco"), "unknown conventions 'coco'"),
        (("--curve", "2"), "thresholds are numbers from 0 to 1"),
        (("--curve", "0.5", "--predictions", tmp_path), "leave out --curve"),
    ):
        assert run("evaluate", "--data", data_set, *bad) == 2
        assert part in capsys.readouterr().err


def test_evaluate_scores_the_masks_of_predict_like_the_model(data_set: Path, model_path: Path, tmp_path: Path) -> None:
    assert run("predict", data_set, "--out", tmp_path / "p", "--model", model_path) == 0
    assert run("evaluate", "--data", data_set, "--predictions", tmp_path / "p", "--json", tmp_path / "a.json") == 0
    assert run("evaluate", "--data", data_set, "--model", model_path, "--json", tmp_path / "b.json") == 0
    saved, live = (json.loads((tmp_path / name).read_text("utf-8")) for name in ("a.json", "b.json"))
    assert list(saved) == KEYS and saved["detector"] == "predictions" and saved["model"] == "tiny"
    assert saved["seconds_per_image"] > 0
    for key in ("images", "targets", "iou", "niou", "pd", "fa", "pixel_fa"):
        assert saved[key] == live[key]


def test_perfect_masks_get_full_marks_and_missing_ones_are_named(
    data_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    dataset = open_dataset(data_set)
    for index in range(9):
        write_mask(tmp_path / "p" / "masks" / f"f{index:02d}.png", dataset.read(index)[1])
    (tmp_path / "p" / "predictions.json").write_text(json.dumps({"model": "m", "frames": []}))
    options = ("--predictions", tmp_path / "p", "--json", tmp_path / "a.json")
    assert run("evaluate", "--data", data_set, *options) == 2
    (line,) = errors(capsys)
    assert "f09.png" in line
    figures = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert (figures["images"], figures["niou"], figures["pd"], figures["fa"]) == (9, 1.0, 1.0, 0.0)
    assert figures["seconds_per_image"] is None


@pytest.mark.parametrize(
    "text", ["[]", '{"model": "m"}', '{"model": "m", "frames": [{}]}', '{"frames": 3, "model": 1}']
)
def test_predictions_of_another_program_are_refused(data_set: Path, tmp_path: Path, capsys: Capture, text: str) -> None:
    (tmp_path / "predictions.json").write_text(text)
    assert run("evaluate", "--data", data_set, "--predictions", tmp_path) == 2
    (line,) = errors(capsys)
    assert "not written by 'adsnet predict'" in line


# ---- train --------------------------------------------------------------------------------------------------


def write_config(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(to_dict(quick(**changes))))
    return path


def test_train_evaluates_and_goes_on(data_set: Path, tmp_path: Path, capsys: Capture) -> None:
    config, out = write_config(tmp_path / "c.json"), tmp_path / "run"
    options = ("--data", data_set, "--out", out, "--config", config)
    assert run("train", *options, "--iterations", 3, "--json-events") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert [e["event"] for e in events] == ["notice", "step", "step", "step", "scored", "finished"]
    assert list(events[1]) == [
        "event", "iteration", "iterations", "losses", "seconds_left", "images_per_second", "waiting",
    ]  # fmt: skip
    assert list(events[4]) == ["event", "which", "dataset", *KEYS] and events[4]["which"] == "candidate"
    assert events[5] == {
        "event": "finished", "model": str(out / "model.safetensors"), "iteration": 3, "stopped": False,
    }  # fmt: skip
    arrays, card = read_model(out / "model.safetensors")
    assert card.name == "run" and card.training["iterations"] == 3 and card.metrics["tiny"]["images"] == 2
    log = [json.loads(line) for line in (out / "metrics.jsonl").read_text("ascii").splitlines()]
    assert [line["iteration"] for line in log] == [1, 2, 3] and "total" in log[0]
    assert (out / "held_out_tiny.txt").read_text("utf-8") == "f02\nf07\n"
    assert json.loads((out / "config.json").read_text("utf-8"))["iterations"] == 3
    # What is there is not trained over; going on with a finished run changes nothing.
    before = (out / "model.safetensors").read_bytes()
    assert run("train", *options, "--iterations", 3) == 2
    assert "holds a run already; go on with it by --resume" in errors(capsys)[0]
    assert run("train", *options, "--iterations", 3, "--resume") == 0
    assert (out / "model.safetensors").read_bytes() == before


def test_train_takes_several_sets_each_with_its_split(data_set: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(data_set, tmp_path / "other" / "tiny")
    (tmp_path / "split.txt").write_text("".join(f"f{i:02d}\n" for i in range(6)))
    config, out = write_config(tmp_path / "c.json"), tmp_path / "run"
    sets = ("--data", data_set, "--split", tmp_path / "split.txt", "--data", tmp_path / "other" / "tiny")
    assert run("train", *sets, "--out", out, "--config", config, "--iterations", 1, "--json-events") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0]["text"] == "training on 13 frames, 3 held out"
    assert [e["dataset"] for e in events if e["event"] == "scored"] == ["tiny", "tiny-2"]
    assert (out / "held_out_tiny.txt").read_text("utf-8") == "f02\n"
    assert (out / "held_out_tiny-2.txt").read_text("utf-8") == "f02\nf07\n"


def test_fine_tuning_scores_the_model_it_starts_from(
    data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    config = write_config(tmp_path / "c.json", iterations=1)
    options = ("--data", data_set, "--out", tmp_path / "run", "--init", model_path, "--config", config)
    assert run("train", *options, "--json-events") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e.get("which") for e in events] == [None, "current", None, "candidate", None]
    assert read_model(tmp_path / "run" / "model.safetensors")[1].training["init"] == "tiny"


def test_a_second_configuration_goes_on_from_the_first(
    data_set: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_config(tmp_path / "first.json", iterations=3)
    second = write_config(tmp_path / "second.json", iterations=2, learning_rate=1e-4)
    out = tmp_path / "run"
    options = ("--data", data_set, "--out", out, "--config", first, "--config", second, "--json-events")

    def press(event: Event) -> None:
        if isinstance(event, Step):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(train_command, "_json_line", press)
    assert run("train", *options) == 130
    assert read_model(out / "stage-1" / "model.safetensors")[1].training["iterations"] == 1
    assert not (out / "model.safetensors").exists()
    monkeypatch.undo()

    assert run("train", *options) == 2
    assert "stage-1: holds a run already" in capsys.readouterr().err
    assert run("train", *options, "--resume") == 0
    ends = [e for line in capsys.readouterr().out.splitlines() if (e := json.loads(line))["event"] == "finished"]
    assert [(Path(e["model"]), e["iteration"]) for e in ends] == [
        (out / "stage-1" / "model.safetensors", 3),
        (out / "model.safetensors", 2),
    ]
    card = read_card(out / "model.safetensors")
    assert card.name == "run" and card.training["config"]["learning_rate"] == 1e-4

    # Two commands do the same.
    apart = tmp_path / "apart" / "run"
    once = ("--data", data_set, "--json-events")
    assert run("train", *once, "--out", tmp_path / "first", "--config", first) == 0
    init = tmp_path / "first" / "model.safetensors"
    assert run("train", *once, "--out", apart, "--config", second, "--init", init) == 0
    expected, found = (read_model(folder / "model.safetensors")[0] for folder in (apart, out))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_a_plan_is_its_configurations_in_turn(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, changes in (("first", {"iterations": 2}), ("second", {"iterations": 3, "blend": 0.5})):
        monkeypatch.setitem(NAMED_CONFIGS, name, quick(**changes))
    monkeypatch.setitem(PLANS, "adsnet-default", ("first", "second"))
    by_plan, by_hand = tmp_path / "plan" / "run", tmp_path / "hand" / "run"
    assert run("train", "--data", data_set, "--plan", "adsnet-default", "--out", by_plan) == 0
    assert run("train", "--data", data_set, "--config", "first", "--config", "second", "--out", by_hand) == 0
    for model in ("stage-1/model.safetensors", "model.safetensors"):
        (made, card), (wanted, other) = (read_model(folder / model) for folder in (by_plan, by_hand))
        assert all(np.array_equal(made[name], wanted[name]) for name in wanted)
        assert card.training["config"] == other.training["config"]
    assert run("train", "--data", data_set, "--plan", "adsnet-default", "--out", by_plan, "--resume") == 0


def test_the_shipped_model_was_made_by_its_plan() -> None:
    """Each training but the first needs a model to go on from, and the last one's options are in the file."""
    for name, configs in PLANS.items():
        first, last = NAMED_CONFIGS[configs[0]], NAMED_CONFIGS[configs[-1]]
        assert not first.hard_crops and first.blend == 1
        assert from_dict(TrainConfig, read_card(resolve_model(name)).training["config"]) == last


def test_a_folder_that_is_taken_is_found_before_the_first_of_two_trainings(data_set: Path, tmp_path: Path) -> None:
    config, out = write_config(tmp_path / "c.json", iterations=1), tmp_path / "run"
    options = ("--data", data_set, "--out", out, "--config", config)
    assert run("train", *options) == 0
    assert run("train", *options, "--config", config) == 2
    assert not (out / "stage-1").exists()


def test_train_on_a_terminal_shows_what_happens(data_set: Path, tmp_path: Path, capsys: Capture) -> None:
    config = write_config(tmp_path / "c.json", iterations=2)
    assert run("train", "--data", data_set, "--out", tmp_path / "run", "--config", config) == 0
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert "training on 8 frames, 2 held out" in shown and "done at iteration 2" in shown
    assert "candidate on the held-out frames of tiny: niou" in shown


def test_ctrl_c_finishes_the_step_and_writes_the_model(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(event: Event) -> None:
        if isinstance(event, Step):
            signal.raise_signal(signal.SIGINT)

    config, out = write_config(tmp_path / "c.json", iterations=9), tmp_path / "run"
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("adsnet.commands.train._json_line", press)
    assert run("train", "--data", data_set, "--out", out, "--config", config, "--json-events") == 130
    assert read_model(out / "model.safetensors")[1].training["iterations"] == 1
    assert signal.getsignal(signal.SIGINT) == before


def test_a_second_ctrl_c_ends_at_once(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(event: Event) -> None:
        signal.raise_signal(signal.SIGINT)

    config, out = write_config(tmp_path / "c.json", iterations=9), tmp_path / "run"
    monkeypatch.setattr("adsnet.commands.train._json_line", twice)
    assert run("train", "--data", data_set, "--out", out, "--config", config, "--json-events") == 130
    assert not (out / "model.safetensors").exists()


# ---- info, doctor, and errors -------------------------------------------------------------------------------


def test_info_shows_the_card(model_path: Path, capsys: Capture) -> None:
    assert run("info", model_path) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("tiny", "cascade_widths", "parameters", str(model_path)))
    assert run("info", model_path, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["name"] == "tiny" and values["bytes"] == model_path.stat().st_size
    assert values["parameters"] > 100_000 and values["model"]["width"] == 8


def test_info_of_a_name_that_is_no_text(model_path: Path, tmp_path: Path) -> None:
    target = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.safetensors")
    shutil.copy(model_path, target)
    done = child("info", target, env={"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0 and "caf\\udce9.safetensors" in done.stdout and done.stderr == ""


def test_doctor_reports_everything(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(model_path, tmp_path / "models" / "adsnet-default.safetensors")
    monkeypatch.setattr(resources, "_roots", lambda: [tmp_path])
    assert run("doctor") == 0
    shown = capsys.readouterr().out
    for word in ("python", "torch", "PySide6-Essentials", "qt platform", "gpu", "engine gather", "engine spconv"):
        assert word in shown
    assert "tiny: whole" in shown and "engine dense  ok: differs from dense by at most 0e+00" in shown
    assert shown.count("writable") == 5


def test_doctor_says_when_the_default_model_is_damaged(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "adsnet-default.safetensors").write_bytes(model_path.read_bytes()[:-1])
    monkeypatch.setattr(resources, "_roots", lambda: [tmp_path])
    assert run("doctor") == 2
    assert "the model file is damaged" in capsys.readouterr().out


BAD: list[tuple[list[str], str]] = [
    ([], "COMMAND"),
    (["fly"], "invalid choice: 'fly'"),
    (["predict"], "PATH"),
    (["predict", "x.png"], "--out"),
    (["predict", "x.png", "--out", "o", "--drop", "0.5"], "expected 2 arguments"),
    (["predict", "x.png", "--out", "o", "--drop", "half", "0"], "invalid float value: 'half'"),
    (["predict", "x.png", "--out", "o", "--drop", "nan", "0"], "the dropped fraction of stage 3 is nan"),
    (["predict", "x.png", "--out", "o", "--drop", "0", "-1"], "the dropped fraction of stage 2 is -1"),
    (["predict", "x.png", "--out", "o", "--keep-threshold", "2"], "the keep threshold of stage 3 is 2.0"),
    (["predict", "x.png", "--out", "o", "--keep-threshold", "0,-1"], "the keep threshold of stage 2 is -1.0"),
    (["predict", "x.png", "--out", "o", "--keep-threshold", "0,0,0"], "'0,0,0' is not one probability or two"),
    (["predict", "x.png", "--out", "o", "--drop", "0", "0", "--keep-threshold", "0"], "not allowed with"),
    (["predict", "x.png", "--out", "o", "--engine", "fast"], "invalid choice: 'fast'"),
    (["predict", "x.png", "--out", "o", "--device", "tpu"], "invalid choice: 'tpu'"),
    (["predict", "x.png", "--out", "o", "--eng", "dense"], "unrecognized arguments: --eng"),
    (["predict", "{frame}", "--out", "{tmp}/o", "--model", "{tmp}/no.safetensors"], "there is no such model file"),
    (["predict", "{frame}", "--out", "{tmp}/o", "--model", "{frame}"], "not a model file of this program"),
    (["predict", "{frame}", "--out", "{tmp}/o", "--detector", "yolo"], "unknown detector 'yolo'"),
    (["predict", "{frame}", "--out", "{frame}", "--model", "{model}"], "Cannot write"),
    (["evaluate"], "--data"),
    (["evaluate", "--data", "{tmp}/none", "--model", "{model}"], "none"),
    (["evaluate", "--split", "a.txt", "--data", "d"], "--split must follow the --data"),
    (["evaluate", "--data", "d", "--split", "a", "--split", "b"], "--split must follow the --data"),
    (["evaluate", "--data", "{data}", "--data", "{data}"], "evaluate takes one --data"),
    (["evaluate", "--data", "{data}", "--split", "{frame}", "--model", "{model}"], "split file"),
    (["evaluate", "--data", "{data}", "--predictions", "{tmp}"], "predictions.json"),
    (["evaluate", "--data", "{data}", "--predictions", "{tmp}", "--model", "{model}"], "leave out --model"),
    (["train", "--data", "{data}"], "--out"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--iterations", "0"], "iterations is 0"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--iterations", "many"], "invalid int value: 'many'"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--config", "{tmp}/c.json"], "no such configuration"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--config", "{frame}"], "not valid JSON"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--plan", "mine"], "invalid choice: 'mine'"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--plan", "adsnet-default", "--config", "muon"], "not allowed"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--plan", "adsnet-default", "--init", "{model}"], "leave out"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--plan", "adsnet-default", "--detector", "rdian"], "leave out"),
    (["train", "--data", "{data}", "--out", "{frame}/o", "--iterations", "1"], "Cannot write"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--init", "{frame}"], "not a model file of this program"),
    (["train", "--data", "{data}", "--out", "{tmp}/" + "b" * 300, "--iterations", "1", "--resume"], "Cannot write"),
    (["predict", "a" * 300, "--out", "{tmp}/o"], "the name is too long"),
    (["evaluate", "--data", "a" * 300], "the name is too long"),
    (["train", "--data", "{data}", "--out", "{tmp}/o", "--detector", "tophat"], "invalid choice: 'tophat'"),
    (["info", "{tmp}/none.safetensors"], "there is no such model file"),
    (["info", "no-such-model"], "not a model file; give a .safetensors file"),
    (["info", "a" * 300], "not a model file; give a .safetensors file"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[" ".join(a)[:60] for a, _ in BAD])
def test_bad_arguments_are_one_line_and_status_2(
    arguments: list[str],
    text: str,
    data_set: Path,
    model_path: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(resources, "_roots", lambda: [tmp_path])
    places = {"data": data_set, "frame": data_set / "images" / "f00.png", "tmp": tmp_path, "model": model_path}
    assert run(*(a.format(**places) for a in arguments)) == 2
    lines = errors(capsys)
    assert len(lines) == 1 and text in lines[0], lines
    assert not (tmp_path / "o").exists()


def test_help_is_no_error(capsys: Capture) -> None:
    for command in ([], ["predict"], ["evaluate"], ["train"], ["info"], ["doctor"]):
        assert run(*command, "--help") == 0
    assert capsys.readouterr().err == ""


def test_the_module_is_the_command_line(tmp_path: Path) -> None:
    done = child("info", tmp_path / "none.safetensors", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"adsnet: error: {tmp_path}/none.safetensors: there is no such model file; check the path\n"


def test_the_reader_of_the_output_may_go_away(model_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "adsnet", "info", str(model_path), "--json"]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    complaints = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1 and complaints == ""


def test_help_and_info_cost_no_torch() -> None:
    root = Path(__file__).resolve().parents[2]
    code = "import sys\nimport adsnet.cli, adsnet.commands.info\nsys.exit('torch' in sys.modules)"
    started = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize("detector", ["tophat", "lef", "aadcdd", "tllcm"])
def test_methods_without_a_network_predict_and_are_scored(detector: str, data_set: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    assert main(["predict", str(data_set), "--detector", detector, "--out", str(out)]) == 0
    made = json.loads((out / "predictions.json").read_text())
    assert made["model"] == detector and len(made["frames"]) == 10
    assert main(["evaluate", "--data", str(data_set), "--detector", detector, "--json", str(report)]) == 0
    scored = json.loads(report.read_text())
    assert scored["detector"] == detector and scored["images"] == 10
    again = tmp_path / "again.json"
    assert main(["evaluate", "--data", str(data_set), "--predictions", str(out), "--json", str(again)]) == 0
    saved = json.loads(again.read_text())
    assert all(saved[key] == scored[key] for key in ("iou", "niou", "pd", "fa"))  # the threshold is at one half


def test_a_method_without_a_network_takes_no_model(data_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(data_set), "--detector", "tophat", "--drop", "0.5", "0.5"]) == 2
    assert "tophat drops no patches; leave out --drop" in capsys.readouterr().err
    for option in (("--precision", "fp16"), ("--device", "cuda")):
        assert main(["evaluate", "--data", str(data_set), "--detector", "tophat", *option]) == 2
        assert "tophat has no network, and runs on the CPU" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--drop 0.5 0.5", "--engine auto", "--detector lef", "--precision fp32"])
def test_saved_masks_are_not_predicted_again(option: str, data_set: Path, capsys: Capture) -> None:
    assert run("evaluate", "--data", data_set, "--predictions", data_set, *option.split()) == 2
    assert f"leave out {option.split()[0]}" in capsys.readouterr().err
