"""The client: one end for every job, the newest prediction wins, crashes are told and survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

import adsnet
from adsnet.config import Sparsity
from adsnet.messages import JobFailed, Ready
from app.engine.client import WorkerClient
from app.engine.process import Tail, environment
from app.failures import LOGGER, start_log
from tests.app.engine.conftest import FAKE, MakeClient

ROOT = Path(adsnet.__file__).resolve().parent.parent

PIXELS = np.zeros((4, 5), np.uint16)


class Heard:
    """Everything that a client tells, in order."""

    def __init__(self, client: WorkerClient) -> None:
        self.all: list[tuple[str, Any]] = []
        for name in ("ready", "model_loaded", "predicted", "progress", "evaluated", "done", "stopped", "failed"):
            getattr(client, name).connect(lambda message, name=name: self.all.append((name, message)))
        for name in ("crashed", "gave_up", "state_changed"):
            getattr(client, name).connect(lambda text, name=name: self.all.append((name, text)))

    def of(self, name: str) -> list[Any]:
        return [message for kind, message in self.all if kind == name]

    def ends(self, job: int) -> list[str]:
        names = ("model_loaded", "predicted", "done", "stopped", "failed")
        return [name for name, message in self.all if name in names and message.job == job]


def predict(
    client: WorkerClient, generation: int, frame: str = "f", engine: str = "auto", pixels: NDArray[Any] = PIXELS
) -> None:
    client.predict(generation, frame, pixels, Sparsity(), engine)


def test_requests_before_the_start_arrive(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client(threads=3)
    heard = Heard(client)
    job = client.load_model(Path("net"), "cpu")
    predict(client, 7)
    qtbot.waitUntil(lambda: bool(heard.of("predicted")), timeout=20000)
    assert [name for name, _ in heard.all] == ["state_changed", "state_changed", "ready", "model_loaded", "predicted"]
    assert heard.of("state_changed") == ["starting", "ready"] and client.is_ready and client.jobs == ()
    ready: Ready = heard.of("ready")[0]
    assert ready.pid == client.pid and ready.torch == "3"
    assert Path(ready.device) == Path(adsnet.__file__).resolve().parent.parent
    loaded = heard.of("model_loaded")[0]
    assert (loaded.job, loaded.name, loaded.card) == (job, "net", {"device": "cpu"})
    assert heard.of("predicted")[0].generation == 7


def test_the_newest_prediction_wins(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client()
    heard = Heard(client)
    for generation in range(1, 21):
        predict(client, generation, engine="slow")
    qtbot.waitUntil(lambda: len(heard.of("predicted")) == 2, timeout=20000)
    qtbot.wait(100)
    assert [message.generation for message in heard.of("predicted")] == [1, 20]


def test_pixels_are_sent_once_for_each_frame(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client()
    heard = Heard(client)

    def answer(generation: int, frame: str, engine: str = "auto", pixels: NDArray[Any] = PIXELS) -> str:
        before = len(heard.all)
        predict(client, generation, frame, engine, pixels)
        qtbot.waitUntil(lambda: any(n in ("predicted", "failed") for n, _ in heard.all[before:]), timeout=20000)
        name, message = next((n, m) for n, m in heard.all[before:] if n in ("predicted", "failed"))
        return str(message.prediction.engine) if name == "predicted" else "failed"

    assert [answer(1, "f"), answer(2, "f"), answer(3, "g"), answer(4, "f")] == [
        "with pixels",
        "again",
        "with pixels",
        "with pixels",
    ]
    assert [answer(5, "f", "fail"), answer(6, "f")] == ["failed", "with pixels"], "after a failure nothing is assumed"
    client.load_model("other")
    assert answer(7, "f") == "with pixels", "the worker forgets the frame with the model"
    changed = PIXELS.copy()
    assert answer(8, "f", pixels=changed) == "with pixels", "the file was written anew and opened again"
    assert answer(9, "f", pixels=changed) == "again"


def test_a_model_that_cannot_be_loaded_is_one_failure(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client()
    heard = Heard(client)
    job = client.load_model("bad")
    qtbot.waitUntil(lambda: bool(heard.of("failed")), timeout=20000)
    assert heard.ends(job) == ["failed"] and "bad" in heard.of("failed")[0].text and client.is_ready


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("how", "why"), [("kill", "signal 9"), ("exit3", "exit code 3"), ("noise", "stream of the worker is damaged")]
)
def test_a_crash_ends_its_jobs_and_the_worker_comes_back(
    make_client: MakeClient, qtbot: QtBot, how: str, why: str
) -> None:
    client = make_client(name="the prediction worker")
    heard = Heard(client)
    client.load_model("net", "cpu")
    qtbot.waitUntil(lambda: bool(heard.of("model_loaded")), timeout=20000)
    first = client.pid
    predict(client, 1, engine=how)
    predict(client, 2)
    qtbot.waitUntil(lambda: len(heard.of("model_loaded")) == 2, timeout=20000)
    failure: JobFailed = heard.of("failed")[0]
    assert failure.text == heard.of("crashed")[0]
    assert failure.text.startswith("The prediction worker stopped working: ") and why in failure.text
    assert f"last words before {how}" in failure.details
    assert len(heard.of("failed")) == 1 and heard.of("predicted") == []
    again = heard.of("model_loaded")[1]
    assert (again.path, again.card) == ("net.file", {"device": "cpu"}), "the model that was in use"
    assert client.pid != first and client.jobs == ()
    predict(client, 3)
    qtbot.waitUntil(lambda: bool(heard.of("predicted")), timeout=20000)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_it_is_given_up_after_three_restarts_in_a_minute(make_client: MakeClient, qtbot: QtBot) -> None:
    now = [0.0]
    client = make_client("kill", clock=lambda: now[0])
    heard = Heard(client)
    job = client.load_model("net")
    qtbot.waitUntil(lambda: bool(heard.of("gave_up")), timeout=20000)
    assert len(heard.of("crashed")) == 3 and len(heard.of("gave_up")) == 1
    assert heard.ends(job) == ["failed"] and client.state == "crashed" and not client.is_running
    predict(client, 1)
    client.load_model("net")
    qtbot.waitUntil(lambda: len(heard.of("failed")) == 3, timeout=20000)
    assert not client.is_running, "a request does not start what was given up"
    client.start()
    qtbot.waitUntil(lambda: len(heard.of("gave_up")) == 2, timeout=20000)
    assert len(heard.of("crashed")) == 6


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_rare_crashes_do_not_add_up(make_client: MakeClient, qtbot: QtBot) -> None:
    now = [0.0]
    client = make_client(clock=lambda: now[0])
    heard = Heard(client)
    client.start()
    for _ in range(5):
        qtbot.waitUntil(lambda: client.is_ready, timeout=20000)
        now[0] += 61.0
        with qtbot.waitSignal(client.crashed, timeout=20000):
            os.kill(client.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: len(heard.of("ready")) == 6, timeout=20000)
    assert heard.of("gave_up") == []


def test_a_program_that_is_not_there_is_said(qtbot: QtBot) -> None:
    client = WorkerClient(program="/nowhere/python", arguments=(), name="the worker")
    heard = Heard(client)
    job = client.load_model("net")
    qtbot.waitUntil(lambda: bool(heard.of("gave_up")), timeout=20000)
    assert "could not be started" in heard.of("gave_up")[0] and heard.ends(job) == ["failed"]
    assert client.wait_shutdown(100) and not client.is_running


def test_shutdown_is_polite(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client()
    heard = Heard(client)
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=20000)
    client.shutdown()
    client.shutdown()
    job = client.load_model("net")
    qtbot.waitUntil(lambda: not client.is_running, timeout=20000)
    qtbot.waitUntil(lambda: heard.ends(job) == ["failed"], timeout=20000)
    assert client.state == "stopped" and heard.of("crashed") == heard.of("gave_up") == []
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=20000)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_stubborn_worker_is_killed(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client("stubborn")
    client._child.grace_ms = 100
    heard = Heard(client)
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=20000)
    client.shutdown()
    qtbot.waitUntil(lambda: not client.is_running, timeout=20000)
    assert client.state == "stopped" and heard.of("crashed") == []


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_end_of_the_program_waits_and_kills(make_client: MakeClient, qtbot: QtBot) -> None:
    client = make_client("stubborn")
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=20000)
    pid = client.pid
    assert client.wait_shutdown(400)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    starting = make_client()
    starting.start()
    assert starting.wait_shutdown(4000), "also while it starts"


def test_training_reports_and_stops(make_client: MakeClient, qtbot: QtBot, tmp_path: Path) -> None:
    client = make_client("slow", restarts=False)
    heard = Heard(client)
    job = client.start_training(("data",), str(tmp_path), None, {"iterations": 500})
    qtbot.waitUntil(lambda: len(heard.of("progress")) >= 2, timeout=20000)
    client.stop_training(99)
    client.stop_training(job)
    qtbot.waitUntil(lambda: bool(heard.of("stopped")), timeout=20000)
    assert heard.ends(job) == ["stopped"] and heard.of("stopped")[0].result["iteration"] < 500
    assert [message.which for message in heard.of("evaluated")] == ["current", "candidate"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_training_that_dies_is_not_started_again(make_client: MakeClient, qtbot: QtBot, tmp_path: Path) -> None:
    client = make_client("dies in training", restarts=False)
    heard = Heard(client)
    job = client.start_training(("data",), str(tmp_path), None, {"iterations": 500})
    qtbot.waitUntil(lambda: bool(heard.of("gave_up")), timeout=20000)
    assert heard.ends(job) == ["failed"] and len(heard.of("progress")) == 2
    assert "memory of the machine was used up" in heard.of("failed")[0].text
    assert not client.is_running and heard.of("crashed") == []


WINDOW = """
    import sys
    from PySide6.QtCore import QCoreApplication
    from app.engine.client import WorkerClient
    application = QCoreApplication([])
    client = WorkerClient(program=sys.executable, arguments=(sys.argv[1],))
    client.ready.connect(lambda message: print(message.pid, flush=True))
    client.start()
    application.exec()
