"""The benchmark on small frames: its figures are there and hang together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from adsnet import benchmark as module
from adsnet.cli import main


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, model_path: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("benchmark")
    patch = pytest.MonkeyPatch()
    with patch.context() as p:
        p.setattr(module, "ROUNDS", 5)
        p.setattr(module, "PEAK_SIDE", 64)
        p.setattr(module, "SLIDER_SIDE", 64)
        arguments = ["--sizes", "64", "--engines", "dense", "gather", "auto", "--detectors", "adsnet", "rdian"]
        files = ["--json", str(folder / "b.json"), "--markdown", str(folder / "b.md"), "--chart", str(folder / "b.svg")]
        assert main(["benchmark", "--model", str(model_path), *arguments, *files, "--drop", "0.9", "0.97"]) == 0
    return {"json": json.loads((folder / "b.json").read_text()), "folder": folder}


def test_the_json_has_the_documented_keys(result: dict[str, Any]) -> None:
    values = result["json"]
    assert {"cpu", "cores", "peak_gflops"} <= set(values["machine"]) and values["machine"]["peak_gflops"]["fp32"] > 0
    keys = {"detector", "engine", "dtype", "size", "drop", "ms_median", "ms_p25", "ms_p75", "gflop_dense", "gflop_done"}
    for row in values["rows"]:
        assert keys | {"peak_mb", "stages"} <= set(row)
        assert 0 < row["ms_p25"] <= row["ms_median"] <= row["ms_p75"] and row["peak_mb"] > 0
        assert all({"ms", "gflop"} <= set(stage) for stage in row["stages"].values())
    assert {(row["detector"], row["engine"]) for row in values["rows"]} == {
        ("adsnet", "dense"), ("adsnet", "gather"), ("adsnet", "auto"), ("rdian", "module"), ("rdian", "folded"),
    }  # fmt: skip
    assert all(value > 0 for key, value in values["sliders"].items() if key != "dtype")


def test_only_the_sparse_engines_save_work(result: dict[str, Any]) -> None:
    rows = {row["engine"]: row for row in result["json"]["rows"] if row["dtype"] == "fp32" and row["drop"]}
    assert rows["dense"]["gflop_done"] == rows["dense"]["gflop_dense"] == rows["gather"]["gflop_dense"]
    assert rows["gather"]["gflop_done"] < rows["dense"]["gflop_done"]
    assert sum(stage["gflop"] for stage in rows["gather"]["stages"].values()) == pytest.approx(
        rows["gather"]["gflop_done"], rel=0.01
    )


def test_the_table_and_the_chart_show_every_row(result: dict[str, Any]) -> None:
    table = (result["folder"] / "b.md").read_text()
    for row in result["json"]["rows"]:
        assert f"| 64 | {row['detector']} | {row['engine']} | {row['dtype']} |" in table
    picture = ElementTree.parse(result["folder"] / "b.svg")
    texts = [element.text or "" for element in picture.iter() if element.tag.endswith("text")]
    assert sum("ms" in text for text in texts) == len(result["json"]["rows"])
    assert "64 × 64" in texts and "stage 2" in texts


@pytest.mark.parametrize("size", ["8", "-3", "5000"])
def test_a_size_that_cannot_be_is_one_line(model_path: Path, capsys: pytest.CaptureFixture[str], size: str) -> None:
    assert main(["benchmark", "--model", str(model_path), "--sizes", size]) == 2
    assert capsys.readouterr().err.strip() == f"adsnet: error: the size {size} is not between 16 and 4096"


def test_an_unknown_detector_is_one_line(model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--model", str(model_path), "--detectors", "yolo"]) == 2
    assert capsys.readouterr().err.strip() == (
        "adsnet: error: unknown detector 'yolo'; use one of adsnet, alcnet, dnanet, rdian"
    )
