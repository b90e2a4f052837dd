"""The scores of each detector on each set, computed once: they are kept by what they follow from."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.comparison.contestants import Contestant
from adsnet.data.datasets import Dataset
from adsnet.errors import StorageError
from adsnet.evaluation import evaluate
from adsnet.metrics import METRICS_VERSION
from adsnet.storage.atomic import read_json, write_json

CACHE = "scores"
"""The folder of the scores in the folder of a comparison."""


@dataclass(frozen=True)
class Scores:
    """What one detector does on one set.

    Attributes:
        summary: as ``adsnet evaluate`` writes it.
        ious: IoU of the frames that hold a target, by stem.
        roc: (n, 2) false and true positive rate.
        problems: one sentence for each frame that could not be scored.
    """

    name: str
    detector: str
    dataset: str
    summary: dict[str, Any]
    ious: dict[str, float]
    roc: NDArray[np.float64]
    problems: tuple[str, ...]


def score_all(
    entries: Sequence[Contestant],
    datasets: Sequence[Dataset],
    out: Path,
    progress: Callable[[int, int, str], object] = lambda done, count, text: None,
) -> list[Scores]:
    """The scores of all detectors on all sets, by set; those in ``out`` are read.

    ``progress`` is told frames done, frames to do in all and what is worked on; scores that were kept count as done.

    Raises:
        AdsnetError: a model or set that cannot be used; what was scored before is kept.
    """
    count = len(entries) * sum(len(dataset.samples) for dataset in datasets)
    results, done = [], 0
    for dataset in datasets:
        data = identity_of(dataset)
        for entry in entries:
            text = f"{entry.name} on {dataset.name}"
            path = out / CACHE / f"{entry.detector}_{_plain(dataset.name)}_{_key(entry.identity, data)}.json"
            scores = _read(path)
            if scores is None:
                scores = _score(entry, dataset, lambda d, n, t=text, done=done: progress(done + d, count, t))  # type: ignore[misc]
                write_json(path, scores)
            done += len(dataset.samples)
            progress(done, count, text)
            results.append(_made(entry, dataset, scores))
    return results


def problems_of(scores: Sequence[Scores]) -> list[str]:
    """One sentence for each frame that could not be scored, once, whichever detector it was."""
    return list(dict.fromkeys(problem for one in scores for problem in one.problems))


def identity_of(dataset: Dataset) -> str:
    """Names, sizes and dates of the frames and labels of a set, and which can be read, as hexadecimal digits."""
    digest = hashlib.sha256()
    for sample in dataset.samples:
        for path in (sample.frame.path, sample.mask):
            found = os.stat(path) if path is not None and os.path.exists(path) else None
            seen = (found.st_size, found.st_mtime_ns, os.access(path or "", os.R_OK)) if found else None
            digest.update(f"{sample.frame.stem}\0{seen}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _score(entry: Contestant, dataset: Dataset, progress: Callable[[int, int], object]) -> dict[str, Any]:
    report = evaluate(dataset, entry.predict(), progress=progress)
    return {
        "summary": report.summary,
        "ious": {frame["frame"]: frame["iou"] for frame in report.frames if frame["targets"]},
        "roc": None if np.isnan(report.roc).any() else report.roc.tolist(),
        "problems": list(report.problems),
    }


def _made(entry: Contestant, dataset: Dataset, scores: dict[str, Any]) -> Scores:
    roc = np.empty((0, 2)) if scores["roc"] is None else np.array(scores["roc"])
    problems = tuple(scores["problems"])
    return Scores(entry.name, entry.detector, dataset.name, scores["summary"], scores["ious"], roc, problems)


def _read(path: Path) -> dict[str, Any] | None:
    """What was kept, None where it is not there or is damaged."""
    try:
        values = read_json(path)
    except StorageError:
        return None
    whole = isinstance(values, dict) and values.keys() == {"summary", "ious", "roc", "problems"}
    return values if whole else None


def _key(entry: str, data: str) -> str:
    return hashlib.sha256(f"{METRICS_VERSION} {entry} {data}".encode()).hexdigest()[:20]


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)[:40]
