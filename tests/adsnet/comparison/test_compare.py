"""``adsnet compare``: the figures of ``adsnet evaluate``, pictures that show them, and nothing done twice."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from adsnet import resources, rival_predictor
from adsnet.cli import main
from adsnet.comparison import compare as module
from adsnet.comparison import scores as scores_module
from adsnet.comparison.contestants import Contestant, contestants
from adsnet.comparison.gallery import HIT, MISS, chosen_frames
from adsnet.comparison.paper import TABLE2, printed_in_table2
from adsnet.comparison.roc import style_of
from adsnet.comparison.scores import Scores
from adsnet.comparison.tables import ranked, table2_csv
from adsnet.config import Sparsity
from adsnet.data.datasets import open_dataset
from adsnet.data.labels import write_mask
from adsnet.detectors.registry import METHODS
from adsnet.errors import EngineError
from adsnet.evaluation import evaluate
from tests.adsnet.tiny import make_frame, write_set

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def compared(data_set: Path, model_path: Path, rdian_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of three detectors."""
    out = tmp_path_factory.mktemp("compared") / "out"
    assert main(arguments(data_set, model_path, rdian_path, out)) == 0
    return out


def arguments(data: Path, model: Path, rdian: Path, out: Path) -> list[str]:
    which = ["--detectors", "tophat,small,adsnet", "--model", f"adsnet={model}", "--model", f"small={rdian}"]
    return ["compare", "--data", str(data), *which, "--rows", "2", "--out", str(out)]


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_the_figures_are_those_of_evaluate(compared: Path, data_set: Path, model_path: Path, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in rows_of(compared / "table2.csv")}
    assert list(rows) == ["tophat", "small", "adsnet"] and rows["small"]["detector"] == "rdian"
    for which in (["--detector", "tophat"], ["--model", str(model_path)]):
        assert main(["evaluate", "--data", str(data_set), *which, "--json", str(tmp_path / "e.json")]) == 0
        expected = json.loads((tmp_path / "e.json").read_text())
        for key in ("niou", "pd", "fa", "iou", "auc", "images", "targets"):
            assert float(rows[expected["detector"]][key]) == expected[key]
    assert rows["adsnet"]["paper_niou"] == ""  # the paper has no such set
    text = (compared / "tables.md").read_text("utf-8")
    assert "### tiny: 10 frames, 10 targets" in text and "| tophat |" in text and "## Table 3" in text


def test_the_costs_are_those_of_the_networks(compared: Path) -> None:
    rows = {row["name"]: row for row in rows_of(compared / "table3.csv")}
    assert list(rows) == ["small", "adsnet"] and all(float(row["seconds"]) > 0 for row in rows.values())
    assert rows["small"]["parameters"] == "216558" and rows["small"]["paper_seconds"] == "0.039"
    assert float(rows["small"]["gflop"]) == float(rows["small"]["gflop_dense"]) > 0.3
    assert 0 < float(rows["adsnet"]["gflop"]) <= float(rows["adsnet"]["gflop_dense"])


def test_the_pictures_show_curves_and_frames(compared: Path) -> None:
    for name in ("figure5_tiny", "figure6_tiny"):
        with Image.open(compared / f"{name}.png") as picture:
            size = picture.size
            assert np.asarray(picture).std() > 5
        drawn = ElementTree.parse(compared / f"{name}.svg").getroot()
        assert tuple(2 * round(float(drawn.attrib[side])) for side in ("width", "height")) == pytest.approx(size, abs=2)
    texts = [e.text or "" for e in ElementTree.parse(compared / "figure5_tiny.svg").iter() if e.tag.endswith("text")]
    aucs = {row["name"]: float(row["auc"]) for row in rows_of(compared / "table2.csv")}
    assert all(f"{name}  {auc:.4f}" in texts for name, auc in aucs.items())
    parts = list(ElementTree.parse(compared / "figure6_tiny.svg").iter())
    words = [part.text for part in parts if part.tag.endswith("text")]
    assert words[:4] == ["label", "tophat", "small", "adsnet"] and "missed" in words
    colours = {part.attrib.get("stroke") for part in parts}
    assert HIT in colours and MISS in colours  # the label finds itself, an untrained network nothing