"""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody has reaped yet is dead all the same.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_window_that_is_killed_takes_the_worker_along(qtbot: QtBot) -> None:
    window = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WINDOW), FAKE], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert window.stdout is not None
    worker = int(window.stdout.readline())
    assert _alive(worker)
    window.kill()
    window.wait()
    window.stdout.close()
    qtbot.waitUntil(lambda: not _alive(worker), timeout=20000)


def test_the_worker_runs_this_very_package(monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(Path(adsnet.__file__).resolve().parent.parent)
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("ADSNET_THREADS", "64")
    values = environment(None)
    assert values.value("PYTHONPATH") == os.pathsep.join([root, "/somewhere"])
    assert not values.contains("ADSNET_THREADS") and environment(2).value("ADSNET_THREADS") == "2"
    monkeypatch.delenv("PYTHONPATH")
    assert environment(None).value("PYTHONPATH") == root
    assert values.value("PYTHONSAFEPATH") == "1"


def test_only_the_end_of_a_long_log_is_kept() -> None:
    tail = Tail()
    for number in range(5000):
        tail.add(f"line {number} \xff\n".encode("latin-1"))
    assert tail.text.endswith("line 4999 \\xff") and len(tail.text) < 40_000


def test_python_is_the_default_program(qapp: object) -> None:
    client = WorkerClient()
    assert client._child._program == sys.executable and client._child._arguments == ("-m", "adsnet.worker")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_crash_reaches_the_log_of_the_program(
    make_client: MakeClient, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOGGER, "handlers", [])
    path = start_log(tmp_path)
    client = make_client("kill", restarts=False)
    client.start()
    qtbot.waitUntil(lambda: not client.is_running, timeout=20000)
    text = path.read_text(encoding="utf-8") if path is not None else ""
    assert "signal 9" in text and "last words" in text
    for handler in LOGGER.handlers:
        handler.close()
