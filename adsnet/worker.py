"""The child process of the window: serves predictions and runs trainings over ``adsnet.messages``.

``python -m adsnet.worker`` reads requests on standard input and writes events to standard output, both binary. A
thread reads; the main thread works. The end of the input ends the process: a worker never outlives its window. A
training that runs then has ``GRACE_SECONDS`` at most to finish its step and save: a window that was killed gives it
all of that, one that closes stops its training first and terminates the process sooner.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch

from adsnet.config import RIVAL_NAMES, TrainConfig, from_dict
from adsnet.errors import AdsnetError, EngineError
from adsnet.heap import keep_freed_memory
from adsnet.messages import (
    Decoder,
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
    ProtocolError,
    Ready,
    Shutdown,
    StartTraining,
    StopTraining,
    TrainProgress,
    encode,
)
from adsnet.model.weights import load_any
from adsnet.model_file import card_to_json, read_card, resolve_model
from adsnet.prediction import Features
from adsnet.predictor import Predictor
from adsnet.rival_predictor import RivalPredictor
from adsnet.sparse.choose import choose_device
from adsnet.storage.files import stamp_of
from adsnet.training.run import Event, Finished, Scored, Step, TrainJob, run

CHUNK = 1 << 16
GRACE_SECONDS = 20.0

NICENESS = 5
"""Of every worker. A network computes with all processors; at equal priority the window, which works for a few
milliseconds after a key or a move of the mouse, waits for one as long again."""

TRAINING_NICENESS = NICENESS + 10
"""Of a process that trains. Its threads and those of a prediction wait for each other inside every convolution: at
equal priority a prediction beside a training takes up to ten times as long, with this it hardly notices."""


class Worker:
    """State of the process: the loaded model, the frame it looked at last, and what was asked to stop."""

    def __init__(self, output: BinaryIO, *, own_process: bool = False) -> None:
        """``own_process``: a training may lower the priority of the process for good."""
        self._output = output
        self._own_process = own_process
        self._predictor: Predictor | RivalPredictor | None = None
        self._frame: str | None = None
        self._stopped: set[int] = set()
        self._closing = threading.Event()

    def stop(self, job: int) -> None:
        """Let a training, running or waiting, end after its step. Called from the reading thread."""
        self._stopped.add(job)

    def close(self) -> None:
        """Let everything end; the process is ended where that takes too long. Called from the reading thread."""
        self._closing.set()
        # Whatever is being written is written whole or not at all, so that this is safe at any moment.
        timer = threading.Timer(GRACE_SECONDS, os._exit, (1,))
        timer.daemon = True
        timer.start()

    def send(self, message: Message) -> None:
        """Write one event."""
        self._output.write(encode(message))
        self._output.flush()

    def serve(self, requests: Iterator[Message]) -> None:
        """Handle requests until there are no more."""
        self.send(Ready(os.getpid(), torch.__version__, choose_device("auto").type))
        for request in requests:
            if isinstance(request, LoadModel | Predict | Examine | StartTraining):
                self._answer(request)

    def _answer(self, request: LoadModel | Predict | Examine | StartTraining) -> None:
        """Do one job. Whatever happens, it ends in exactly one closing event."""
        try:
            if isinstance(request, LoadModel):
                self._load(request)
            elif isinstance(request, Predict):
                self._predict(request)
            elif isinstance(request, Examine):
                self._examine(request)
            else:
                self._train(request)
        except AdsnetError as error:
            self.send(JobFailed(request.job, str(error)))
        except Exception as error:  # noqa: BLE001  the job boundary: the process must live on and the window must hear of it
            text = f"{type(request).__name__} failed ({type(error).__name__}: {error}); see the details"
            self.send(JobFailed(request.job, " ".join(text.split()), traceback.format_exc()))

    def _load(self, request: LoadModel) -> None:
        path = resolve_model(request.path)
        stamp = stamp_of(path)  # before it is read: one that is replaced meanwhile is not what was read
        predictor = self._predictor = _predictor_of(path, request.device)
        self._frame = None
        self._write_notes()
        computes = f"{predictor.device.type} {str(predictor.dtype).removeprefix('torch.')}"
        card = predictor.card
        self.send(ModelLoaded(request.job, card.name, str(path), card_to_json(card), stamp, computes))

    def _predict(self, request: Predict) -> None:
        prediction = self._looking_at(request).predict_again(request.sparsity, request.engine)
        self._write_notes()
        self.send(Predicted(request.job, request.generation, request.frame, prediction))

    def _examine(self, request: Examine) -> None:
        predictor = self._looking_at(request)
        # Another network has no such stages: there is nothing to see, and that is the answer.
        features = predictor.examine() if isinstance(predictor, Predictor) else Features((), (0, 0))
        self._write_notes()
        self.send(Examined(request.job, request.frame, features))

    def _looking_at(self, request: Predict | Examine) -> Predictor | RivalPredictor:
        """The predictor with the frame of the request. Raises EngineError, FrameError."""
        if self._predictor is None:
            raise EngineError("no model is loaded; load one first")
        if request.pixels is not None:
            self._frame = None
            self._predictor.set_frame(request.pixels)
            self._frame = request.frame
        if self._frame != request.frame:
            raise EngineError(f"the pixels of {request.frame} are not here any more; show the frame again")
        return self._predictor

    def _write_notes(self) -> None:
        """What the predictor did otherwise than asked, once, to the log of the window."""
        assert self._predictor is not None
        for note in self._predictor.notes:
            sys.stderr.write(note + "\n")
        self._predictor.notes.clear()

    def _train(self, request: StartTraining) -> None:
        if self._own_process:
            _give_way(TRAINING_NICENESS)
        job = TrainJob(
            data=tuple((Path(folder), None) for folder in request.data),
            out=Path(request.out),
            config=from_dict(TrainConfig, request.config),
            init=resolve_model(request.init) if request.init else None,
            resume=request.resume,
            name=request.name,
        )
        for event in run(job, lambda: self._closing.is_set() or request.job in self._stopped):
            self._report(request.job, event)

    def _report(self, job: int, event: Event) -> None:
        if isinstance(event, Step):
            self.send(TrainProgress(job, event.iteration, event.iterations, event.losses, event.seconds_left))
        elif isinstance(event, Scored):
            self.send(Evaluated(job, event.which, event.report.summary, event.report.frames))
        elif isinstance(event, Finished):
            result = {"model": str(event.model), "iteration": event.iteration}
            self.send(JobStopped(job, result) if event.stopped else JobDone(job, result))
        else:
            sys.stderr.write(event.text + "\n")


def _predictor_of(path: Path, device: str) -> Predictor | RivalPredictor:
    """What predicts with the network of a model file, whichever network that is."""
    if read_card(path).detector in RIVAL_NAMES:
        return RivalPredictor(*load_any(path), device=device)
    return Predictor.from_file(path, device=device)


def main() -> int:
    """Run until the input ends."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal of the window: the window decides
    _give_way(NICENESS)
    keep_freed_memory()
    threads = os.environ.get("ADSNET_THREADS")
    if threads:
        torch.set_num_threads(int(threads))
    # Libraries print to standard output; only messages may go there. Keep the pipe and send the rest to stderr.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker = Worker(output, own_process=True)
    requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, worker), daemon=True).start()
    try:
        worker.serve(iter(requests.get, None))
    except BrokenPipeError:  # the window is gone; there is nobody to tell
        return 1
    return 0


def _give_way(niceness: int) -> None:
    """Lower the priority of this process, where the system knows such a thing."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(max(0, niceness - os.nice(0)))


def _read(requests: queue.SimpleQueue[Message | None], worker: Worker) -> None:
    """Queue requests; stop requests and the end of the input take effect at once, also during a training."""
    decoder = Decoder()
    try:
        while chunk := os.read(0, CHUNK):
            for message in decoder.feed(chunk):
                if isinstance(message, StopTraining):
                    worker.stop(message.job)
                elif isinstance(message, Shutdown):
                    return
                else:
                    requests.put(message)
    except ProtocolError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        worker.close()
        requests.put(None)


if __name__ == "__main__":
    sys.exit(main())
