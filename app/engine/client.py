"""A worker process as a Qt object: requests in, typed signals out, one end for every job."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from adsnet.config import Sparsity
from adsnet.messages import (
    Evaluated,
    Examine,
    Examined,
    JobDone,
    JobFailed,
    JobStopped,
    LoadModel,
    Message,
    ModelLoaded,
    Predict,
    Predicted,
    Ready,
    StartTraining,
    StopTraining,
    TrainProgress,
)
from app.engine.child import Child

State = Literal["stopped", "starting", "ready", "crashed"]

MAX_RESTARTS = 3
RESTART_WINDOW = 60.0
_log = logging.getLogger("adsnet-studio.worker")


@dataclass(frozen=True, eq=False)
class _Wish:
    """A prediction that waits for its turn."""

    job: int
    generation: int
    frame: str
    pixels: NDArray[Any]
    sparsity: Sparsity
    engine: str


class WorkerClient(QObject):
    """Runs ``python -m adsnet.worker`` and speaks with it.

    Every job that was sent ends in exactly one of ``predicted``, ``model_loaded``, ``done``, ``stopped`` and
    ``failed``; when the process dies, ``failed`` is made here, with the reason as text and the end of the process's
    standard error as details.

    Args:
        program, arguments: what to run.
        threads: processor threads of the worker; None leaves the choice to it.
        name: for messages, for instance "the prediction worker".
        restarts: start again after a crash, at most three times a minute, and load the last model again.

    Signals:
        ready(Ready), model_loaded(ModelLoaded), predicted(Predicted), progress(TrainProgress),
        examined(Examined or JobFailed): the answer to ``examine``; a failure is not told by ``failed``.
        evaluated(Evaluated), done(JobDone), stopped(JobStopped), failed(JobFailed): as in ``adsnet.messages``.
        crashed(str): the process died; one sentence. ``failed`` of its jobs came before.
        gave_up(str): it died too often or could not be started, and is not started again; one sentence.
        state_changed(str): ``stopped``, ``starting``, ``ready`` or ``crashed``.
    """

    ready = Signal(object)
    model_loaded = Signal(object)
    predicted = Signal(object)
    examined = Signal(object)
    progress = Signal(object)
    evaluated = Signal(object)
    done = Signal(object)
    stopped = Signal(object)
    failed = Signal(object)
    crashed = Signal(str)
    gave_up = Signal(str)
    state_changed = Signal(str)

    def __init__(
        self,
        *,
        program: str = sys.executable,
        arguments: tuple[str, ...] = ("-m", "adsnet.worker"),
        threads: int | None = None,
        name: str = "the worker",
        restarts: bool = True,
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._name = name[:1].upper() + name[1:]
        self._restarts = restarts
        self._clock = clock
        self._child = Child(program, arguments, threads=threads, name=name, parent=self)
        self._child.received.connect(self._receive)
        self._child.ended.connect(self._on_ended)
        self._child.not_started.connect(self._on_not_started)
        self._state: State = "stopped"
        self._given_up = ""
        self._last_job = 0
        self._jobs: dict[int, str] = {}
        self._crashes: deque[float] = deque()
        self._loaded: tuple[str, str] | None = None
        self._loading: dict[int, tuple[str, str]] = {}
        self._in_flight: _Wish | None = None
        self._fatal: int | None = None
        self._waiting: _Wish | None = None
        self._frame_there: tuple[str, NDArray[Any]] | None = None
        self._unsent: list[int] = []

    # ---- what is true ---------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """``stopped``, ``starting``, ``ready`` or ``crashed``."""
        return self._state

    @property
    def is_ready(self) -> bool:
        """Whether the worker said that it takes requests."""
        return self._state == "ready"

    @property
    def is_running(self) -> bool:
        """Whether there is a process, be it about to start or to end."""
        return self._child.is_running

    @property
    def pid(self) -> int:
        """Of the process; 0 without one."""
        return self._child.pid

    @property
    def jobs(self) -> tuple[int, ...]:
        """The jobs that were sent and have not ended."""
        return tuple(self._jobs)

    @property
    def fatal_generation(self) -> int | None:
        """Of the prediction that was being computed when the process died last; None if there was none."""
        return self._fatal

    # ---- requests -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process, also after it was given up; does nothing while there is one."""
        if not self._child.is_running:
            self._given_up = ""
            self._crashes.clear()
            self._start(load=True)

    def load_model(self, path: str | os.PathLike[str], device: str = "auto") -> int:
        """Load a model file, or a shipped model by its name; returns the job, which ends in ``model_loaded``.

        A prediction that waits for its turn is dropped: ask again when the model is there.
        """
        self._waiting = None  # it was meant for the model before
        job = self._new_job("load")
        self._loading[job] = (os.fspath(path), device)
        self._frame_there = None  # the worker forgets the frame with the model
        self._send(LoadModel(job, os.fspath(path), device))
        return job

    def predict(
        self, generation: int, frame: str, pixels: NDArray[Any], sparsity: Sparsity, engine: str = "auto"
    ) -> None:
        """Predict a frame. While one prediction is computed, only the newest other request is kept.

        Args:
            generation: comes back with the answer.
            frame: key of the frame; its pixels are sent only when the worker does not have them.
            pixels: (H, W) uint8, uint16 or float32.
            sparsity, engine: as in ``adsnet.messages.Predict``.
        """
        self._waiting = _Wish(self._new_number(), generation, frame, pixels, sparsity, engine)
        self._send_waiting()

    def examine(self, frame: str, pixels: NDArray[Any]) -> int:
        """Ask for the features of a frame; returns the job, or 0 when the worker has something better to do.

        Args:
            frame, pixels: as for ``predict``.
        """
        if self._in_flight is not None or self._waiting is not None or self._loading or not self.is_ready:
            return 0
        job = self._new_job("examine")
        self._send(Examine(job, frame, self._unless_there(frame, pixels)))
        return job

    def start_training(self, data: tuple[str, ...], out: str, init: str | None, config: dict[str, Any]) -> int:
        """Train, as ``adsnet train`` does; returns the job."""
        job = self._new_job("train")
        self._send(StartTraining(job, data, out, init, config, resume=False))
        return job

    def stop_training(self, job: int) -> None:
        """Let the training finish its step, save and end in ``stopped``."""
        if job in self._jobs:
            self._child.send(StopTraining(job))

    def shutdown(self) -> None:
        """End the process, politely at first: see ``Child.shutdown``. Returns at once."""
        self._waiting = None
        self._given_up = f"{self._name} was shut down."
        self._child.shutdown()

    def wait_shutdown(self, milliseconds: int) -> bool:
        """Wait for the process to end, and kill it when half of the time is over; for the end of the program only.

        Returns:
            whether it is gone.
        """
        self.shutdown()
        return self._child.wait(milliseconds)

    # ---- sending --------------------------------------------------------------------------------------------

    def _new_number(self) -> int:
        self._last_job += 1
        return self._last_job

    def _new_job(self, kind: str) -> int:
        job = self._new_number()
        self._jobs[job] = kind
        return job

    def _start(self, *, load: bool) -> None:
        if self._child.is_running:
            return  # whoever heard of the crash started it already
        self._frame_there = None
        self._set_state("starting")
        self._child.start()
        if load and self._loaded is not None:
            self.load_model(*self._loaded)

    def _send(self, message: LoadModel | Predict | Examine | StartTraining) -> None:
        if not self._child.is_running and not self._given_up:
            self._start(load=not isinstance(message, LoadModel))
        if self._child.is_running and not self._child.is_closing:
            self._child.send(message)
        else:
            # The caller has to know the job before it hears of its end.
            self._unsent.append(message.job)
            QTimer.singleShot(0, self._fail_unsent)

    def _fail_unsent(self) -> None:
        unsent, self._unsent = self._unsent, []
        for job in unsent:
            self._end(JobFailed(job, self._given_up or f"{self._name} does not run."))

    def _send_waiting(self) -> None:
        wish = self._waiting
        if wish is None or self._in_flight is not None:
            return
        self._waiting = None
        self._in_flight = wish
        self._jobs[wish.job] = "predict"
        if not self._child.is_running and not self._given_up:
            self._start(load=True)
        pixels = self._unless_there(wish.frame, wish.pixels)
        self._send(Predict(wish.job, wish.generation, wish.frame, pixels, wish.sparsity, wish.engine))

    def _unless_there(self, frame: str, pixels: NDArray[Any]) -> NDArray[Any] | None:
        """The pixels to send; None where the worker has them. A file may have changed under the name of its frame."""
        there, self._frame_there = self._frame_there, (frame, pixels)
        return None if there is not None and there[0] == frame and there[1] is pixels else pixels

    # ---- receiving ------------------------------------------------------------------------------------------

    def _receive(self, message: Message) -> None:
        if isinstance(message, Ready):
            self._set_state("ready")
            self.ready.emit(message)
        elif isinstance(message, TrainProgress):
            self.progress.emit(message)
        elif isinstance(message, Evaluated):
            self.evaluated.emit(message)
        elif isinstance(message, ModelLoaded | Predicted | Examined | JobDone | JobStopped | JobFailed):
            self._end(message)
        else:
            _log.warning("%s sent a %s, which is a request", self._name, type(message).__name__)

    def _end(self, message: ModelLoaded | Predicted | Examined | JobDone | JobStopped | JobFailed) -> None:
        """A job has its end; a second end of the same job is dropped."""
        job = message.job
        kind = self._jobs.pop(job, None)
        if kind is None:
            return
        if kind == "examine":
            if isinstance(message, JobFailed):
                self._frame_there = None  # whether the worker has the pixels is not known
            self.examined.emit(message)
            return
        asked = self._loading.pop(job, None)
        if isinstance(message, ModelLoaded) and asked is not None:
            self._loaded = (message.path, asked[1])
        if self._in_flight is not None and job == self._in_flight.job:
            self._in_flight = None
            if not isinstance(message, Predicted):
                self._frame_there = None  # whether the worker has the pixels is not known
        signal = {
            ModelLoaded: self.model_loaded,
            Predicted: self.predicted,
            Examined: self.examined,
            JobDone: self.done,
            JobStopped: self.stopped,
            JobFailed: self.failed,
        }[type(message)]
        # The next prediction is on its way before anybody draws this one.
        self._send_waiting()
        signal.emit(message)

    def _on_not_started(self, reason: str) -> None:
        self._gone(f"{self._name} could not be started ({reason}): install the program again.", hopeless=True)

    def _on_ended(self, reason: str) -> None:
        if reason:
            self._gone(f"{self._name} stopped working: {reason}.")
        else:
            self._end_jobs(f"{self._name} was shut down.")
            self._set_state("stopped")

    def _end_jobs(self, text: str) -> None:
        self._waiting = None
        for job in tuple(self._jobs):
            self._end(JobFailed(job, text, self._child.tail))

    def _gone(self, text: str, *, hopeless: bool = False) -> None:
        """The process died: end its jobs, and start it again where that may help."""
        _log.warning("%s\n%s", text, self._child.tail)
        now = self._clock()
        while self._crashes and now - self._crashes[0] > RESTART_WINDOW:
            self._crashes.popleft()
        self._crashes.append(now)
        # A process that had a model to load first may have died of that.
        self._fatal = self._in_flight.generation if self._in_flight is not None and not self._loading else None
        if hopeless or not self._restarts or len(self._crashes) > MAX_RESTARTS:
            self._given_up = text
        self._set_state("crashed")
        self._end_jobs(text)
        if self._given_up:
            self.gave_up.emit(text)
        else:
            self.crashed.emit(text)
            self._start(load=True)

    def _set_state(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)
