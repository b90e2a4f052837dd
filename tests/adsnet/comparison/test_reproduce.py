"""``adsnet reproduce``: a handful of iterations on a tiny set give every table and figure, once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adsnet.cli import main
from adsnet.comparison import reproduce as module
from adsnet.comparison.ablations import ablations, base_of
from adsnet.comparison.reproduce import Part, Plan, Stopped, reproduce
from adsnet.config import TrainConfig, to_dict
from tests.adsnet.tiny import quick, write_set

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def nudt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny set with the name of the paper's."""
    return write_set(tmp_path_factory.mktemp("sets") / "NUDT-SIRST", count=5, height=64, width=64)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(to_dict(quick(iterations=7))))
    return path


def run(data: Path, config: Path, out: Path, *what: object) -> int:
    common = ["--data", str(data), "--config", str(config), "--iterations", "1", "--rows", "1", "--out", str(out)]
    return main(["reproduce", *map(str, what), *common])


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_every_row_of_the_paper_is_there() -> None:
    tables = ablations(base_of(TrainConfig()).model)
    assert {number: len(table.variants) for number, table in tables.items()} == {4: 4, 5: 3, 6: 2, 7: 4, 8: 5}
    assert sum(variant.model == base_of(TrainConfig()).model for t in tables.values() for variant in t.variants) == 9
    assert [v.printed.niou for v in tables[7].variants] == [85.86, 85.94, 85.01, 83.45]
    assert [v.sparsity.drop for v in tables[8].variants][-2:] == [(0.0, 0.25), (0.0, 0.0)]


def test_no_row_is_calibrated_on_the_frames_it_is_judged_on() -> None:
    assert not base_of(TrainConfig(calibrate=True)).calibrate


def test_ablations_share_their_trainings(
    nudt: Path, config: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run(nudt, config, out, "--table", 6, 8, "--figure", 8) == 0
    assert len(list((out / "runs").iterdir())) == 2  # with and without the IoU-aware score
    shown = capsys.readouterr().out
    assert "## Table 6: the IoU-aware score" in shown and "(85.94)" in shown and "1 iterations each" in shown
    six, eight = (rows_of(out / f"table{number}.csv") for number in (6, 8))
    assert [row["IoU-aware"] for row in six] == ["–", "yes"] and six[1]["paper_pd"] == "0.9816"
    assert [row["paper_seconds"] for row in eight] == ["0.056", "0.041", "0.032", "0.071", "0.096"]
    assert all(0 <= float(row["niou"]) <= 1 and float(row["seconds"]) > 0 for row in (*six, *eight))
    assert (out / "table8.md").read_text("utf-8") in shown
    with Image.open(out / "figure8_NUDT-SIRST.png") as picture:
        assert picture.width > 4 * picture.height / 2

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr("adsnet.comparison.scores.evaluate", refuse)
    assert run(nudt, config, out, "--table", 6) == 0


@pytest.mark.slow
def test_all_tables_and_figures(nudt: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(nudt, config, out, "--table", *range(2, 9), "--figure", *range(5, 9)) == 0
    names = {path.name for path in out.iterdir()}
    assert {f"table{number}.csv" for number in range(2, 9)} <= names
    pictures = {f"figure{number}_NUDT-SIRST.{kind}" for number in range(5, 9) for kind in ("png", "svg")}
    assert pictures <= names
    detectors = [row["detector"] for row in rows_of(out / "table2.csv")]
    assert detectors == ["tophat", "lef", "aadcdd", "tllcm", "alcnet", "dnanet", "rdian", "adsnet"]
    assert len(list((out / "runs").iterdir())) == 1 + 3 + 3 + 2 + 1 + 3  # base, rivals, Tables 4, 5, 6 and 7


def test_a_stopped_reproduction_goes_on(nudt: Path, tmp_path: Path) -> None:
    plan = Plan((6,), (), ((nudt, None),), tmp_path / "out", quick(iterations=3))
    steps = iter([False, True])
    assert list(reproduce(plan, should_stop=lambda: next(steps))) == [Stopped()]
    (folder,) = (tmp_path / "out" / "runs").iterdir()
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2
    (text,) = reproduce(plan)
    assert isinstance(text, str) and text.startswith("## Table 6")
    assert all(len((f / "metrics.jsonl").read_text().splitlines()) == 3 for f in (tmp_path / "out" / "runs").iterdir())


def test_a_frame_that_cannot_be_scored_is_told_and_counts(config: Path, tmp_path: Path, capsys: Capture) -> None:
    data = write_set(tmp_path / "NUDT-SIRST", count=8, height=64, width=64)
    (data / "images" / "f02.png").write_bytes(b"no picture")  # one of the two that are held out
    assert run(data, config, tmp_path / "out", "--table", "8") == 2
    captured = capsys.readouterr()
    assert "f02.png" in captured.err and "Table 8" in captured.out


def test_a_score_is_interrupted_at_once(nudt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan((8,), (), ((nudt, None),), tmp_path / "out", quick(iterations=1))
    trained: list[str] = []
    judge = module._judge

    def begun(*arguments: Any) -> Iterator[Part]:
        trained.append("all")
        return judge(*arguments)

    monkeypatch.setattr(module, "_judge", begun)
    with pytest.raises(KeyboardInterrupt):
        list(reproduce(plan, should_stop=lambda: bool(trained)))
    assert trained and not (tmp_path / "out" / "table8.csv").exists()


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (["--table", "1"], "there is no --table 1"),
        (["--figure", "4"], "there is no --figure 4"),
        ([], "nothing to reproduce"),
    ],
)
def test_what_the_paper_does_not_have_is_one_sentence(
    what: list[str], text: str, nudt: Path, config: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run(nudt, config, tmp_path / "out", *what) == 2
    assert text in capsys.readouterr().err
