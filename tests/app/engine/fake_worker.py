"""Speaks the protocol of ``adsnet.worker`` without a network. What it does wrong, its argument or a request says."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

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
from adsnet.prediction import FeatureMap, Features, Prediction
from adsnet.storage.files import stamp_of

MODE = sys.argv[1] if len(sys.argv) > 1 else ""
output = sys.stdout.buffer
stopped: set[int] = set()
looks: list[str] = []


def send(message: Message) -> None:
    output.write(encode(message))
    output.flush()


def read(requests: queue.SimpleQueue[Message | None]) -> None:
    decoder = Decoder()
    while chunk := os.read(0, 1 << 16):
        for message in decoder.feed(chunk):
            if isinstance(message, StopTraining):
                if MODE == "slow deaf":
                    continue
                stopped.add(message.job)
            elif isinstance(message, Shutdown):
                requests.put(None)
                return
            else:
                requests.put(message)
    requests.put(None)


def die(how: str) -> None:
    sys.stderr.write(f"last words before {how}\n")
    sys.stderr.flush()
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "noise":
        output.write(b"a library printed this to the pipe of messages")
        output.flush()
        time.sleep(60)
    elif how.startswith("exit"):
        os._exit(int(how.removeprefix("exit")))


def predict(request: Predict, frames: dict[str, tuple[int, ...]], model: str) -> None:
    if request.engine in ("slow", "slower"):
        time.sleep(0.15 if request.engine == "slow" else 0.6)
    if request.engine == "fail":
        send(JobFailed(request.job, "It did not work.", "traceback"))
        return
    if request.engine in ("kill", "noise", "exit3"):
        die(request.engine)
    if request.pixels is not None:
        frames.clear()
        frames[request.frame] = request.pixels.shape
    shape = frames.get(request.frame)
    if shape is None:
        send(JobFailed(request.job, "The pixels are not here."))
        return
    probability = np.zeros(shape, np.float32)
    probability[1, 2] = 0.9
    what = "with pixels" if request.pixels is not None else "again"
    answer = Prediction(probability, (), (), (16, 16), 0.01, "adsnet", model, what)
    send(Predicted(request.job, request.generation, request.frame, answer))


def examine(request: Examine, frames: dict[str, tuple[int, ...]]) -> None:
    """One map of one cell that counts how often it was asked."""
    if MODE == "dies looking":
        die("kill")
    if request.pixels is not None:
        frames.clear()
        frames[request.frame] = request.pixels.shape
    if MODE == "blind" or request.frame not in frames:
        send(JobFailed(request.job, "There is too little memory.", "traceback"))
        return
    looks.append(request.frame)
    one = FeatureMap("B2", np.full((1, 1), len(looks), np.float32), np.zeros(1, np.float32))
    send(Examined(request.job, request.frame, Features((one,), (16, 16))))


def train(request: StartTraining) -> Iterator[Message]:
    steps = int(request.config["iterations"])
    entry = {"frame": "a", "targets": 1, "found": 0, "false": 0, "iou": 0.1}
    yield Evaluated(request.job, "current", {"pd": 0.5}, (entry,))
    for step in range(1, steps + 1):
        if MODE.startswith("slow"):
            time.sleep(0.05)
        if step == 3 and MODE == "dies in training":
            die("kill")
        yield TrainProgress(request.job, step, steps, {"total": 1.0 / step}, 0.1)
        if request.job in stopped:
            break
    path = os.path.join(request.out, "model.safetensors")
    with open(path, "wb") as stream:
        stream.write(b"candidate")
    yield Evaluated(request.job, "candidate", {"pd": 0.6}, ({**entry, "found": 1},))
    end = JobStopped if request.job in stopped else JobDone
    yield end(request.job, {"model": path, "iteration": step})


def main() -> None:
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if MODE.startswith("exit") or MODE == "kill":
        die(MODE)
    send(Ready(os.getpid(), os.environ.get("ADSNET_THREADS", "unset"), os.environ["PYTHONPATH"].split(os.pathsep)[0]))
    requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    threading.Thread(target=read, args=(requests,), daemon=True).start()
    frames: dict[str, tuple[int, ...]] = {}
    model = "net"
    for request in iter(requests.get, None):
        if isinstance(request, LoadModel):
            frames.clear()
            if request.path in ("kill", "noise", "exit3"):
                die(request.path)
            if request.path == "bad":
                send(JobFailed(request.job, "The model bad is damaged: choose another."))
            else:
                if request.path.startswith("slow"):
                    time.sleep(0.15)
                model = name = request.path.removesuffix(".file")
                path = request.path if os.path.isabs(request.path) else f"{name}.file"
                stamp = stamp_of(Path(path))
                if MODE == "replaced":
                    Path(path).write_bytes(b"trained meanwhile")
                send(ModelLoaded(request.job, name, path, {"device": request.device}, stamp, "cpu float32"))
        elif isinstance(request, Predict):
            predict(request, frames, model)
        elif isinstance(request, Examine):
            examine(request, frames)
        elif isinstance(request, StartTraining):
            for event in train(request):
                send(event)
    if MODE == "stubborn":
        time.sleep(60)


if __name__ == "__main__":
    main()
