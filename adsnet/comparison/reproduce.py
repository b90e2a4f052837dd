"""Every table and figure of the paper, at a chosen budget: trains what they need, scores it and writes it down.

Whatever was trained or scored in the folder before is not done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adsnet.comparison.ablations import Ablation, Variant, ablations, base_of
from adsnet.comparison.compare import compare, write_picture
from adsnet.comparison.contestants import Contestant
from adsnet.comparison.features import afd_picture, patches_picture
from adsnet.comparison.gallery import chosen_frames
from adsnet.comparison.paper import ABLATION_SET, Printed
from adsnet.comparison.scores import Scores, problems_of, score_all
from adsnet.comparison.tables import csv_of, markdown_of, shares, with_paper
from adsnet.comparison.timing import interleaved, scene
from adsnet.config import RIVAL_NAMES, ModelConfig, TrainConfig, to_dict
from adsnet.data.datasets import Dataset
from adsnet.detectors.registry import METHODS
from adsnet.errors import ConfigError
from adsnet.storage.atomic import write_bytes
from adsnet.storage.files import shown
from adsnet.training.frames import split, with_distinct_names
from adsnet.training.run import Finished, Notice, Step, TrainJob, run

TABLES, FIGURES = range(2, 9), range(5, 9)

NOTE = """Ours after {iterations:,} iterations each, on the held-out frames of the set, 1 in {every}; in brackets what
the paper prints for its test half of NUDT-SIRST after 50,000. Times are medians of one interleaved run on this machine.
"""

Progress = Callable[[int, int, str], object]
Notify = Callable[[str], object]


@dataclass(frozen=True)
class Stopped:
    """The work was asked to end early: what is missing is done when it is started again."""


@dataclass(frozen=True)
class NotScored:
    """A frame that could not be scored is missing in what is yielded; ``problem`` says which and why."""

    problem: str


Part = str | NotScored | Stopped


@dataclass(frozen=True)
class Plan:
    """What is reproduced.

    ``data``: folders or manifests, each with an optional split file; every one of them is trained on and, by its
    held-out frames, judged on. ``config``: the budget and everything that is not ablated.
    """

    tables: tuple[int, ...]
    figures: tuple[int, ...]
    data: tuple[tuple[Path, Path | None], ...]
    out: Path
    config: TrainConfig
    rows: int = 4

    def __post_init__(self) -> None:
        for number in self.tables:
            if number not in TABLES:
                raise ConfigError(f"there is no --table {number}; the paper's tables that can be run are 2 to 8")
        for number in self.figures:
            if number not in FIGURES:
                raise ConfigError(f"there is no --figure {number}; the paper's figures that can be run are 5 to 8")
        if not (self.tables or self.figures):
            raise ConfigError("nothing to reproduce; give --table 2 … 8 or --figure 5 … 8")
        if self.rows < 0:
            raise ConfigError(f"--rows is {self.rows}; it must be 0 or more")


def reproduce(
    plan: Plan,
    progress: Progress = lambda done, count, text: None,
    should_stop: Callable[[], bool] = lambda: False,
    notify: Notify = lambda text: None,
) -> Iterator[Part]:
    """Yield each table as Markdown when it is there; it is also written to ``plan.out``, with CSV and pictures.

    ``notify`` is told one sentence for whatever a log of the trainings should hold: a damaged checkpoint, for instance.
    ``should_stop`` is asked after every step of a training and every frame that is scored.

    Raises:
        AdsnetError: as training and scoring raise; what was done before is kept.
        KeyboardInterrupt: it was asked to stop while it scored.
    """
    wanted = _configurations(plan)
    trained: dict[str, Path] = {}
    for number, (key, config) in enumerate(wanted.items(), 1):
        title = f"training {number} of {len(wanted)}"
        model = _train(plan, key, config, title, progress, should_stop, notify)
        if model is None:
            yield Stopped()
            return
        trained[key] = model
    yield from _judge(plan, trained, _that_stops(progress, should_stop))


def _judge(plan: Plan, trained: dict[str, Path], progress: Progress) -> Iterator[Part]:
    """Score what is trained and write tables and figures."""
    datasets = with_distinct_names(split(plan.data, plan.config.held_out)[1])  # what no training saw
    base = base_of(plan.config)
    parts = [f"table{n}" for n in plan.tables if n < 4] + [f"figure{n}" for n in plan.figures if n < 7]
    if parts:
        entries = [Contestant(name, name) for name in METHODS]
        entries += [Contestant(name, name, trained[_key(_rival(plan.config, name))]) for name in RIVAL_NAMES]
        entries.append(Contestant("adsnet", "adsnet", trained[_key(base)]))
        text, problems = compare(entries, datasets, plan.out, rows=plan.rows, parts=parts, progress=progress)
        yield from map(NotScored, problems)
        if text:
            yield text
    tables = ablations(base.model)
    for number in (n for n in plan.tables if n > 3):
        yield from _ablation(plan, number, tables[number], trained, datasets, progress)
    if set(plan.figures) & {7, 8}:
        _figures(plan, tables[4], trained, datasets, progress)


def _that_stops(progress: Progress, should_stop: Callable[[], bool]) -> Progress:
    """Scores are kept for each set: in between nothing is lost by ending at once."""

    def show(done: int, count: int, text: str) -> None:
        progress(done, count, text)
        if should_stop():
            raise KeyboardInterrupt

    return show


def _configurations(plan: Plan) -> dict[str, TrainConfig]:
    """Every training that is needed, once, by its key."""
    base = base_of(plan.config)
    wanted = [base]
    if {2, 3} & set(plan.tables) or {5, 6} & set(plan.figures):
        wanted += [_rival(plan.config, name) for name in RIVAL_NAMES]
    tables = ablations(base.model)
    for number in sorted({n for n in plan.tables if n > 3} | ({4} if 7 in plan.figures else set())):
        wanted += [replace(base, model=variant.model) for variant in tables[number].variants]
    return {_key(config): config for config in wanted}


def _rival(config: TrainConfig, name: str) -> TrainConfig:
    return replace(base_of(config), detector=name, model=ModelConfig())  # type: ignore[arg-type]


def _key(config: TrainConfig) -> str:
    return hashlib.sha256(json.dumps(to_dict(config), sort_keys=True).encode()).hexdigest()[:12]


def _train(
    plan: Plan,
    key: str,
    config: TrainConfig,
    title: str,
    progress: Progress,
    should_stop: Callable[[], bool],
    notify: Notify,
) -> Path | None:
    """The model of a configuration, trained or gone on with as needed; None when it was stopped."""
    out = plan.out / "runs" / f"{config.detector}-{key}"
    for event in run(TrainJob(plan.data, out, config, resume=True), should_stop):
        if isinstance(event, Step):
            progress(event.iteration, event.iterations, f"{title}: {config.detector}")
        elif isinstance(event, Notice):
            notify(f"{title}, {config.detector}: {event.text}")
        elif isinstance(event, Finished):
            return None if event.stopped else event.model
    return None


def _ablation(
    plan: Plan,
    number: int,
    table: Ablation,
    trained: dict[str, Path],
    datasets: Sequence[Dataset],
    progress: Progress,
) -> Iterator[Part]:
    entries = [_entry(plan, variant, trained) for variant in table.variants]
    scores = score_all(entries, datasets, plan.out, progress)
    yield from map(NotScored, problems_of(scores))
    seconds: dict[str, float] = {}
    if "seconds" in table.columns:
        frame = scene()
        cases = {entry.name: (entry.predict(precision="auto"), frame) for entry in entries}
        seconds = interleaved(cases, lambda done, count: progress(done, count, "times, all in turn"))
    headings = [table.column, *(_HEADINGS[column] for column in table.columns)]
    text = f"## Table {number}: {table.title}\n\n"
    text += NOTE.format(iterations=plan.config.iterations, every=plan.config.held_out)
    if number == 8:
        text += "One model, trained once: the fractions are those of inference.\n"
    rows: list[list[Any]] = []
    for dataset in datasets:
        body = []
        for variant in table.variants:
            one = next(s for s in scores if s.dataset == dataset.name and s.name == variant.label)
            printed = variant.printed if dataset.name.lower() == ABLATION_SET.lower() else None
            body.append([variant.label, *(_cell(column, one, seconds, printed) for column in table.columns)])
            ours = [one.summary[key] for key in ("niou", "pd", "fa")]
            beside = [*shares(printed), printed.seconds if printed else None]
            rows.append([dataset.name, variant.label, *ours, seconds.get(variant.label), *beside])
        text += f"\n### {dataset.name}: {len(dataset.samples)} frames\n\n{markdown_of(headings, body)}"
    columns = ["niou", "pd", "fa", "seconds"]
    named = ["set", table.column, *columns, *(f"paper_{column}" for column in columns)]
    write_bytes(plan.out / f"table{number}.csv", csv_of(named, rows))
    write_bytes(plan.out / f"table{number}.md", text.encode("utf-8"))
    yield text


_HEADINGS = {"niou": "nIoU (%)", "pd": "Pd (%)", "fa": "Fa (10⁻⁶)", "seconds": "seconds for 256×256"}


def _cell(column: str, one: Scores, seconds: dict[str, float], printed: Printed | None) -> str:
    beside = None if printed is None else getattr(printed, column)
    if column == "seconds":
        return with_paper(f"{seconds[one.name]:.4f}", beside)
    value = one.summary[column]
    return with_paper("–" if value is None else f"{value * (1e6 if column == 'fa' else 1e2):.2f}", beside)


def _entry(plan: Plan, variant: Variant, trained: dict[str, Path]) -> Contestant:
    model = trained[_key(replace(base_of(plan.config), model=variant.model))]
    return Contestant(variant.label, "adsnet", model, variant.sparsity)


def _figures(
    plan: Plan, table4: Ablation, trained: dict[str, Path], datasets: Sequence[Dataset], progress: Progress
) -> None:
    """Figs. 7 and 8, of the frames that the base model fails at most."""
    base = Contestant("adsnet", "adsnet", trained[_key(base_of(plan.config))])
    scores = score_all([base], datasets, plan.out, progress)
    for dataset in datasets:
        indices = chosen_frames(dataset, [one for one in scores if one.dataset == dataset.name], (), plan.rows)
        frames = [(shown(dataset.samples[index].frame.stem), *dataset.read(index)) for index in indices]
        if 7 in plan.figures and frames:
            models = {v.label: _entry(plan, v, trained).model for v in table4.variants}
            named = {label: model for label, model in models.items() if model is not None}
            write_picture(plan.out / f"figure7_{dataset.name}", afd_picture(frames, named))
        if 8 in plan.figures and frames and base.model is not None:
            write_picture(plan.out / f"figure8_{dataset.name}", patches_picture(frames, base.model))
