"""The worker: every job ends exactly once, and nothing but messages comes out of it."""

from __future__ import annotations

import io
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adsnet import resources
from adsnet import worker as module
from adsnet.config import Sparsity, to_dict
from adsnet.detectors.networks import RIVALS
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
    Ready,
    Shutdown,
    StartTraining,
    StopTraining,
    TrainProgress,
    encode,
)
from adsnet.model.weights import load_any, save_network
from adsnet.model_file import ModelCard, read_model
from adsnet.predictor import Predictor
from adsnet.rival_predictor import RivalPredictor
from adsnet.storage.files import stamp_of
from adsnet.training.run import TrainJob, run
from adsnet.worker import Worker
from tests.adsnet.tiny import make_frame, quick

ROOT = Path(__file__).resolve().parents[2]
CLOSING = JobDone | JobStopped | JobFailed | Predicted | ModelLoaded
ENDLESS = to_dict(quick(iterations=100_000))


class Child:
    """A worker process and its messages."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._messages: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()
        self._complaints = b""
        for target in (self._listen, self._listen_to_errors):
            threading.Thread(target=target, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        decoder = Decoder()
        try:
            while chunk := os.read(self.process.stdout.fileno(), 1 << 16):
                for message in decoder.feed(chunk):
                    self._messages.put(message)
            self._messages.put(None)
        except Exception as error:  # noqa: BLE001  handed to the test
            self._messages.put(error)

    def _listen_to_errors(self) -> None:
        assert self.process.stderr is not None
        while chunk := os.read(self.process.stderr.fileno(), 1 << 16):
            self._complaints += chunk

    def send(self, *messages: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(map(encode, messages)))
        self.process.stdin.flush()

    def receive(self) -> Message | None:
        """The next message, None at the end of the stream."""
        message = self._messages.get(timeout=90)
        if isinstance(message, Exception):
            raise message
        return message

    def until_closed(self, job: int) -> list[Message]:
        """All messages up to the closing one of ``job``, which is the last."""
        messages: list[Message] = []
        while True:
            message = self.receive()
            assert message is not None, self.complaints()
            messages.append(message)
            if isinstance(message, CLOSING) and message.job == job:
                return messages

    def until(self, kind: type[Message]) -> Message:
        """The next message of a kind; those before it are dropped."""
        while not isinstance(message := self.receive(), kind):
            assert message is not None, self.complaints()
        return message

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> tuple[int, str]:
        """Exit code and what was written to stderr."""
        code = self.process.wait(60)
        return code, self.complaints()

    def complaints(self) -> str:
        time.sleep(0.1)
        return self._complaints.decode("utf-8", "replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait(60)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def children() -> Iterator[list[Child]]:
    """Put children here; they are ended with the test."""
    started: list[Child] = []
    yield started
    for child in started:
        child.close()


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    started = Child("-m", "adsnet.worker")
    try:
        assert isinstance(ready := started.receive(), Ready) and ready.pid == started.process.pid
        yield started
        started.send(Shutdown())
        code, complaints = started.end()
        assert code == 0 and "Traceback" not in complaints and started.receive() is None
    finally:
        started.close()


def in_process(*requests: Message) -> list[Message]:
    """The answers of a worker without a process, after its greeting."""
    output = io.BytesIO()
    Worker(output).serve(iter(requests))
    ready, *answers = Decoder().feed(output.getvalue())
    assert isinstance(ready, Ready) and ready.pid == os.getpid()
    return answers


def predict(
    job: int, frame: str, pixels: Any = None, *, drop: tuple[float, float] = (0.25, 0.5), **more: Any
) -> Predict:
    return Predict(job, 10 + job, frame, pixels, Sparsity(drop=drop), **more)


PIXELS = make_frame(40, 56, seed=3, dtype=np.uint16)[0]


# ---- the real process ---------------------------------------------------------------------------------------


def test_it_predicts_what_the_library_predicts(child: Child, model_path: Path) -> None:
    child.send(LoadModel(1, str(model_path)), predict(2, "a", PIXELS), predict(3, "a", drop=(0.5, 0.9)))
    loaded, first, second = child.receive(), child.receive(), child.receive()
    assert isinstance(loaded, ModelLoaded) and (loaded.job, loaded.name, loaded.path) == (1, "tiny", str(model_path))
    assert loaded.card["model"]["width"] == 8
    assert loaded.stamp == stamp_of(model_path) is not None and loaded.computes.split()[1] in ("float32", "bfloat16")
    predictor = Predictor.from_file(model_path)
    for answer, drop, job in ((first, (0.25, 0.5), 2), (second, (0.5, 0.9), 3)):
        assert isinstance(answer, Predicted) and (answer.job, answer.generation, answer.frame) == (job, 10 + job, "a")
        expected = predictor.predict(PIXELS, Sparsity(drop=drop))
        np.testing.assert_allclose(answer.prediction.probability, expected.probability, atol=1e-5)
        assert answer.prediction.kept == expected.kept and answer.prediction.model == "tiny"


def test_it_trains_as_the_command_line_does(child: Child, data_set: Path, model_path: Path, tmp_path: Path) -> None:
    config = quick(iterations=3)
    out = tmp_path / "a"
    child.send(StartTraining(4, (str(data_set),), str(out), str(model_path), to_dict(config), name="my model"))
    events = child.until_closed(4)
    kinds = [Evaluated, TrainProgress, TrainProgress, TrainProgress, Evaluated, JobDone]
    assert [type(e) for e in events] == kinds
    assert [e.which for e in events if isinstance(e, Evaluated)] == ["current", "candidate"]
    scored = events[-2]
    assert isinstance(scored, Evaluated) and [f["frame"] for f in scored.frames] == ["f02", "f07"]
    assert events[-1] == JobDone(4, {"model": str(tmp_path / "a" / "model.safetensors"), "iteration": 3})
    assert read_model(out / "model.safetensors")[1].name == "my model"
    list(run(TrainJob(((data_set, None),), tmp_path / "b", config, init=model_path)))
    assert (tmp_path / "a" / "metrics.jsonl").read_bytes() == (tmp_path / "b" / "metrics.jsonl").read_bytes()


def test_stop_ends_the_job_that_it_names_and_no_other(child: Child, data_set: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    child.send(StartTraining(6, (str(data_set),), str(folders[0]), None, ENDLESS))
    child.until(TrainProgress)
    child.send(StopTraining(99))
    child.until(TrainProgress)
    child.until(TrainProgress)
    # A stop with the next job right behind it must not be lost, nor reach that job.
    child.send(StopTraining(6), StartTraining(7, (str(data_set),), str(folders[1]), None, to_dict(quick(iterations=2))))
    closing = child.until_closed(6)[-1]
    assert isinstance(closing, JobStopped) and closing.result["model"] == str(folders[0] / "model.safetensors")
    assert read_model(folders[0] / "model.safetensors")[1].training["iterations"] == closing.result["iteration"]
    events = child.until_closed(7)
    assert isinstance(events[-1], JobDone)
    assert [e.iteration for e in events if isinstance(e, TrainProgress)] == [1, 2]


def test_a_stop_before_the_start_is_kept(child: Child, data_set: Path, tmp_path: Path) -> None:
    child.send(StopTraining(8), StartTraining(8, (str(data_set),), str(tmp_path / "run"), None, ENDLESS))
    closing = child.until_closed(8)[-1]
    assert isinstance(closing, JobStopped) and closing.result["iteration"] == 1


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_is_for_the_window(child: Child) -> None:
    child.process.send_signal(signal.SIGINT)
    child.send(LoadModel(9, "no such model"))
    assert isinstance(child.receive(), JobFailed)


NOISY = """
import os, sys
from adsnet import worker
resolve = worker.resolve_model
def noisy(name):
    print("printed")
    sys.stdout.flush()
    os.write(1, b"written to the descriptor\\n")
    os.system("echo from a child of the child")
    if name == "bug":
        raise ZeroDivisionError("a bug\\nof two lines")
    return resolve(name)
