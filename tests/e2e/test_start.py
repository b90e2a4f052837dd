"""How the program starts and ends as a process: without a display, with bad arguments, on a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux a display can be missing")
def test_without_a_display_one_sentence_and_exit_2() -> None:
    done = _run()
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("adsnet: error: there is no display") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["no/such/place"], "no/such/place"),
        (["{empty}"], "empty"),
        (["{text}"], "notes.png"),
        (["--model", "no/such/model"], "no/such/model"),
    ],
)
def test_what_cannot_be_opened_ends_with_one_sentence(tmp_path: Path, arguments: list[str], part: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.png").write_text("not a picture")
    places = {"empty": str(tmp_path / "empty"), "text": str(tmp_path / "notes.png")}
    done = _run(*(a.format(**places) for a in arguments), QT_QPA_PLATFORM="offscreen")
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1 and lines[0].startswith("adsnet: error: ") and part in lines[0]


def test_starting_loads_neither_qt_nor_torch_before_main_and_never_torch() -> None:
    code = (
        "import sys, app.bootstrap\n"
        "assert not [m for m in sys.modules if m.startswith(('PySide6', 'torch'))]\n"
        "app.bootstrap.Studio\n"
        "import app.views.window, app.views.wiring, app.engine.predict, app.engine.train, app.state.session\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


_PREDICT_AND_CLOSE = """
import sys, time
from PySide6.QtTest import QTest
from app.bootstrap import main

def drive(studio):
    end = time.monotonic() + 120
    while studio.session.prediction is None and time.monotonic() < end:
        QTest.qWait(20)
    print("predicted", studio.session.prediction is not None, "torch", "torch" in sys.modules)
    studio.window.close()

sys.exit(main(sys.argv[1:], started=drive))
"""


def test_the_window_shows_a_prediction_without_ever_importing_torch(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 100, np.uint8)).save(tmp_path / "a.png")
    done = subprocess.run(
        [sys.executable, "-c", _PREDICT_AND_CLOSE, str(tmp_path / "a.png")],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "predicted True torch False"), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are a matter of Unix")
def test_a_termination_signal_ends_the_program_in_order(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 100, np.uint8)).save(tmp_path / "a.png")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), str(tmp_path / "a.png")],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    log = Path(os.environ["ADSNET_STUDIO_HOME"]) / "logs" / "adsnet-studio.log"
    end = time.monotonic() + 30
    while not (log.is_file() and "window is shown" in log.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors.decode()
