"""Predicts the whole sequence in a process of its own, judges every frame and reports to the session."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from PySide6.QtCore import QObject, SignalInstance

from adsnet.config import Sparsity
from adsnet.data.frames import Frame
from adsnet.data.labels import read_mask
from adsnet.errors import AdsnetError, TrainingError
from adsnet.messages import JobFailed, ModelLoaded, Predicted
from adsnet.prediction import BoolMap, Prediction
from adsnet.storage.files import shown
from app.engine.client import WorkerClient
from app.engine.keeping import Keeping
from app.engine.retired import Retired
from app.state.backstage import Backstage
from app.state.predictions import PredictionKey
from app.state.report import Conditions, Judged, judge
from app.state.sequence import Sequence
from app.state.session import Session
from app.storage.prediction_cache import PredictionCache, Recipe


class _Read(NamedTuple):
    """A frame, its label, and its prediction with the name of it in the cache as far as known; or why there is none."""

    run: int
    number: int
    frame: Frame | None
    label: BoolMap | None
    problem: str
    name: str | None = None
    found: Prediction | None = None


class _Done(NamedTuple):
    run: int
    judged: Judged


def judging_client(threads: int | None) -> WorkerClient:
    """The worker of a judgement; one that dies ends it."""
    return WorkerClient(name="the process that judges the sequence", threads=threads, restarts=False)


class JudgeEngine(QObject):
    """One judgement at a time. The frame that is shown is predicted by another process and does not wait."""

    def __init__(
        self,
        session: Session,
        *,
        cache: PredictionCache | None = None,
        client_factory: Callable[[int | None], WorkerClient] = judging_client,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._make_client = client_factory
        self._client: WorkerClient | None = None
        self._retired = Retired(self)
        self._backstage = Backstage(self)
        self._backstage.finished.connect(self._on_finished)
        self._cache, self._keeping = cache, Keeping(cache, self)
        self._run = 0
        self._job = self._load_job = 0
        self._sequence: Sequence | None = None
        self._find_label: Callable[[str], Path | None] | None = None
        self._waiting: _Read | None = None
        self._key: Callable[[int], PredictionKey]
        self._recipe: Recipe
        self._sparsity, self._engine, self._threshold = Sparsity(), "auto", 0.5
        self._began = 0.0
        session.sequence_changed.connect(self._on_sequence)

    @property
    def running(self) -> bool:
        """Whether a judgement goes on."""
        return self._client is not None

    def start(self) -> None:
        """Judge all frames with the present model, dropped fractions and threshold, against the labels on disk.

        Raises:
            TrainingError: a judgement runs already, nothing is open, or no model is loaded.
        """
        session = self._session
        sequence, model = session.sequence, session.model
        if self.running:
            raise TrainingError("The frames are being judged already: stop that first.")
        if sequence is None or model is None:
            raise TrainingError("There is nothing to judge: open a sequence, and wait for the model.")
        session.save_all()
        self._run += 1
        self._sequence, self._find_label = sequence, session.saving.label_finder()
        self._sparsity, self._engine = session.sparsity.without_forced(), session.engine
        self._threshold = session.predictions.threshold
        identity = model.identity
        self._key = lambda index: PredictionKey(sequence.key(index), self._sparsity, identity, self._engine)
        session.report.begin(Conditions(model.name, self._sparsity, self._threshold, identity, self._engine))
        self._job = session.jobs.start("judge", "Judging all frames")
        self._recipe = model.recipe(self._sparsity, self._engine)
        self._began = time.monotonic()
        self._client = self._make_client(session.settings.threads or None)
        for signal, slot in self._slots(self._client):
            signal.connect(slot)
        self._read(0)

    def stop(self) -> None:
        """Keep what is judged so far."""
        if self.running:
            self._end("stopped")

    def shutdown(self) -> None:
        """End the process, at the end of the program."""
        self.stop()

    def wait_shutdown(self, milliseconds: int) -> None:
        """Wait until the process is gone."""
        self._retired.wait_shutdown(milliseconds)

    # ---- frame after frame ----------------------------------------------------------------------------------

    def _read(self, index: int) -> None:
        sequence, find, run, frames = self._sequence, self._find_label, self._run, self._session.frames
        cache, recipe = self._cache, self._recipe
        assert sequence is not None and find is not None

        def read() -> _Read:
            try:
                frame = frames.read(sequence, index)
                height, width = frame.pixels.shape
                path = find(sequence.stems[index])  # here: to look for a hundred thousand takes seconds
                label = None if path is None else read_mask(path, shape=(height, width))
            except AdsnetError as error:
                return _Read(run, index, None, None, str(error))
            if cache is None:
                return _Read(run, index, frame, label, "")
            name = cache.name(frame.pixels, recipe)
            return _Read(run, index, frame, label, "", name, cache.find(name))

        self._backstage.submit(read)

    def _on_finished(self, result: _Read | _Done) -> None:
        if result.run != self._run or self._client is None:
            return  # of a judgement that was stopped
        if isinstance(result, _Done):
            self._add(result.judged)
        elif result.frame is None:
            self._add(Judged(result.number, self._stem(result.number), problem=result.problem))
        elif result.found is not None:
            self._judge(result, result.found)
        else:
            self._waiting = result
            self._predict(self._client, result.number, result.frame)

    def _predict(self, client: WorkerClient, index: int, frame: Frame) -> None:
        """The process is only started for a frame that nobody has predicted before."""
        if client.state == "stopped":
            client.start()
            self._load_job = client.load_model(os.fspath(self._recipe.model), self._recipe.device)
        client.predict(index, self._key(index).frame, frame.pixels, self._sparsity, self._engine)

    def _on_predicted(self, message: Predicted) -> None:
        read, self._waiting = self._waiting, None
        if read is None or read.number != message.generation:
            return
        self._judge(read, message.prediction)
        self._keeping.keep(read.name, message.prediction)

    def _judge(self, read: _Read, prediction: Prediction) -> None:
        self._session.predictions.take(-1, self._key(read.number), prediction)  # going there will not wait
        run, index, stem, threshold = self._run, read.number, self._stem(read.number), self._threshold
        thresholds = self._session.report.thresholds
        self._backstage.submit(
            lambda: _Done(
                run,
                judge(index, stem, prediction, read.label, threshold=threshold, thresholds=thresholds),
            )
        )

    def _on_model_loaded(self, message: ModelLoaded) -> None:
        """What another network predicts must not go by the name of the one that the window has."""
        if message.stamp != self._recipe.stamp:
            self._session.notices.error(
                f"{shown(self._recipe.model)} was replaced since it was loaded: load it again and judge then.",
                key="judge",
            )
            self._end("stopped")

    def _on_failed(self, message: JobFailed) -> None:
        read, self._waiting = self._waiting, None
        if self._client is None:
            return
        if read is not None and self._client.is_ready and message.job != self._load_job:
            self._add(Judged(read.number, self._stem(read.number), problem=message.text))
        else:
            self._session.notices.error(message.text, key="judge", details=message.details)
            self._end("stopped")

    def _on_gave_up(self, text: str) -> None:
        if self.running:
            self._session.notices.error(f"{text} Judge the frames again to go on.", key="judge")
            self._end("stopped")

    def _add(self, judged: Judged) -> None:
        assert self._sequence is not None
        self._session.report.add(judged)
        done, count = judged.index + 1, len(self._sequence)
        left = (time.monotonic() - self._began) / done * (count - done)
        self._session.jobs.progress(self._job, fraction=done / count, seconds_left=left)
        if done == count:
            self._end("done")
        else:
            self._read(done)

    def _end(self, how: Literal["stopped", "done"]) -> None:
        client, self._client, self._waiting = self._client, None, None
        self._run += 1
        if client is not None:
            for signal, slot in self._slots(client):
                signal.disconnect(slot)  # what it still says is not about the next judgement
            self._retired.take(client)
        self._session.jobs.finish(self._job)
        self._session.report.end(how)

    def _slots(self, client: WorkerClient) -> list[tuple[SignalInstance, Callable[..., None]]]:
        return [
            (client.model_loaded, self._on_model_loaded),
            (client.predicted, self._on_predicted),
            (client.failed, self._on_failed),
            (client.gave_up, self._on_gave_up),
            (client.crashed, self._on_gave_up),
        ]

    def _on_sequence(self) -> None:
        """Verdicts on another sequence mean nothing here."""
        self.stop()
        self._session.report.clear()

    def _stem(self, index: int) -> str:
        assert self._sequence is not None
        return self._sequence.stems[index]