worker.resolve_model = noisy
sys.exit(worker.main())
"""


def test_what_is_printed_cannot_corrupt_the_stream_and_its_end_ends_a_training(
    children: list[Child], model_path: Path, data_set: Path, tmp_path: Path
) -> None:
    children.append(worker := Child("-c", NOISY))
    worker.send(LoadModel(1, "bug"), LoadModel(2, str(model_path)), predict(3, "a", PIXELS))
    assert isinstance(worker.receive(), Ready)
    failed, loaded, predicted = worker.receive(), worker.receive(), worker.receive()
    assert isinstance(failed, JobFailed) and failed.job == 1
    assert failed.text == "LoadModel failed (ZeroDivisionError: a bug of two lines); see the details"
    assert "Traceback" in failed.details and "noisy" in failed.details
    assert isinstance(loaded, ModelLoaded) and isinstance(predicted, Predicted)

    worker.send(StartTraining(4, (str(data_set),), str(tmp_path / "run"), None, ENDLESS))
    worker.until(TrainProgress)
    worker.hang_up()
    code, complaints = worker.end()
    assert code == 0 and "Traceback" not in complaints
    assert read_model(tmp_path / "run" / "model.safetensors") and list((tmp_path / "run").glob("checkpoint-*.pt"))
    for noise in ("printed", "written to the descriptor", "from a child of the child"):
        assert complaints.count(noise) == 2


def test_a_window_that_is_gone_ends_the_process() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    deserted = subprocess.run(
        [sys.executable, "-m", "adsnet.worker"], cwd=ROOT, input=b"", stdout=writing, stderr=subprocess.PIPE,
        timeout=90, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (deserted.returncode, deserted.stderr) == (1, b"")


# ---- without a process --------------------------------------------------------------------------------------


def test_a_prediction_needs_a_model_and_pixels(model_path: Path, tmp_path: Path) -> None:
    load = LoadModel(2, str(model_path))
    answers = in_process(
        predict(1, "a", PIXELS), load, predict(3, "a"), predict(4, "a", PIXELS), predict(5, "b"), predict(6, "a"),
        LoadModel(7, str(tmp_path / "none.safetensors")), predict(8, "a"), load, predict(9, "a"),
    )  # fmt: skip
    texts = [a.text if isinstance(a, JobFailed) else type(a).__name__ for a in answers]
    assert texts == [
        "no model is loaded; load one first",
        "ModelLoaded",
        "the pixels of a are not here any more; show the frame again",
        "Predicted",
        "the pixels of b are not here any more; show the frame again",
        "Predicted",
        f"{tmp_path}/none.safetensors: there is no such model file; check the path",
        "Predicted",  # a model that cannot be loaded takes nothing away
        "ModelLoaded",
        "the pixels of a are not here any more; show the frame again",
    ]
    assert [a.job for a in answers if isinstance(a, CLOSING)] == [1, 2, 3, 4, 5, 6, 7, 8, 2, 9]
    assert all(a.details == "" for a in answers if isinstance(a, JobFailed))


def test_the_frame_predicted_last_is_examined(model_path: Path) -> None:
    answers = in_process(
        Examine(1, "a"),
        LoadModel(2, str(model_path)),
        predict(3, "a", PIXELS),
        Examine(4, "a"),
        Examine(5, "b"),
        Examine(6, "b", PIXELS),
        predict(7, "b"),
        predict(8, "a"),
    )
    assert [type(a) for a in answers] == [
        JobFailed, ModelLoaded, Predicted, Examined, JobFailed, Examined, Predicted, JobFailed,
    ]  # fmt: skip
    examined = answers[3]
    assert isinstance(examined, Examined) and (examined.job, examined.frame) == (4, "a")
    predictor = Predictor.from_file(model_path)
    predictor.set_frame(PIXELS)
    for got, expected in zip(examined.features.maps, predictor.examine().maps, strict=True):
        assert got.name == expected.name
        np.testing.assert_allclose(got.values, expected.values, atol=1e-5)
        np.testing.assert_allclose(got.channels, expected.channels, atol=1e-5)


def test_a_frame_that_fails_is_not_taken_for_the_next(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adsnet.predictor.MAX_PIXELS", 3500)
    large = np.zeros((60, 60), np.uint8)
    answers = in_process(
        LoadModel(1, str(model_path)), predict(2, "a", PIXELS), predict(3, "b", large), predict(4, "b"), predict(5, "a")
    )
    assert [type(a) for a in answers] == [ModelLoaded, Predicted, JobFailed, JobFailed, JobFailed]


def test_failures_end_in_exactly_one_closing_message(model_path: Path, data_set: Path, tmp_path: Path) -> None:
    answers = in_process(
        LoadModel(1, str(model_path), device="tpu"),
        LoadModel(2, str(model_path)),
        predict(3, "a", PIXELS, engine="quantum"),
        predict(4, "a", np.zeros((2, 3, 4), np.uint8)),
        StartTraining(5, (str(tmp_path / "none"),), str(tmp_path / "o"), None, {}),
        StartTraining(6, (str(data_set),), str(tmp_path / "o"), None, {"colour": 1}),
        StartTraining(7, (), str(tmp_path / "o"), None, {}),
        StartTraining(8, (str(data_set),), str(tmp_path / "o"), str(tmp_path / "no.safetensors"), {}),
        JobDone(9),  # not a request
    )
    assert [(type(a), a.job) for a in answers if isinstance(a, CLOSING)] == [
        (JobFailed, 1), (ModelLoaded, 2), *((JobFailed, n) for n in range(3, 9)),
    ]  # fmt: skip
    assert len(answers) == 8
    texts = [a.text for a in answers if isinstance(a, JobFailed)]
    assert "unknown device 'tpu'" in texts[0] and "unknown engine 'quantum'" in texts[1]
    assert "unknown option 'colour'" in texts[4] and "there is no such model file" in texts[6]
    assert not (tmp_path / "o").exists()


def test_a_model_by_its_shipped_name(model_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copy(model_path, tmp_path / "adsnet-default.safetensors")
    monkeypatch.setattr(resources, "path_of", lambda name: tmp_path)
    (loaded,) = in_process(LoadModel(1, "adsnet-default"))
    assert isinstance(loaded, ModelLoaded) and loaded.path == str(tmp_path / "adsnet-default.safetensors")


def test_a_training_that_fails_half_way_tells_its_steps_and_one_failure(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: TrainJob, should_stop: Any) -> Iterator[Any]:
        for number, event in enumerate(run(job, should_stop)):
            if number == 3:
                raise MemoryError("no more")
            yield event

    monkeypatch.setattr(module, "run", broken)
    answers = in_process(StartTraining(1, (str(data_set),), str(tmp_path / "o"), None, to_dict(quick())))
    assert [type(a) for a in answers] == [TrainProgress, TrainProgress, JobFailed]
    assert isinstance(answers[-1], JobFailed) and "MemoryError: no more" in answers[-1].text


def test_a_damaged_input_ends_the_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.BytesIO(encode(LoadModel(1, "m")) + b"GET / HTTP/1.1\r\n\r\n")
    monkeypatch.setattr(os, "read", lambda descriptor, size: stream.read(size))
    requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    worker = Worker(io.BytesIO())
    closed: list[bool] = []
    monkeypatch.setattr(worker, "close", lambda: closed.append(True))
    module._read(requests, worker)
    assert [requests.get(timeout=1), requests.get(timeout=1)] == [LoadModel(1, "m"), None]
    assert closed == [True] and capsys.readouterr().err == "the stream of the worker is damaged\n"


def test_a_worker_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.01)
    monkeypatch.setattr(os, "_exit", ended.append)
    Worker(io.BytesIO()).close()
    deadline = time.monotonic() + 20
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == [1]


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities here")
def test_a_worker_gives_way_to_the_window(children: list[Child]) -> None:
    children.append(worker := Child("-m", "adsnet.worker"))
    assert isinstance(worker.receive(), Ready)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, worker.process.pid) == max(own, module.NICENESS)


@pytest.mark.parametrize(("own_process", "expected"), [(True, [0, 12]), (False, [])])
def test_a_training_gives_way_to_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_process: bool, expected: list[int]
) -> None:
    """Only in a process of its own: the priority cannot be raised again."""
    lowered: list[int] = []

    def nice(increment: int) -> int:
        lowered.append(increment)
        return 3

    monkeypatch.setattr("adsnet.worker.os.nice", nice)
    worker = Worker(io.BytesIO(), own_process=own_process)
    worker._answer(StartTraining(1, (), str(tmp_path / "run"), None, {}))
    assert lowered == expected


def test_the_network_of_any_model_file_predicts(tmp_path: Path) -> None:
    """The file says which network it holds; sparsity and engine are ADSNet's and leave the others as they are."""
    torch.manual_seed(0)
    path = tmp_path / "rdian.safetensors"
    save_network(path, RIVALS["rdian"].make().eval(), ModelCard("mine", "rdian"))
    loaded, first, again = in_process(
        LoadModel(1, str(path), "cpu"), predict(2, "a", PIXELS), predict(3, "a", drop=(0.9, 0.97))
    )
    assert isinstance(loaded, ModelLoaded) and loaded.name == "mine" and loaded.card["detector"] == "rdian"
    expected = RivalPredictor(*load_any(path), device="cpu").predict(PIXELS)
    for answer in (first, again):
        assert isinstance(answer, Predicted) and answer.prediction.detector == "rdian"
        np.testing.assert_allclose(answer.prediction.probability, expected.probability, atol=1e-6)
        assert answer.prediction.decisions == ()
