"""``adsnet compare``: the paper's Tables 2 and 3 and Figs. 5 and 6 for any detectors and sets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from adsnet.cli import print_error
from adsnet.comparison.compare import compare
from adsnet.comparison.contestants import contestants
from adsnet.data.datasets import Dataset, open_dataset
from adsnet.errors import ConfigError
from adsnet.evaluation import labelled_only
from adsnet.training.frames import with_distinct_names


def execute(options: argparse.Namespace) -> int:
    """Write tables and pictures and print the tables; 2 when a frame could not be scored."""
    names = options.detectors.split(",") if options.detectors else None
    entries, left_out = contestants(names, models_of(options.model))
    for text in left_out:
        tqdm.write(text, file=sys.stderr)
    datasets = sets_of(options.data)
    with Bar() as bar:
        text, problems = compare(
            entries, datasets, options.out, frames=options.frames, rows=options.rows, progress=bar.show
        )
    print(text, end="")
    print(f"\nwritten to {options.out}")
    for problem in problems:
        print_error(problem)
    return 2 if problems else 0


def models_of(pairs: Sequence[str]) -> dict[str, Path]:
    """``NAME=FILE`` of each ``--model``. Raises ConfigError."""
    models: dict[str, Path] = {}
    for pair in pairs:
        name, sign, file = pair.partition("=")
        if not (name and sign and file):
            raise ConfigError(f"--model {pair}: give NAME=FILE, for instance dnanet=RUN/model.safetensors")
        if name in models:
            raise ConfigError(f"--model {name}=… is given twice; give each name once")
        models[name] = Path(file)
    return models


def sets_of(data: Sequence[tuple[Path, Path | None]]) -> list[Dataset]:
    """The labelled frames of each ``--data``, with names of their own. Raises DatasetError."""
    opened = [labelled_only(open_dataset(folder, split=split, default_split=True)) for folder, split in data]
    for dataset, (folder, _) in zip(opened, data, strict=True):
        if not dataset.samples:
            print_error(f"{folder}: holds no labelled frame and is left out")
    with_frames = [dataset for dataset in opened if dataset.samples]
    if not with_frames:
        raise ConfigError("no set has a labelled frame; check --data")
    return with_distinct_names(with_frames)


class Bar(AbstractContextManager["Bar"]):
    """A bar with percent and time left for each part of the work; what was kept from before does not count as speed."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def show(self, done: int, count: int, text: str) -> None:
        """``done`` of ``count``; another count begins another bar."""
        if self._bar is None or self._bar.total != count or done < self._bar.n:
            self._close()
            self._bar = tqdm(total=count, initial=done, disable=None)
        self._bar.set_description(text, refresh=False)
        self._bar.update(done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()
