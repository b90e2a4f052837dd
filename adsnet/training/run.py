"""One training run, as a generator of events. The command line and the window both consume it.

What a run leaves in its folder: ``config.json``, ``metrics.jsonl`` (one line a step), ``held_out_<set>.txt`` (the
frames it never trained on; a manifest, ``.json``, of a manifest and where two frames have one name), ``tensorboard/``
(the curves, where that package is installed), two checkpoints while it lasts, and ``model.safetensors`` at the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from adsnet.config import TrainConfig, to_dict
from adsnet.data.datasets import Dataset, frames_of, write_manifest
from adsnet.data.frames import stems_of
from adsnet.errors import DatasetError, TrainingError
from adsnet.evaluation import PredictFrame, Report, evaluate
from adsnet.learned import predict_frames
from adsnet.model.weights import load_any, save_network
from adsnet.model_file import ModelCard, read_card
from adsnet.processes import ALONE, Processes
from adsnet.storage.atomic import clean_temporaries, write_bytes, write_json
from adsnet.training.calibrate import best_threshold, calibrate
from adsnet.training.checkpoint import has_checkpoint, load_checkpoint, remove_checkpoints
from adsnet.training.crops import CropSource
from adsnet.training.frames import digest_of_frames, split, with_distinct_names
from adsnet.training.mistakes import Place, find_mistakes
from adsnet.training.schedule import blend
from adsnet.training.trainer import Step as Step
from adsnet.training.trainer import Trainer

MODEL_FILE = "model.safetensors"


@dataclass(frozen=True)
class TrainJob:
    """What to train.

    ``data``: folders or manifests, each with an optional split file. ``backgrounds``: folders or manifests of frames
    without targets; of these no label is read.
    """

    data: tuple[tuple[Path, Path | None], ...]
    out: Path
    config: TrainConfig
    backgrounds: tuple[Path, ...] = ()
    init: Path | None = None
    resume: bool = False
    name: str = ""


@dataclass(frozen=True)
class Notice:
    """One sentence for the log: a frame that was skipped, a damaged checkpoint, the data used."""

    text: str


@dataclass(frozen=True)
class Scored:
    """Scores on the held-out frames of one data set.

    ``which`` is ``current`` (the model that training started from) or ``candidate``; the last one of each counts.
    """

    which: str
    dataset: str
    report: Report


@dataclass(frozen=True)
class Finished:
    """The model is written and was read back. ``stopped`` when it was asked to end early."""

    model: Path
    iteration: int
    stopped: bool


Event = Step | Notice | Scored | Finished


def run(
    job: TrainJob, should_stop: Callable[[], bool] = lambda: False, processes: Processes = ALONE
) -> Iterator[Event]:
    """Train, yielding an event for every step; ``should_stop`` is asked after each.

    Of several ``processes`` every one yields the events and the first one writes the files. A step then sees as many
    crops as ``batch`` times their number.

    Raises:
        TrainingError: no usable frames, a folder that holds another run, or the loss is no longer finite (the last
            checkpoint is kept).
        DatasetError, ModelFileError, StorageError: as raised below.
    """
    if (job.config.hard_crops or job.config.blend < 1) and job.init is None:
        raise TrainingError("hard_crops and blend take a model that is trained further; name it with --init")
    job = _with_network_of_init(job)
    candidate = job.out / MODEL_FILE
    notices: list[str] = []
    state = _state_to_resume(job, notices.append)
    if not job.data:
        raise TrainingError("there is no data to train on; give at least one data set")
    every = job.config.held_out
    training, held_out = split(job.data, every)
    background, quiet = split([(folder, None) for folder in job.backgrounds], every, backgrounds=True)
    frames = digest_of_frames(job.init, training + background, held_out + quiet)
    if state is None and job.resume and os.path.exists(candidate):
        yield _already_finished(job, frames)
        return
    if state is not None and state["frames"] != frames:
        raise TrainingError(f"{job.out}: the data or --init changed since the checkpoint; use a new --out folder")
    training, held_out = (with_distinct_names(sets) for sets in (training + background, held_out + quiet))
    if processes.first:
        _write_run_files(job, training, held_out)
    sets, background = training[: len(job.data)], training[len(job.data) :]
    mistakes: list[list[list[Place]]] = state["mistakes"] if state is not None else []
    if job.config.hard_crops and state is None:
        predict = predict_frames(*load_any(cast(Path, job.init)))
        for dataset in training:
            yield Notice(
                f"looking for the mistakes of the model in the {len(dataset.samples)} frames of {dataset.name}"
            )
            mistakes.append(find_mistakes(dataset, predict, processes, should_stop=should_stop, skipped=notices.append))
        yield Notice(f"mistakes in the frames to train on: {sum(len(places) for at in mistakes for places in at)}")
        del predict  # a network and what it knows of its last frame
    source = CropSource(sets, job.config, backgrounds=background, mistakes=mistakes, skipped=notices.append)
    yield from map(Notice, notices)
    yield Notice(f"training on {source.frames} frames, {sum(len(d.samples) for d in held_out)} held out")

    trainer = Trainer(job.config, job.init, job.out, processes, state=state, frames=frames, mistakes=mistakes)
    del state  # several times the size of the network
    if job.init is not None:
        yield from _score("current", predict_frames(*load_any(job.init)), held_out, processes)
    every = job.config.evaluate_every
    for step in trainer.steps(source, should_stop):
        yield step
        if every and step.iteration % every == 0 and step.iteration < step.iterations:
            trainer.renew_statistics(source)
            predict = predict_frames(trainer.average, _card(job, training, step.iteration, frames))
            yield from _score("candidate", predict, held_out, processes)

    card = _card(job, training, trainer.iteration, frames)
    average = trainer.average
    if job.config.blend < 1:
        blend(average, load_any(cast(Path, job.init))[0], job.config.blend)
    if trainer.needs_statistics:
        yield Notice("computing the statistics of the averaged weights")
    trainer.renew_statistics(source)
    if job.config.calibrate and job.config.detector == "adsnet":
        threshold = best_threshold(predict_frames(average, card), held_out, processes)
        calibrate(average, threshold)
        card = replace(card, training={**card.training, "calibrated_from": threshold})
    if processes.first:
        save_network(candidate, average, card)
    processes.wait()
    scores: dict[str, Any] = {}
    for event in _score("candidate", predict_frames(*load_any(candidate)), held_out, processes):
        if isinstance(event, Scored):
            scores[event.dataset] = event.report.summary
        yield event
    if processes.first:
        save_network(candidate, average, ModelCard(**{**vars(card), "metrics": scores}))
        if trainer.iteration == job.config.iterations:
            remove_checkpoints(job.out)
    yield Finished(candidate, trainer.iteration, stopped=trainer.iteration < job.config.iterations)


def _with_network_of_init(job: TrainJob) -> TrainJob:
    """A model that is trained further keeps its network and its input, whatever the configuration says of them."""
    if job.init is None:
        return job
    card = read_card(job.init)
    config = replace(
        job.config,
        detector=cast(Any, card.detector),  # a name that reading the card has checked
        model=card.model,
        normalisation=card.normalisation,
    )
    return replace(job, config=config)


def _state_to_resume(job: TrainJob, skipped: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest whole checkpoint of the run to go on with, None to start afresh. Raises TrainingError."""
    if not job.resume:
        require_new_folder(job.out)
        return None
    clean_temporaries(job.out)
    state = load_checkpoint(job.out, skipped)
    # Of an older version too: an option that came later changes the rest of the run by its default.
    if state is not None and json.loads(state["config"]) != json.loads(json.dumps(to_dict(job.config))):
        raise TrainingError(f"{job.out}: the checkpoint was made with another configuration; use a new --out folder")
    return state


