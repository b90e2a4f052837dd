"""The frames of a run: which are trained on, which are held out, and what identifies them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adsnet.data.datasets import Dataset, hold_out, open_dataset
from adsnet.errors import TrainingError
from adsnet.evaluation import labelled_only, without_labels


def split(
    data: Sequence[tuple[Path, Path | None]], every: int, *, backgrounds: bool = False
) -> tuple[list[Dataset], list[Dataset]]:
    """The frames to train on and every n-th one, held out, for each data set. Raises TrainingError, DatasetError."""
    training, held_out = [], []
    for folder, split in data:
        dataset = open_dataset(folder, split=split, default_split=True)
        dataset = without_labels(dataset) if backgrounds else labelled_only(dataset)
        if len(dataset.samples) < 2:
            raise TrainingError(
                f"{folder}: training needs at least 2 {'' if backgrounds else 'labelled '}frames, one of them held out"
            )
        used, kept_back = hold_out(len(dataset.samples), every)
        training.append(dataset.subset(used))
        held_out.append(dataset.subset(kept_back))
    return training, held_out


def digest_of_frames(init: Path | None, training: list[Dataset], held_out: list[Dataset]) -> str:
    """What a resumed run must share with its beginning: with other frames, held-out ones could have been trained on."""
    digest = hashlib.sha256(init.read_bytes() if init else b"")
    for part in (training, held_out):
        for dataset in part:
            stems = "\0".join([dataset.name, *(sample.frame.stem for sample in dataset.samples)])
            digest.update(hashlib.sha256(stems.encode("utf-8", "surrogateescape")).digest())
    return digest.hexdigest()


def with_distinct_names(datasets: list[Dataset]) -> list[Dataset]:
    """Every set gets a name of its own that a file can have."""
    taken: set[str] = set()
    return [replace(dataset, name=_distinct_name(dataset.name, taken)) for dataset in datasets]


def _distinct_name(name: str, taken: set[str]) -> str:
    """A manifest can be called anything, "../x" too, and two folders the same."""
    safe = re.sub(r"[^\w.-]", "_", name)[:60].strip(".") or "data"
    distinct = next(n for n in (safe, *(f"{safe}-{k}" for k in range(2, len(taken) + 3))) if n not in taken)
    taken.add(distinct)
    return distinct
