"""``adsnet train``: one run on the terminal."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from adsnet.cli import INTERRUPTED
from adsnet.config import TrainConfig, from_dict
from adsnet.errors import ConfigError
from adsnet.model_file import read_card, require_detector, resolve_model
from adsnet.processes import connected
from adsnet.recipes import NAMED_CONFIGS, PLANS
from adsnet.storage.atomic import read_json
from adsnet.training.run import (
    MODEL_FILE,
    Event,
    Finished,
    Notice,
    Scored,
    Step,
    TrainJob,
    require_new_folder,
    run,
)


def execute(options: argparse.Namespace) -> int:
    """Train until done or interrupted, one configuration after the other; 130 when interrupted."""
    jobs = jobs_of(options)
    for job in jobs:
        if not job.resume:  # found out now, not after the hours of the one before
            require_new_folder(job.out)
    with stopped_by_interrupt() as stop, connected() as processes:
        show = _json_line if options.json_events else _Terminal()
        for job in jobs:
            for event in run(job, stop.is_set, processes):
                if processes.first:
                    show(event)
            if isinstance(event, Finished) and event.stopped:
                return INTERRUPTED
    return 0


@contextmanager
def stopped_by_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl+C sets: the step is finished and saved. A second Ctrl+C ends the process at once."""
    stop = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


def jobs_of(options: argparse.Namespace) -> list[TrainJob]:
    """The runs that the options ask for: one for each ``--config``, or those of ``--plan``, on from the one before.

    The last one has the folder ``--out``, those before it ``stage-1`` and so on in it.

    Raises:
        ConfigError, StorageError, ModelFileError: as of ``train_config`` and ``--init``.
    """
    init = resolve_model(options.init) if options.init else None
    if options.plan and (init or options.detector):
        raise ConfigError("--plan says itself what is trained, from nothing; leave out --init and --detector")
    names = PLANS[options.plan] if options.plan else options.config or ["fine-tune" if init else "default"]
    configs = [train_config(name) for name in names]
    if options.detector is not None:
        configs = [dataclasses.replace(config, detector=options.detector) for config in configs]
        if init is not None:
            require_detector(init, read_card(init), options.detector)
    if options.iterations is not None:
        configs = [dataclasses.replace(config, iterations=options.iterations) for config in configs]
    jobs: list[TrainJob] = []
    for number, config in enumerate(configs, start=1):
        out = options.out / f"stage-{number}" if number < len(configs) else options.out
        backgrounds = tuple(options.background)
        jobs.append(TrainJob(tuple(options.data), out, config, backgrounds, init=init, resume=options.resume))
        init = out / MODEL_FILE
    return jobs


def train_config(name: str) -> TrainConfig:
    """A named configuration or one from a JSON file. Raises ConfigError, StorageError."""
    if name in NAMED_CONFIGS:
        return NAMED_CONFIGS[name]
    if not os.path.isfile(name):
        raise ConfigError(f"{name}: no such configuration; give a JSON file or one of: {', '.join(NAMED_CONFIGS)}")
    return from_dict(TrainConfig, read_json(Path(name)))


def event_to_json(event: Event) -> dict[str, Any]:
    """One event as JSON types, ``event`` names its kind."""
    kind = type(event).__name__.lower()
    if isinstance(event, Scored):
        return {"event": kind, "which": event.which, "dataset": event.dataset, **event.report.summary}
    if isinstance(event, Finished):
        return {"event": kind, "model": str(event.model), "iteration": event.iteration, "stopped": event.stopped}
    return {"event": kind, **dataclasses.asdict(event)}


def _json_line(event: Event) -> None:
    sys.stdout.write(json.dumps(event_to_json(event)) + "\n")
    sys.stdout.flush()


class _Terminal:
    """A progress bar with the loss, and a line for everything else."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            if self._bar is None:
                self._bar = tqdm(total=event.iterations, initial=event.iteration - 1, unit="step", disable=None)
            self._bar.update()
            self._bar.set_postfix(loss=f"{event.losses['total']:.3f}")
            if event.iteration == event.iterations:
                self._bar.close()
                self._bar = None
        elif isinstance(event, Notice):
            tqdm.write(event.text)
        elif isinstance(event, Scored):
            figures = ", ".join(f"{key} {event.report.summary[key]}" for key in ("niou", "iou", "pd", "fa"))
            tqdm.write(f"{event.which} on the held-out frames of {event.dataset}: {figures}")
        else:
            tqdm.write(f"{'stopped' if event.stopped else 'done'} at iteration {event.iteration}: {event.model}")
