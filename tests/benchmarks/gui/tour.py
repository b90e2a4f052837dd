"""A tour of the whole window, as a user in a hurry would make it, while the worker predicts."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt

from tests.benchmarks.gui.driving import Driver, Stacks
from tests.e2e.stall import StallWatch

LATE = 0.05  # seconds of the event loop
_PANELS = ("why", "report", "targets", "display", "layers", "fine_tune", "cascade", "stages", "frames")


class Tour:
    """Opens, steps, plays, zooms, pans, toggles, paints, undoes, saves, moves sliders, opens the panels, judges.

    Args:
        driver: of the window.
        data: folder with ``set`` and ``many``.
        frames: of the set.
        stacks: write where the window is whenever it is late.
    """

    def __init__(self, driver: Driver, data: Path, *, frames: int, stacks: bool) -> None:
        self._driver, self._data, self._frames = driver, data, frames
        self._watch = StallWatch(driver.window)
        self._random = np.random.default_rng(0)
        self._saved = 0
        driver.session.saved.connect(self._count_save)
        if stacks:
            Stacks(self._watch, LATE).start()

    def _count_save(self, _stem: str) -> None:
        self._saved += 1

    def run(self, seconds: float) -> dict[str, object]:
        """Go round until the time is over, at least once through everything."""
        watch, driver = self._watch, self._driver
        stations = (
            self._open_set, self._step, self._play, self._zoom, self._pan, self._toggle, self._paint, self._undo,
            self._save, self._slide, self._levels, self._panels, self._judge, self._dialogs, self._open_many,
            self._walk_many,
        )  # fmt: skip
        end = time.monotonic() + seconds
        for visit, station in enumerate(itertools.cycle(stations)):
            if visit >= len(stations) and time.monotonic() > end:
                break
            watch.step = station.__name__.strip("_").replace("_", " ")
            station()
            driver.wait(50)
        assert self._saved, "the tour saved nothing"
        return {
            "longest_stall_ms": watch.longest * 1e3,
            "longest_stall_own_ms": watch.own * 1e3,
            "stalls_ms": {step: round(1e3 * seconds, 1) for step, seconds in watch.by_step.items()},
            "stalls_own_ms": {step: round(1e3 * seconds, 1) for step, seconds in watch.own_by_step.items()},
        }

    # ---- stations ---------------------------------------------------------------------------------------------

    def _open_set(self) -> None:
        self._open("set")
        self._driver.predicted()

    def _open_many(self) -> None:
        self._open("many")
        self._driver.wait(300)

    def _open(self, name: str) -> None:
        session, driver = self._driver.session, self._driver
        driver.window.paths_dropped.emit([self._data / name])
        driver.until(
            lambda: session.sequence is not None and session.sequence.source == self._data / name
            and session.frame is not None,
            f"{name} to be open",
        )  # fmt: skip

    def _step(self) -> None:
        for _ in range(min(20, self._frames - 1)):
            self._driver.key(Qt.Key.Key_D)
            self._driver.wait(40)
        for _ in range(3):
            self._driver.predicted()
            self._driver.key(Qt.Key.Key_A)
            self._driver.wait(60)

    def _walk_many(self) -> None:
        for key in (Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_PageDown, Qt.Key.Key_N, Qt.Key.Key_D):
            self._driver.key(key)
            self._driver.wait(150)
        timeline = self._driver.window.workspace.timeline
        for share in (0.3, 0.7, 0.5):
            timeline.slider.setValue(round(share * timeline.slider.maximum()))
            self._driver.wait(80)

    def _play(self) -> None:
        player = self._driver.session.player
        player.set_loop(True)
        for fps in (15, 60):
            player.set_fps(fps)
            self._driver.key(Qt.Key.Key_K)
            self._driver.wait(1000)
            self._driver.key(Qt.Key.Key_K)
            self._driver.wait(50)

    def _zoom(self) -> None:
        for notches in (*[1] * 12, *[-1] * 12):
            self._driver.wheel(notches)
            self._driver.wait(16)
        self._driver.trigger("view.actual")
        self._driver.wait(50)

    def _pan(self) -> None:
        driver = self._driver
        driver.window.zoom_to(3.0)
        middle = driver.canvas.viewport().rect().center()
        driver.press(middle, Qt.MouseButton.MiddleButton)
        for step in range(30):
            driver.move(middle + QPoint(round(80 * np.sin(step / 5)), 3 * step))
            driver.wait(16)
        driver.release(middle, Qt.MouseButton.MiddleButton)
        driver.window.fit()

    def _toggle(self) -> None:
        for _ in range(2):
            for number in range(8):
                self._driver.key(Qt.Key(Qt.Key.Key_1 + number))
                self._driver.wait(60)
        for _ in range(2):
            self._driver.key(Qt.Key.Key_Z)
            self._driver.wait(60)

    def _paint(self) -> None:
        driver = self._driver
        driver.window.zoom_to(4.0)
        centre = driver.canvas.viewport().rect().center()
        for tool, size in (("brush", 1), ("brush", 9), ("eraser", 4)):
            driver.trigger(f"tool.{tool}")
            driver.session.display.set_brush_size(size)
            at = centre + QPoint(*self._random.integers(-150, 150, 2).tolist())
            driver.press(at)
            for _ in range(20):
                at += QPoint(*self._random.integers(-9, 10, 2).tolist())
                driver.move(at)
                driver.wait(12)
            driver.release(at)
            driver.wait(100)
        driver.trigger("tool.select")

    def _undo(self) -> None:
        control = Qt.KeyboardModifier.ControlModifier
        for key in (Qt.Key.Key_Z, Qt.Key.Key_Z, Qt.Key.Key_Y):
            self._driver.key(key, control)
            self._driver.wait(60)

    def _save(self) -> None:
        self._driver.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        self._driver.wait(100)
        self._driver.key(Qt.Key.Key_Return)
        self._driver.wait(50)
        self._driver.key(Qt.Key.Key_R)
        self._driver.wait(100)
        self._driver.window.fit()

    def _slide(self) -> None:
        window = self._driver.window
        for value in (30, 55, 80, 95, 60, 25):
            window.cascade._stage3.slider.setValue(value)
            self._driver.wait(80)
            window.cascade._stage2.slider.setValue(min(98, value + 25))
            self._driver.wait(80)
        for value in (20, 70, 50):
            window.targets.threshold.setValue(value)
            self._driver.wait(80)
        self._driver.predicted()

    def _levels(self) -> None:
        display = self._driver.session.display
        low, high = display.levels
        for share in (0.1, 0.2, 0.0):
            self._driver.window.display.levels_requested.emit(low + share * (high - low), high)
            self._driver.wait(60)
        for name in ("inferno", "white_hot"):
            display.set_colour_map(name)
            self._driver.wait(80)
        display.set_window("percentile")

    def _panels(self) -> None:
        for name in _PANELS:
            self._driver.window.show_panel(name)
            self._driver.wait(120)
            self._driver.key(Qt.Key.Key_D)
            self._driver.wait(120)
        for name in ("targets", "layers", "cascade"):
            self._driver.window.show_panel(name)

    def _judge(self) -> None:
        driver, report = self._driver, self._driver.session.report
        driver.until(lambda: driver.session.model is not None, "the model")
        driver.window.show_panel("report")
        driver.trigger("model.judge")
        driver.wait(4000)
        driver.key(Qt.Key.Key_D)
        if report.status == "running":
            driver.trigger("model.stop_judging")
        driver.until(lambda: report.status != "running", "the end of the judgement")
        driver.window.show_panel("targets")

    def _dialogs(self) -> None:
        driver = self._driver
        driver.key(Qt.Key.Key_F1)
        driver.wait(300)
        window = driver.studio.application.activeWindow()
        if window is not None and window is not driver.window:
            window.close()
        driver.wait(100)