def test_nothing_is_computed_twice(
    compared: Path, data_set: Path, model_path: Path, rdian_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in compared.iterdir() if path.is_file()}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(scores_module, "evaluate", refuse)
    monkeypatch.setattr(module, "costs", refuse)
    assert main(arguments(data_set, model_path, rdian_path, compared)) == 0
    assert {path: path.read_bytes() for path in compared.iterdir() if path.is_file()} == before


def test_what_was_scored_before_an_error_is_kept(
    data_set: Path, model_path: Path, rdian_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    names: list[str] = []

    def counted(dataset: object, predict: object, **options: object) -> object:
        names.append("scored")
        if len(names) == 3:
            raise EngineError("the power is off")
        return evaluate(dataset, predict, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(scores_module, "evaluate", counted)
    out = tmp_path / "out"
    assert main(arguments(data_set, model_path, rdian_path, out)) == 2
    assert "the power is off" in capsys.readouterr().err and len(list((out / "scores").iterdir())) == 2
    sorted((out / "scores").iterdir())[0].write_bytes(b'{"half')  # and one that a disk damaged
    assert main(arguments(data_set, model_path, rdian_path, out)) == 0 and len(names) == 5


def test_another_model_or_setting_is_another_result(model_path: Path, rdian_path: Path) -> None:
    same = Contestant("a", "adsnet", model_path)
    assert same.identity == Contestant("b", "adsnet", model_path).identity
    others = [
        Contestant("a", "adsnet", model_path, Sparsity(drop=(0.5, 0.6))),
        Contestant("a", "rdian", rdian_path),
        Contestant("a", "tophat"),
        Contestant("a", "lef"),
    ]
    assert len({one.identity for one in [same, *others]}) == 5


def test_the_worst_frames_are_those_with_the_lowest_mean_iou(data_set: Path) -> None:
    dataset = open_dataset(data_set)
    stems = [sample.frame.stem for sample in dataset.samples]
    first = {stem: 0.1 * place for place, stem in enumerate(stems)}
    second = {stem: 0.9 if place < 2 else 0.2 for place, stem in enumerate(stems)}
    scores = [Scores(n, n, "tiny", {}, ious, np.empty((0, 2)), ()) for n, ious in (("a", first), ("b", second))]
    assert chosen_frames(dataset, scores, (), 3) == [2, 3, 4]
    assert chosen_frames(dataset, scores, ("f07", "f01", "elsewhere"), 3) == [7, 1]


def test_the_papers_values_are_beside_ours() -> None:
    assert printed_in_table2("nudt-sirst", "adsnet") == TABLE2["NUDT-SIRST"]["adsnet"]
    summary = dict.fromkeys(("niou", "pd", "fa", "iou", "auc", "images", "targets"), 0.5)
    one = Scores("ours", "adsnet", "IRSTD-1k", summary, {}, np.empty((0, 2)), ())
    row = next(csv.DictReader(io.StringIO(table2_csv([one]).decode())))
    assert (row["paper_niou"], row["paper_pd"], row["paper_fa"]) == ("0.6879", "0.9318", "1.339e-05")


def test_no_two_curves_look_alike() -> None:
    assert len({style_of(number) for number in range(24)}) == 24


def test_the_best_value_is_bold() -> None:
    assert ranked([1.0, 3.0, 2.0, None]) == ["1.00", "**3.00**", "<u>2.00</u>", "–"]
    assert ranked([1.0, 3.0, 2.0], least=True) == ["**1.00**", "3.00", "<u>2.00</u>"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--detectors", "tophat,yolo"], "unknown detector 'yolo'"),
        (["--detectors", "tophat,tophat"], "a detector is named twice"),
        (["--detectors", "tophat", "--model", "mine={model}"], "--model mine=… is for none of --detectors"),
        (["--detectors", "tophat", "--model", "tophat={model}"], "tophat has no model"),
        (["--detectors", "tophat", "--model", "{model}"], "give NAME=FILE"),
        (["--detectors", "dnanet", "--model", "dnanet={model}"], "made for the detector 'adsnet', not for dnanet"),
        (["--detectors", "tophat", "--rows", "-1"], "--rows is -1"),
        (["--detectors", "tophat", "--frames", "nowhere"], "none of the sets has a frame of this name"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    options: list[str], text: str, data_set: Path, model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    made = [option.format(model=model_path) for option in options]
    assert main(["compare", "--data", str(data_set), "--out", str(tmp_path / "out"), *made]) == 2
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_network_without_a_model_is_refused_by_name_and_left_out_otherwise(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(resources, "path_of", lambda name: tmp_path)
    command = ["compare", "--data", str(data_set), "--out", str(tmp_path / "out")]
    assert main([*command, "--detectors", "tophat,rdian"]) == 2
    assert "no shipped model of rdian; train one with" in capsys.readouterr().err
    found, left_out = contestants(None, {})
    assert [one.name for one in found] == list(METHODS)
    assert [text.split(" is left out: ")[0] for text in left_out] == ["alcnet", "dnanet", "rdian", "adsnet"]


def test_a_frame_that_cannot_be_read_is_told_and_left_out(tmp_path: Path, capsys: Capture) -> None:
    data, out = write_set(tmp_path / "set", count=4), tmp_path / "out"
    (data / "images" / "f02.png").write_bytes(b"no picture")
    for _ in range(2):  # also when the scores are kept
        assert main(["compare", "--data", str(data), "--detectors", "tophat,lef", "--out", str(out)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "f02.png" in error
    assert [row["images"] for row in rows_of(out / "table2.csv")] == ["3", "3"]
    assert not (out / "table3.csv").exists()  # methods are not timed
    shutil.copy(data / "images" / "f01.png", data / "images" / "f02.png")  # and once it can be read, it is scored
    assert main(["compare", "--data", str(data), "--detectors", "tophat,lef", "--out", str(out)]) == 0
    assert [row["images"] for row in rows_of(out / "table2.csv")] == ["4", "4"]


def test_permission_to_read_a_frame_is_part_of_what_was_scored(data_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(data_set)
    before = scores_module.identity_of(dataset)
    monkeypatch.setattr(os, "access", lambda path, mode: os.fspath(path) != os.fspath(dataset.samples[3].frame.path))
    assert scores_module.identity_of(dataset) != before


def test_a_frame_that_one_detector_cannot_take_is_not_shown(
    rdian_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    data, out = write_set(tmp_path / "set", count=3), tmp_path / "out"
    pixels, label = make_frame(80, 120, seed=9)
    Image.fromarray(pixels).save(data / "images" / "giant.png")
    write_mask(data / "masks" / "giant.png", label)
    monkeypatch.setattr(rival_predictor, "MAX_PIXELS", 80 * 100)
    options = ["--data", str(data), "--detectors", "tophat,rdian", "--model", f"rdian={rdian_path}", "--out", str(out)]
    assert main(["compare", *options]) == 2
    assert "giant" in capsys.readouterr().err and (out / "figure6_set.png").exists()
    assert "f00" in (out / "figure6_set.svg").read_text() and "giant" not in (out / "figure6_set.svg").read_text()
    (out / "tables.md").unlink()
    assert main(["compare", *options, "--frames", "giant"]) == 2
    assert "giant.png: " in capsys.readouterr().err and (out / "tables.md").exists()  # not lost with the picture


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
def test_a_frame_whose_name_is_no_text_is_pictured(tmp_path: Path) -> None:
    data, out = write_set(tmp_path / "set", count=2), tmp_path / "out"
    for folder in ("images", "masks"):
        (data / folder / "f00.png").rename(data / folder / os.fsdecode(b"caf\xe9.png"))
    assert main(["compare", "--data", str(data), "--detectors", "tophat", "--out", str(out)]) == 0
    assert "caf\\udce9" in (out / "figure6_set.svg").read_text("utf-8")
