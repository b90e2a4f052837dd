"""The program as a process on a display of its own: window manager, mouse and keyboard are real.

What is asserted is seen from outside: titles of windows, files, the exit code. It needs the Debian packages xvfb,
openbox, xdotool and Qt's libraries for X11, as the README names them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adsnet.data.labels import read_mask
from app.storage.settings import Settings, save_settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds
DRAG = 150  # screen pixels
_PROGRAMS = ("Xvfb", "openbox", "xdotool")
_LIBRARIES = ("xcb-cursor", "xcb-icccm", "xcb-image", "xcb-keysyms", "xcb-render-util", "xcb-xkb", "xkbcommon-x11")
_missing = [name for name in _PROGRAMS if shutil.which(name) is None]
_missing += [f"lib{name}" for name in _LIBRARIES if find_library(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(_missing),
        reason=f"not installed: {', '.join(_missing)}; the README names the packages",
    ),
]


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something can be seen from outside."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def ended(process: subprocess.Popen[bytes]) -> None:
    """End a process that this test began."""
    process.terminate()
    process.wait(PATIENCE)


class Desk:
    """Hands on a display."""

    def __init__(self, display: str) -> None:
        self.environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        self.environment.pop("WAYLAND_DISPLAY", None)

    def do(self, *words: object) -> str | None:
        """What xdotool answers, or None where it fails."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip() if done.returncode == 0 else None

    def windows(self, title: str) -> list[str]:
        """Windows on the screen with this in their title."""
        return (self.do("search", "--onlyvisible", "--name", title) or "").split()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """A display with a free number and a window manager on it."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb found no free display"
    desk = Desk(f":{number}")
    manager = subprocess.Popen(["openbox"], env=desk.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: desk.do("get_num_desktops") is not None, "the window manager")
        yield desk
    finally:
        ended(manager)
        ended(server)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three frames, with a folder for labels."""
    root = tmp_path / "clip"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).normal(100, 5, (240, 320))
        Image.fromarray(noise.astype(np.uint8)).save(root / "images" / f"f{number}.png")
    return root


class Program:
    """The running program and its window."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), str(folder)],
            env=desk.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        until(lambda: bool(desk.windows("ADSNet Studio")) or self.process.poll() is not None, "the window")
        assert self.process.poll() is None, (self.process.stderr or sys.stderr).read()
        self.window = desk.windows("ADSNet Studio")[0]
        assert desk.do("windowactivate", "--sync", self.window) is not None
        geometry = desk.do("getwindowgeometry", "--shell", self.window) or ""
        size = dict(line.split("=") for line in geometry.splitlines())
        # The canvas is in the middle of the window.
        self.middle = int(size["WIDTH"]) // 2, int(size["HEIGHT"]) * 2 // 5

    def title(self) -> str:
        """What stands over the window."""
        return self.desk.do("getwindowname", self.window) or ""

    def keys(self, *keys: str) -> None:
        """Press keys one after another."""
        assert self.desk.do("key", *keys) is not None

    def point(self) -> None:
        """Move the pointer to the middle of the canvas."""
        assert self.desk.do("mousemove", "--window", self.window, *self.middle) is not None

    def drag(self) -> None:
        """Draw a straight line to the right of the middle."""
        self.point()
        move = ("mousemove_relative", "--sync", DRAG // 5, 0)
        assert self.desk.do("mousedown", 1, *move * 5, "mouseup", 1) is not None

    def saved(self, stem: str) -> int | None:
        """How many pixels the label on the disk has; None without one."""
        path = self.folder / "masks" / f"{stem}.png"
        return int(read_mask(path).sum()) if path.is_file() else None

    def saves(self, stem: str, pixels: Callable[[int], bool]) -> int:
        """Ctrl+S, until the label on the disk is so."""
        self.keys("ctrl+s")
        until(lambda: (count := self.saved(stem)) is not None and pixels(count), f"the label of {stem}")
        return self.saved(stem) or 0


@pytest.fixture
def program(desk: Desk, folder: Path) -> Iterator[Program]:
    """Nothing is saved by itself: what is on the disk, Ctrl+S brought there."""
    save_settings(Settings(autosave=False, predict_automatically=False))
    program = Program(desk, folder)
    yield program
    if program.process.poll() is None:
        program.process.kill()
    program.process.wait(PATIENCE)


def test_a_day_at_the_desk(program: Program, desk: Desk) -> None:
    until(lambda: program.title().startswith("f0"), "the first frame in the title")
    program.point()
    program.keys("d")
    until(lambda: program.title().startswith("f1"), "the next frame")
    program.keys("a")
    until(lambda: program.title().startswith("f0"), "the frame before")

    program.keys("b", *["bracketleft"] * 12)  # the smallest brush
    program.drag()
    whole = program.saves("f0", lambda pixels: pixels > 0)
    assert 0.2 * DRAG < whole < 1.5 * DRAG, "a line of single pixels, in a frame of 240 rows shown whole"
    program.keys("ctrl+z")
    program.saves("f0", lambda pixels: pixels == 0)

    assert desk.do("click", "--repeat", 8, 4) is not None  # the wheel zooms in at the pointer
    program.drag()
    near = program.saves("f0", lambda pixels: pixels > 0)
    assert near < whole / 3, "the same way of the pointer is fewer pixels of the frame"

    program.keys("F1")
    until(lambda: bool(desk.windows("Keys and mouse")), "the dialog")
    program.keys("Escape")
    until(lambda: not desk.windows("Keys and mouse"), "the end of the dialog")
    assert program.process.poll() is None

    desk.do("windowactivate", "--sync", program.window)
    program.keys("alt+F4")  # openbox asks the window to close
    _, errors = program.process.communicate(timeout=PATIENCE)
    assert program.process.returncode == 0, errors.decode()
    assert program.saved("f0") == near
