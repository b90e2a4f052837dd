"""The paper's Tables 2 and 3 and Figs. 5 and 6 for any detectors and sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from adsnet.comparison.contestants import Contestant
from adsnet.comparison.gallery import chosen_frames, gallery, require_frames, rows_of
from adsnet.comparison.picture import Picture
from adsnet.comparison.roc import Curve, roc_picture
from adsnet.comparison.scores import CACHE, Scores, problems_of, score_all
from adsnet.comparison.tables import table2_csv, table2_markdown, table3_csv, table3_markdown
from adsnet.comparison.timing import Cost, costs
from adsnet.data.datasets import Dataset
from adsnet.errors import ConfigError, StorageError
from adsnet.storage.atomic import read_json, write_bytes, write_json

Progress = Callable[[int, int, str], object]

NOTE = """Ours, and the paper's in brackets; the best value of a column is bold, the second best underlined. Measured
on the frames of each heading; the paper used a test half of each set, so the two can only be compared where the split
is the same. Networks in fp32, ADSNet with {dropped} of the patches dropped; methods at the paper's settings with the
thresholds that `adsnet info` lists.
"""

TIMED = """Median of one interleaved run on this machine, from a 256×256 frame to its probabilities, each network in the
fastest type that is exact enough for it; the paper's seconds, in brackets, are of another machine.
"""


def compare(
    entries: Sequence[Contestant],
    datasets: Sequence[Dataset],
    out: Path,
    *,
    frames: Sequence[str] = (),
    rows: int = 4,
    parts: Sequence[str] = ("table2", "table3", "figure5", "figure6"),
    progress: Progress = lambda done, count, text: None,
) -> tuple[str, list[str]]:
    """Write what ``parts`` names into ``out``; the tables as Markdown and a sentence for each frame not scored.

    ``frames``: stems to show, otherwise ``rows`` of each set that the detectors fail at most. Scores and times are
    kept in ``out`` and computed once.

    Raises:
        AdsnetError: a model, set or name that cannot be used; what was computed before is kept.
    """
    if rows < 0:
        raise ConfigError(f"--rows is {rows}; it must be 0 or more")
    require_frames(datasets, frames)
    text = ""
    scores = score_all(entries, datasets, out, progress) if set(parts) - {"table3"} else []
    if "table2" in parts:
        dropped = next((f"{e.sparsity.drop[0]:g} and {e.sparsity.drop[1]:g}" for e in entries), "")
        text += f"## Table 2\n\n{NOTE.format(dropped=dropped)}\n{table2_markdown(scores)}\n"
        write_bytes(out / "table2.csv", table2_csv(scores))
    networks = {entry.name: entry for entry in entries if entry.model is not None}
    if "table3" in parts and networks:
        found = _costs(networks, out, progress)
        detectors = {name: entry.detector for name, entry in networks.items()}
        text += f"## Table 3\n\n{TIMED}\n{table3_markdown(found, detectors)}\n"
        write_bytes(out / "table3.csv", table3_csv(found, detectors))
    if text:  # before the pictures, which can fail
        write_bytes(out / "tables.md", text.encode("utf-8"))
    for dataset in datasets:
        of_set = [one for one in scores if one.dataset == dataset.name]
        if "figure5" in parts and any(len(one.roc) for one in of_set):
            write_picture(out / f"figure5_{dataset.name}", _roc(dataset.name, of_set))
        indices = chosen_frames(dataset, of_set, frames, rows) if "figure6" in parts else []
        if indices:
            progress(0, len(entries), f"pictures of {dataset.name}")
            shown = rows_of(dataset, indices, entries)
            write_picture(out / f"figure6_{dataset.name}", gallery(shown, [entry.name for entry in entries]))
    return text, problems_of(scores)


def write_picture(path: Path, picture: Picture) -> None:
    """``path`` with the suffixes .svg and .png."""
    write_bytes(path.with_name(path.name + ".svg"), picture.svg())
    write_bytes(path.with_name(path.name + ".png"), picture.png())


def _roc(name: str, scores: Sequence[Scores]) -> Picture:
    curves = [Curve(one.name, one.roc, one.summary["auc"]) for one in scores if len(one.roc)]
    return roc_picture(f"ROC on {name}, {scores[0].summary['images']} frames", curves)


def _costs(networks: dict[str, Contestant], out: Path, progress: Progress) -> dict[str, Cost]:
    key = hashlib.sha256("".join(entry.identity for entry in networks.values()).encode()).hexdigest()[:20]
    path = out / CACHE / f"times_{key}.json"
    try:
        kept = {name: Cost(*values) for name, values in read_json(path).items()}
    except (StorageError, TypeError, AttributeError):
        kept = {}
    if kept.keys() != networks.keys():
        kept = costs(networks, lambda done, count: progress(done, count, "times, all in turn"))
        write_json(path, kept)
    return {name: kept[name] for name in networks}
