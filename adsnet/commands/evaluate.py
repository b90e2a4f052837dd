"""``adsnet evaluate``: figures of a model, or of saved masks, on a labelled data set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from adsnet.cli import print_error, raw_of
from adsnet.commands.models import load_source
from adsnet.conventions import Conventions, parse_conventions
from adsnet.data.datasets import Dataset, open_dataset
from adsnet.data.labels import read_mask
from adsnet.errors import ConfigError, DatasetError
from adsnet.evaluation import Report, evaluate, evaluate_masks, labelled_only
from adsnet.processes import connected
from adsnet.storage.atomic import read_json, write_json


def execute(options: argparse.Namespace) -> int:
    """Print the figures; 2 when a frame could not be scored."""
    if len(options.data) != 1:
        raise ConfigError("evaluate takes one --data; run it once for each data set")
    if options.predictions:
        for name in ("model", "detector", "engine", "device", "precision", "drop", "keep_threshold"):
            if getattr(options, name) is not None:
                raise ConfigError(f"--predictions are scored as they are; leave out --{name.replace('_', '-')}")
    if options.predictions and options.curve:
        raise ConfigError("saved masks have one threshold; leave out --curve")
    if not all(0 <= threshold <= 1 for threshold in options.curve):
        raise ConfigError(f"--curve {' '.join(map(str, options.curve))}: thresholds are numbers from 0 to 1")
    conventions = parse_conventions(options.conventions)
    folder, split = options.data[0]
    dataset = labelled_only(open_dataset(folder, split=split, default_split=True, raw=raw_of(options)))
    if options.predictions:
        report = _from_masks(dataset, options.predictions, conventions)
    else:
        report, speaks = _from_model(dataset, options, conventions)
        if not speaks:
            return 0
    for problem in report.problems:
        print_error(problem)
    for key, value in report.summary.items():
        print(f"{key:>18}  {_shown(value)}")
    if options.json:
        write_json(options.json, report.summary)
    return 2 if report.problems else 0


def _from_model(dataset: Dataset, options: argparse.Namespace, conventions: Conventions) -> tuple[Report, bool]:
    """The report, and whether this process is the one that prints it."""
    with connected() as processes:
        source = load_source(options)
        hidden = None if processes.first else True
        with tqdm(total=len(dataset.samples), unit="frame", disable=hidden) as bar:
            report = evaluate(
                dataset,
                lambda pixels: source.predict([pixels])[0],
                conventions=conventions,
                thresholds=options.curve,
                progress=lambda done, count: bar.update(done - bar.n),
                processes=processes,
            )
        return report, processes.first


def _from_masks(dataset: Dataset, folder: Path, conventions: Conventions) -> Report:
    record = read_json(folder / "predictions.json")
    try:
        seconds = _mean([float(frame["seconds"]) for frame in record["frames"]])
        model = str(record["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{folder / 'predictions.json'}: not written by 'adsnet predict'; predict again") from error
    report = evaluate_masks(
        dataset,
        lambda stem, shape: read_mask(folder / "masks" / f"{stem}.png", shape=shape),
        conventions=conventions,
    )
    return replace(report, summary={**report.summary, "model": model, "seconds_per_image": seconds})


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