def require_new_folder(out: Path) -> None:
    """Raise TrainingError where a run was written already."""
    if os.path.exists(out / MODEL_FILE) or has_checkpoint(out):
        raise TrainingError(f"{out}: holds a run already; go on with it by --resume, or use a new --out folder")


def _already_finished(job: TrainJob, frames: str) -> Finished:
    """A run that ended has a model and no checkpoint.

    Raises:
        TrainingError: the model is not that of the end, or of other frames, another start or another configuration.
    """
    done = read_card(job.out / MODEL_FILE).training
    if done.get("iterations") != job.config.iterations:
        raise TrainingError(f"{job.out}: holds a model but no checkpoint to go on from; use a new --out folder")
    # Models of before ``frames`` was recorded are taken by their configuration.
    if done.get("frames", frames) != frames or done.get("config") != json.loads(json.dumps(to_dict(job.config))):
        raise TrainingError(
            f"{job.out}: holds a run with other data, another configuration or another --init; use a new --out folder"
        )
    return Finished(job.out / MODEL_FILE, job.config.iterations, stopped=False)


def _write_run_files(job: TrainJob, training: list[Dataset], held_out: list[Dataset]) -> None:
    write_json(job.out / "config.json", to_dict(job.config))
    for others, dataset in zip(training, held_out, strict=True):
        stems = stems_of(frames_of(dataset.samples))
        everywhere = [*stems, *stems_of(frames_of(others.samples))]
        path = job.out / f"held_out_{dataset.name}.txt"
        # Names would not tell which frames these are; of a manifest the frames without a label count as well.
        if dataset.layout == "manifest" or len(set(everywhere)) < len(everywhere):
            write_manifest(path.with_suffix(".json"), dataset)
        else:
            write_bytes(path, "".join(f"{stem}\n" for stem in stems).encode("utf-8", "surrogateescape"))


def _score(
    which: str, predict: PredictFrame, held_out: list[Dataset], processes: Processes
) -> Iterator[Scored | Notice]:
    """What cannot be scored is said and left out: it must not cost a trained model."""
    for dataset in held_out:
        try:
            report = evaluate(dataset, predict, processes=processes)
        except DatasetError as error:
            yield Notice(str(error))
            continue
        yield from map(Notice, report.problems)
        yield Scored(which, dataset.name, report)


def _card(job: TrainJob, training: list[Dataset], iteration: int, frames: str) -> ModelCard:
    return ModelCard(
        name=job.name or job.out.resolve().name,
        detector=job.config.detector,
        model=job.config.model,
        normalisation=job.config.normalisation,
        training={
            "config": to_dict(job.config),
            "data": {dataset.name: len(dataset.samples) for dataset in training},
            "frames": frames,
            "init": job.init.stem if job.init else None,
            "iterations": iteration,
        },
    )
