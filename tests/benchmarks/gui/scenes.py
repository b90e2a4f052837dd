"""What is measured, each scene in a window of its own: ``python -m tests.benchmarks.gui.scenes SCENE…``.

The figures of each are written to standard output as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from PySide6.QtCore import QPoint, Qt

from app.bootstrap import Studio, main
from tests.benchmarks.gui.driving import Driver, Paints, percentiles
from tests.benchmarks.gui.tour import Tour

Figures = dict[str, object]
SIZE = (1440, 900)
KEY_REPEAT_MS = 33  # of a key that is held down


def start(driver: Driver, options: argparse.Namespace) -> Figures:
    """From the start of the process until canvas, panels and all are painted."""
    driver.until(lambda: driver.paints.count > 0, "the first paint")
    return {"start_to_window_s": time.monotonic() - options.began}


def folder(driver: Driver, options: argparse.Namespace) -> Figures:
    """From the wish to open a folder of very many frames until the first of them is painted."""
    shown: list[float] = []
    driver.session.frame_changed.connect(lambda: shown.append(time.perf_counter()))
    driver.wait(1500)  # the worker starts and loads its model
    began = time.perf_counter()
    driver.window.paths_dropped.emit([options.data / "many"])
    driver.until(lambda: bool(shown) and driver.paints.last > shown[0], "the first frame")
    first = driver.paints.last - began
    driver.key(Qt.Key.Key_D)
    driver.key(Qt.Key.Key_End)
    driver.wait(500)
    return {"folder_100k_first_frame_s": first, "folder_100k_rss_mb": peak_megabytes()}


def peak_megabytes() -> float:
    """The most memory that this process ever had, where the system tells; else what it has now."""
    status = Path("/proc/self/status")
    if status.is_file():
        peak = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return float(psutil.Process().memory_info().rss) / 2**20


def steps(driver: Driver, options: argparse.Namespace) -> Figures:
    """Keys as fast as a held key repeats, through frames that have a label and a prediction."""
    predict_all(driver, options)
    spent = []
    for _ in range(options.rounds):
        driver.session.go_to(0)
        driver.wait(300)
        for _ in range(options.frames - 1):
            driver.wait(KEY_REPEAT_MS)
            spent.append(driver.painted(lambda: driver.key(Qt.Key.Key_D)))
            assert driver.session.prediction is not None
    return percentiles("frame_step", spent, 50, 99)


def toggles(driver: Driver, options: argparse.Namespace) -> Figures:
    """Every overlay off and on again, by its key."""
    predict_all(driver, options)
    spent = []
    for _ in range(options.rounds):
        for number in range(8):
            key = Qt.Key(Qt.Key.Key_1 + number)
            for _ in range(2 * options.repeats):
                driver.wait(10)
                spent.append(driver.painted(partial(driver.key, key)))
    return percentiles("overlay_toggle", spent, 50, 99)


def play(driver: Driver, options: argparse.Namespace) -> Figures:
    """Frames really painted each second at the largest speed, round and round, with prediction and label."""
    predict_all(driver, options)
    session = driver.session
    session.go_to(0)
    session.player.set_fps(60)
    session.player.set_loop(True)
    frames = before = 0

    def follow() -> None:
        """A frame counts when the canvas was painted between it and the next one."""
        nonlocal frames, before
        frames += driver.paints.count != before
        before = driver.paints.count

    session.frame_changed.connect(follow)
    driver.key(Qt.Key.Key_K)
    driver.wait(500)
    frames, began = 0, time.perf_counter()
    driver.wait(round(1000 * options.play))
    fps = frames / (time.perf_counter() - began)
    session.frame_changed.disconnect(follow)
    driver.key(Qt.Key.Key_K)
    return {"play_fps_640x512": fps}


def strokes(driver: Driver, options: argparse.Namespace) -> Figures:
    """The smallest brush on a frame of 4096×4096, from every move of the mouse until it is painted."""
    session, canvas = driver.session, driver.canvas
    session.open([options.data / "large"])
    driver.wait(500)
    driver.trigger("tool.brush")
    session.document.apply_mask("Clear", np.zeros(session.document.shape, np.bool_))  # of an earlier run
    session.display.set_visible("label", True)
    session.display.set_brush_size(1)
    spent = []
    for zoom in (0.0, 4.0):
        if zoom:
            driver.window.zoom_to(zoom)
            canvas.centre_on(options.side / 2, options.side / 2)
        else:
            driver.window.fit()
        driver.wait(200)
        middle = canvas.viewport().rect().center()
        for stroke in range(options.rounds):
            at = QPoint(middle.x() - 150, middle.y() - 40 + 15 * stroke)
            driver.painted(partial(driver.press, at))
            for move in range(options.frames):
                at = QPoint(middle.x() - 150 + 5 * move, middle.y() - 40 + 15 * stroke + move % 7)
                driver.wait(8)
                spent.append(driver.painted(partial(driver.move, at)))
            driver.release(at)
            driver.wait(200)
        assert session.document.mask.any()
    session.document.undo()
    figures = percentiles("stroke", spent, 50, 99)
    return {**figures, "stroke_ms_p99_4096": figures["stroke_ms_p99"]}


def tour(driver: Driver, options: argparse.Namespace) -> Figures:
    """Everything one after another, again and again; the longest time that the event loop was kept waiting."""
    return Tour(driver, options.data, frames=options.frames, stacks=options.stacks).run(options.tour)


def predict_all(driver: Driver, options: argparse.Namespace) -> None:
    """Open the set and have every frame of it predicted, with prediction and label shown."""
    session = driver.session
    wanted = options.data / "set"
    if session.sequence is None or session.sequence.source != wanted:
        session.open([wanted])
        driver.window.fit()
    for index in range(options.frames):
        session.go_to(index)
        driver.predicted()
    for name in ("mask", "label"):
        session.display.set_visible(name, True)


SCENES: dict[str, Callable[[Driver, argparse.Namespace], Figures]] = {
    "start": start, "folder": folder, "steps": steps, "toggles": toggles, "play": play, "strokes": strokes,
    "tour": tour,
}  # fmt: skip


def run() -> int:
    """Open the window, play the scenes, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="+", choices=SCENES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--began", type=float, default=0.0)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--play", type=float, default=10.0)
    parser.add_argument("--tour", type=float, default=300.0)
    parser.add_argument("--pace", type=float, default=1.0)
    parser.add_argument("--stacks", action="store_true")
    options = parser.parse_args()
    figures: Figures = {}
    failures: list[BaseException] = []

    def started(studio: Studio) -> None:
        try:
            studio.window.resize(*SIZE)  # the size it has by itself on a screen large enough
            driver = Driver(studio, paints, pace=options.pace)
            for name in options.scenes:
                figures.update(SCENES[name](driver, options))
        except BaseException as failure:  # noqa: BLE001  carried out of the event loop
            failures.append(failure)
            studio.window.may_close = lambda: True
        studio.window.close()

    paints = Paints()
    with paints.watched():
        code = main([] if options.scenes == ["start"] else [os.fspath(options.data / "set")], started=started)
    if failures:
        raise failures[0]
    print(json.dumps(figures), flush=True)
    return code


if __name__ == "__main__":
    raise SystemExit(run())
