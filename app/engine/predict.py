"""Keeps the prediction of the session up to date with frame, model, sparsity and engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray
from PySide6.QtCore import QObject

from adsnet.messages import JobFailed, ModelLoaded, Predicted
from adsnet.prediction import Prediction
from app.engine.client import WorkerClient
from app.engine.keeping import Keeping
from app.state.backstage import Backstage
from app.state.model import Model
from app.state.predictions import MEGABYTE, PredictionKey
from app.state.session import Session
from app.storage.prediction_cache import PredictionCache

DEFAULT_MODEL = "adsnet-default"
"""The name by which the worker knows the model that comes with the program."""


class _Request(NamedTuple):
    """A prediction that was asked for; ``name`` is that of the cache, once it is known."""

    generation: int
    key: PredictionKey
    shape: tuple[int, ...]
    name: str | None = None


class PredictEngine(QObject):
    """Asks the worker for predictions that are not known from earlier runs and gives the answers to the session.

    The model is, in this order: the one loaded by hand, the accepted one of the open project, the one of the
    settings, the one that comes with the program.

    Args:
        client: the worker; started by whoever made it.
        session: what is followed.
        cache: where predictions of earlier runs are.
    """

    def __init__(
        self,
        client: WorkerClient,
        session: Session,
        *,
        cache: PredictionCache | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._client = client
        self._session = session
        self._cache = cache
        # Two threads: looking does not wait until something large is written.
        self._looking, self._keeping = Backstage(self), Keeping(cache, self)
        self._looking.finished.connect(lambda found: self._on_looked(*found))
        self._keeping.finished.connect(self._on_written)
        self._asked: dict[int, _Request] = {}
        self._job = 0
        self._load_job: int | None = None
        self._load_shown = 0
        self._wanted: tuple[str, str] | None = None
        self._device = "auto"
        self._by_hand = False
        self._instead = False
        self._accepted = self._accepted_now()
        self._deadly: PredictionKey | None = None
        self._owed = False
        client.model_loaded.connect(self._on_model_loaded)
        client.predicted.connect(self._on_predicted)
        client.failed.connect(self._on_failed)
        client.crashed.connect(self._on_crashed)
        client.gave_up.connect(self._on_gave_up)
        client.state_changed.connect(self._on_state)
        session.sequence_changed.connect(self._follow)
        session.frame_changed.connect(self._follow)
        session.sparsity_changed.connect(self._follow)
        session.model_changed.connect(self._follow)
        session.project_changed.connect(self._on_project_changed)
        session.settings_changed.connect(self._on_settings_changed)

    @property
    def automatic(self) -> bool:
        """Whether every frame that is shown is predicted."""
        return self._session.settings.predict_automatically

    # ---- wishes ---------------------------------------------------------------------------------------------

    def load(self, path: str | os.PathLike[str], device: str = "auto") -> None:
        """Load a model file, or a shipped model by its name, and use it until another one is loaded or accepted."""
        self._by_hand = True
        self._load(os.fspath(path), device)

    def load_usual(self) -> None:
        """Load the model of the project, of the settings or of the program; nothing happens if it is in use."""
        self._by_hand = False
        settings, project = self._session.settings, self._session.project
        accepted = project.model if project is not None else None
        wanted = (os.fspath(accepted) if accepted is not None else settings.model or DEFAULT_MODEL, settings.device)
        if wanted != self._wanted:
            self._load(*wanted)

    def request(self) -> None:
        """Predict the frame that is shown now, whatever is known of it."""
        self._deadly = None
        if not self._client.is_running:
            self._client.start()
        if self._session.model is None and self._load_job is None:
            self._wanted = None
            self.load_usual()
        self._ask(afresh=True)

    def clear_cache(self) -> None:
        """Remove the predictions on disk, of all sequences; a notice says when it is done."""
        self._keeping.clear()

    def _load(self, path: str, device: str) -> None:
        self._wanted, self._instead = (path, device), False
        self._session.jobs.finish(self._load_shown)
        self._load_shown = self._session.jobs.start("load", f"Loading {Path(path).stem}")
        self._load_job = self._client.load_model(path, device)

    def _follow(self) -> None:
        """Something that the prediction depends on is another one."""
        key = self._session.prediction_key()
        if key is None:
            self._session.predictions.next_generation()
            self._shown_done()
            return
        if self._session.predictions.recall(key):
            self._shown_done()
            return
        # A frame that killed the worker is not tried again on its own: it would kill it for ever.
        wanted = self.automatic or self._owed or self._session.prediction is not None
        if self._client.is_running and key != self._deadly and wanted:
            self._ask()
        else:
            self._shown_done()

    def _ask(self, *, afresh: bool = False) -> None:
        if self._load_job is not None:
            # The worker would answer with the model to come; what it is known by here is still the one before.
            self._owe()
            return
        key, frame, model = self._session.prediction_key(), self._session.frame, self._session.model
        if key is None or frame is None or model is None:
            return
        self._owed = False
        generation = self._session.predictions.next_generation()
        request = self._asked[generation] = _Request(generation, key, frame.pixels.shape)
        if not self._job:
            self._job = self._session.jobs.start("predict", "Predicting")
        cache, pixels, recipe = self._cache, frame.pixels, model.recipe(key.sparsity, key.engine)
        state = self._session.predictions
        if cache is None:
            self._send(request, pixels)
            return

        def look() -> tuple[_Request, NDArray[Any] | None, Prediction | None]:
            if state.generation != generation:  # the last position of a slider does not wait for all before
                return request, None, None
            name = cache.name(pixels, recipe)
            return request._replace(name=name), pixels, None if afresh else cache.find(name)

        self._looking.submit(look)

    def _owe(self) -> None:
        """Ask once the model is there."""
        self._owed = True
        self._session.predictions.next_generation()
        self._shown_done()

    def _send(self, request: _Request, pixels: NDArray[Any]) -> None:
        key = request.key
        self._client.predict(request.generation, key.frame, pixels, key.sparsity, key.engine)

    # ---- answers --------------------------------------------------------------------------------------------

    def _on_looked(self, request: _Request, pixels: NDArray[Any] | None, found: Prediction | None) -> None:
        """``pixels`` is None where nobody looked since a newer request was made already."""
        if request.generation not in self._asked:
            return  # a newer one is answered already, or the worker is gone and everything is asked for again
        model, self._asked[request.generation] = self._session.model, request
        if pixels is None:
            del self._asked[request.generation]
        elif found is not None and found.probability.shape == request.shape:
            del self._asked[request.generation]  # older ones may still be computed
            self._answered(request, found)
        elif self._load_job is None and model is not None and model.identity == request.key.model:
            self._send(request, pixels)
        else:
            del self._asked[request.generation]
            if request.generation == self._session.predictions.generation:
                self._owe()

    def _on_predicted(self, message: Predicted) -> None:
        request = self._asked.get(message.generation)
        # Older requests were answered, or replaced before they were sent.
        self._asked = {generation: one for generation, one in self._asked.items() if generation > message.generation}
        current = message.generation == self._session.predictions.generation
        if request is None or request.key.frame != message.frame:
            if current:
                self._shown_done()
        elif message.prediction.probability.shape != request.shape:
            if current:
                self._shown_done()
                self._session.notices.error(
                    "The worker answered with a prediction of another size: load the model again.", key="predict"
                )
        else:
            self._answered(request, message.prediction)
            if request.key.sparsity == self._session.sparsity:  # nobody returns to what a slider passed over
                self._keeping.keep(request.name, message.prediction)

    def _answered(self, request: _Request, prediction: Prediction) -> None:
        if request.generation == self._session.predictions.generation:
            self._shown_done()
        self._session.predictions.take(request.generation, request.key, prediction)
        self._session.notices.withdraw("predict")

    def _on_written(self, cleared: int | None) -> None:
        """One more is kept, or all are removed: then it is how many bytes that were."""
        if cleared is not None:
            self._session.notices.info(f"{cleared / MEGABYTE:.1f} MB of stored predictions are removed.", key="cache")

    def _on_model_loaded(self, message: ModelLoaded) -> None:
        if message.job == self._load_job:
            self._loading_done()
            self._device = self._wanted[1] if self._wanted is not None else self._device
            if not self._instead:
                self._session.notices.withdraw("model")
        self._session.notices.withdraw("worker")
        path, project = Path(message.path), self._session.project
        # A model that was accepted here goes by the name of its copy, not by that of the run that made it.
        ours = project is not None and path == project.model
        model = Model(
            path.stem if ours else message.name, path, message.card, message.stamp, self._device, message.computes
        )
        if model == self._session.model:
            self._follow()  # the same model in a new process
        else:
            # The answers to what is still asked would go by the name of the model before.
            self._owed = self._owed or self._session.predictions.generation in self._asked
            self._asked.clear()
            self._session.set_model(model)

    def _on_failed(self, message: JobFailed) -> None:
        if message.job == self._load_job:
            self._loading_done()
            if not self._client.is_ready:
                return  # the process is gone: that is told once, by its own notice
            failed, self._wanted = self._wanted, None
            self._session.notices.error(message.text, key="model", details=message.details)
            if self._session.model is None and failed is not None and failed[0] != DEFAULT_MODEL:
                self._load(DEFAULT_MODEL, failed[1])
                self._instead = True  # the user is to know why it is not the chosen one
            elif self._owed:
                self._follow()  # the worker goes on with the model before
        elif self._client.is_ready:
            self._shown_done()
            self._session.notices.error(message.text, key="predict", details=message.details)

    def _on_crashed(self, text: str) -> None:
        self._lost()
        again = " The frame it ended on is not tried again by itself: I predicts it again." if self._deadly else ""
        self._session.notices.warn(f"{text} It is started again; nothing is lost.{again}", key="worker")

    def _on_gave_up(self, text: str) -> None:
        self._lost()
        self._session.notices.error(
            f"{text} There are no predictions until you ask for one; labels are not affected.", key="worker"
        )

    def _lost(self) -> None:
        fatal = self._client.fatal_generation
        if fatal is not None and fatal in self._asked:
            self._deadly = self._asked[fatal].key
        self._asked.clear()
        self._shown_done()
        self._loading_done()

    def _on_state(self, state: str) -> None:
        if state == "ready" and self._session.model is None and self._load_job is None:
            self.load_usual()

    def _on_project_changed(self) -> None:
        before, self._accepted = self._accepted, self._accepted_now()
        if self._accepted is None:
            return
        # What was accepted just now counts more than what was loaded by hand earlier.
        fresh = before is not None and before[0] == self._accepted[0] and before != self._accepted
        if self._client.is_running and (fresh or not self._by_hand):
            self.load_usual()

    def _accepted_now(self) -> tuple[Path, Path | None] | None:
        """Label root and accepted model of the open project."""
        project = self._session.project
        return None if project is None else (project.root, project.model)

    def _on_settings_changed(self) -> None:
        if not self._by_hand and self._client.is_running and self._wanted is not None:
            self.load_usual()

    def _shown_done(self) -> None:
        self._session.jobs.finish(self._job)
        self._job = 0

    def _loading_done(self) -> None:
        self._session.jobs.finish(self._load_shown)
        self._load_job, self._load_shown = None, 0
