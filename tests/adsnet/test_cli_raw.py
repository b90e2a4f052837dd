"""Raw frames on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from adsnet.data.labels import write_mask
from tests.adsnet.test_cli import Capture, errors, run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three frames of 160×128 with one bright target each, big-endian, behind ten bytes; labels beside it."""
    frames = np.random.default_rng(1).normal(7000, 5, (3, 128, 160)).astype(">u2")
    for i in range(3):
        frames[i, 20:23, 10 + 9 * i : 13 + 9 * i] = 9000
        write_mask(tmp_path / "clip.adsnet" / "masks" / f"clip_{i:06d}.png", frames[i] > 8000)
    (tmp_path / "clip.raw").write_bytes(bytes(10) + frames.tobytes())
    return tmp_path / "clip.raw"


LAYOUT = "160x128,uint16,big,offset=10"


def test_predict_reads_raw_frames(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run("predict", clip, "--out", tmp_path / "out", "--detector", "tophat", "--raw", LAYOUT) == 0
    record = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [frame["frame"] for frame in record["frames"]] == [f"clip_{i:06d}" for i in range(3)]
    assert [round(frame["targets"][0]["x"]) for frame in record["frames"]] == [11, 20, 29]


def test_evaluate_scores_raw_frames(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    arguments = ("--detector", "tophat", "--raw", LAYOUT, "--json", tmp_path / "figures.json")
    assert run("evaluate", "--data", clip, *arguments) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["images"], figures["targets"], figures["pd"]) == (3, 3, 1.0)


def test_raw_frames_of_a_data_set_take_its_training_list(clip: Path, tmp_path: Path) -> None:
    frames = np.frombuffer(clip.read_bytes()[10:], ">u2").reshape(3, 128, 160)
    root = tmp_path / "SET"
    for folder in ("images", "img_idx"):
        (root / folder).mkdir(parents=True)
    for name, frame in zip("abc", frames, strict=True):
        (root / "images" / f"{name}.raw").write_bytes(frame.tobytes())
        write_mask(root / "masks" / f"{name}.png", frame > 8000)
    (root / "img_idx" / "train_SET.txt").write_text("c\na\n")
    arguments = ("--detector", "tophat", "--raw", "160x128,uint16,big", "--json", tmp_path / "figures.json")
    assert run("evaluate", "--data", root, *arguments) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["images"] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "raw values"),
        (("--raw", "160x128"), "not understood"),
        (("--raw", "4800x400,uint16"), "ends at byte 3840000"),
    ],
)
def test_a_layout_that_is_missing_or_wrong_is_one_sentence(
    clip: Path, tmp_path: Path, capsys: Capture, options: tuple[str, ...], words: str
) -> None:
    assert run("predict", clip, "--out", tmp_path / "out", "--detector", "tophat", *options) == 2
    (line,) = errors(capsys)
    assert words in line and not (tmp_path / "out").exists()
