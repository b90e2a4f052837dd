"""Runs trainings in a process of their own and reports them to the session."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from PySide6.QtCore import QObject

from adsnet.config import TrainConfig, from_dict, to_dict
from adsnet.data.datasets import Dataset, write_manifest
from adsnet.errors import AdsnetError, StorageError, TrainingError
from adsnet.messages import Evaluated, JobDone, JobFailed, JobStopped, TrainProgress
from adsnet.recipes import NAMED_CONFIGS
from app.engine.client import WorkerClient
from app.engine.retired import Retired
from app.engine.scores import load_scores, save_scores
from app.state.backstage import Backstage
from app.state.labelled import labelled_frames, samples_of
from app.state.session import Session
from app.storage.project import Project

MANIFEST = "frames.json"


def training_client(threads: int | None) -> WorkerClient:
    """The worker of a training; one that dies is not started again, as the training would not go on by itself."""
    return WorkerClient(name="the training process", threads=threads, restarts=False)


class _Gathered(NamedTuple):
    """What is trained on was written down in the run folder, or what was wrong."""

    run: Path
    config: TrainConfig
    init: Path
    problem: str


class TrainEngine(QObject):
    """One training at a time, in a new process.

    Args:
        session: whose labels are trained on, and whose ``fine_tune`` is told.
        client_factory: makes the worker, with the number of threads or None.
    """

    def __init__(
        self,
        session: Session,
        *,
        client_factory: Callable[[int | None], WorkerClient] = training_client,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._make_client = client_factory
        self._client: WorkerClient | None = None
        self._retired = Retired(self)
        self._gathering: Path | None = None
        self._train_job: int | None = None
        self._shown = 0
        self._backstage = Backstage(self)
        self._backstage.finished.connect(self._on_gathered)
        self._project: Project | None = None
        session.sequence_changed.connect(self._offer)
        self._offer()

    @property
    def running(self) -> bool:
        """Whether a training goes on."""
        return self._gathering is not None or self._train_job is not None

    @property
    def is_of_open_project(self) -> bool:
        """Whether the last training and its candidate belong to what is open."""
        project = self._session.project
        return self._project is not None and project is not None and self._project.root == project.root

    # ---- wishes ---------------------------------------------------------------------------------------------

    def start(
        self,
        config: dict[str, Any] | TrainConfig | None = None,
        *,
        iterations: int | None = None,
        only_reviewed: bool = False,
        only_corrected: bool = False,
    ) -> None:
        """Train the present model further on the labels of the open sequence.

        Args:
            config: all options, or None for those of fine-tuning.
            iterations: instead of those of ``config``.
            only_reviewed: take frames only that a person is content with; else all that have a label.
            only_corrected: take frames only that a person corrected or is content with.

        Raises:
            TrainingError: a training runs already, no model is loaded, or there are too few labels.
            ConfigError: an option is not usable.
            StorageError: the run folder cannot be written.
        """
        project, sequence = self._session.project, self._session.sequence
        if self.running:
            raise TrainingError("A training is running: stop it before another one is started.")
        if project is None or sequence is None:
            raise TrainingError("Nothing is open to train on: open a sequence with labels first.")
        model = self._session.model
        if model is None:
            raise TrainingError("No model is loaded that could be trained further: wait for it, or load one.")
        options = NAMED_CONFIGS["fine-tune"] if config is None else config
        options = from_dict(TrainConfig, options) if isinstance(options, dict) else options
        if iterations is not None:
            options = dataclasses.replace(options, iterations=iterations)
        frames = labelled_frames(self._session.review, only_reviewed=only_reviewed, only_corrected=only_corrected)
        if len(frames) < 2:
            kind = "reviewed " if only_reviewed else "corrected " if only_corrected else ""
            raise TrainingError(_too_few(len(frames), f"{kind}frames with a label"))
        run = project.new_run()
        self._project = project  # the candidate belongs to it, whatever is open when the training ends
        label_of = self._session.saving.label_finder()

        def gather() -> _Gathered:
            try:
                samples = samples_of(sequence, frames, label_of)
                problem = _too_few(len(samples), "frames with a label") if len(samples) < 2 else ""
                write_manifest(run / MANIFEST, Dataset(sequence.name, run, "manifest", samples))
            except StorageError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001  whatever it is, somebody waits for the answer
                problem = f"The labels could not be gathered ({error}): try again."
            return _Gathered(run, options, model.path, problem)

        self._session.fine_tune.begin(iterations=options.iterations, run=run)
        self._shown = self._session.jobs.start("train", "Fine-tuning")
        self._session.notices.withdraw("train")
        self._session.notices.withdraw("candidate")
        self._gathering = run
        self._backstage.submit(gather)

    def stop(self) -> None:
        """Finish the step, save and end; the candidate so far can be accepted."""
        if self._gathering is not None:
            self._end_gathering()
            self._finish()
            self._session.fine_tune.end("stopped")
        elif self._client is not None and self._train_job is not None:
            self._session.fine_tune.stopping()
            self._client.stop_training(self._train_job)

    def accept(self) -> Path:
        """Make the candidate the model of the project; the one before is kept.

        Raises:
            TrainingError: there is no candidate.
            ModelFileError, StorageError: it cannot be copied; the model is the one before.
        """
        tune, project = self._session.fine_tune, self._project
        if tune.candidate is None or project is None or self.running:
            raise TrainingError("There is no candidate to accept: train first.")
        path = project.accept_candidate(tune.candidate)
        tune.clear()
        self._session.notices.withdraw("candidate")
        self._session.project_changed.emit()
        return path

    def discard(self) -> None:
        """Remove the candidate and its run. Raises TrainingError, StorageError."""
        tune, project = self._session.fine_tune, self._project
        if tune.run is None or project is None or self.running:
            raise TrainingError("There is no candidate to discard: train first.")
        project.discard(tune.candidate or tune.run / "model")
        tune.clear()
        self._session.notices.withdraw("candidate")
        self._session.project_changed.emit()

    def shutdown(self) -> None:
        """End the process, if any; a training finishes its step and saves as far as the time allows."""
        self._gathering = None
        if self._client is not None:
            self._client.shutdown()

    def wait_shutdown(self, milliseconds: int) -> bool:
        """Wait for the process to end; returns whether it is gone. For the end of the program."""
        gone = self._retired.wait_shutdown(milliseconds)
        return (self._client is None or self._client.wait_shutdown(milliseconds)) and gone

    def _offer(self) -> None:
        """Offer the candidate of an earlier session that nobody decided on."""
        tune, project = self._session.fine_tune, self._session.project
        self._session.notices.withdraw("candidate")
        if self.running or project is None:
            return
        candidate = project.undecided
        if candidate is None or candidate == tune.candidate:
            return
        self._project = project
        tune.offer(candidate, *load_scores(candidate.parent))
        self._session.notices.info(
            "The model that was tuned last here waits for your decision: accept or discard it under Fine-tune.",
            key="candidate",
        )

    # ---- the process ----------------------------------------------------------------------------------------

    def _on_gathered(self, gathered: _Gathered) -> None:
        if self._gathering != gathered.run:
            return  # it was stopped, or the program ends
        if gathered.problem:
            self._end_gathering()
            self._fail(gathered.problem)
            return
        self._gathering = None
        try:
            self._begin(gathered.run, gathered.config, gathered.init)
        except AdsnetError as error:
            self._fail(str(error))

    def _end_gathering(self) -> None:
        """Nothing is trained: the run leaves nothing behind."""
        run, self._gathering = self._gathering, None
        if self._project is not None and run is not None:
            with contextlib.suppress(StorageError):
                self._project.discard(run / "model")

    def _begin(self, run: Path, config: TrainConfig, init: Path) -> None:
        client = self._make_client(self._session.settings.threads or None)
        client.setParent(self)
        client.progress.connect(self._on_progress)
        client.evaluated.connect(self._on_evaluated)
        client.done.connect(self._on_done)
        client.stopped.connect(self._on_stopped)
        client.failed.connect(self._on_failed)
        self._client = client
        data = (os.fspath(run / MANIFEST),)
        self._train_job = client.start_training(data, os.fspath(run), os.fspath(init), to_dict(config))

    def _on_progress(self, message: TrainProgress) -> None:
        if message.job == self._train_job:
            self._session.fine_tune.step(message)
            fraction = message.iteration / max(message.iterations, 1)
            self._session.jobs.progress(self._shown, fraction=fraction, seconds_left=message.seconds_left)

    def _on_evaluated(self, message: Evaluated) -> None:
        if message.job == self._train_job:
            tune = self._session.fine_tune
            tune.score(message)
            if tune.run is not None:
                try:
                    save_scores(tune.run, (tune.before, tune.after), tune.iteration)
                except StorageError as error:
                    self._session.notices.warn(str(error), key="scores")

    def _on_done(self, message: JobDone) -> None:
        if message.job == self._train_job:
            self._finish()
            self._session.fine_tune.end("done", candidate=_candidate(message.result))

    def _on_stopped(self, message: JobStopped) -> None:
        if message.job == self._train_job:
            self._finish()
            self._session.fine_tune.end("stopped", candidate=_candidate(message.result))

    def _on_failed(self, message: JobFailed) -> None:
        if message.job == self._train_job:
            self._fail(message.text, message.details)

    def _fail(self, text: str, details: str = "") -> None:
        self._finish()
        self._session.fine_tune.end("failed", text=text, details=details)
        self._session.notices.error(text, key="train", details=details)

    def _finish(self) -> None:
        """The training ended; let its process go."""
        self._train_job = None
        self._session.jobs.finish(self._shown)
        client, self._client = self._client, None
        if client is not None:
            self._retired.take(client)


def _too_few(count: int, which: str) -> str:
    return f"Training needs two {which}, and there are {count}: label more frames."


def _candidate(result: dict[str, Any]) -> Path | None:
    name = result.get("model")
    return Path(name) if isinstance(name, str) and name else None
