"""How a frame is shown, through the real window: the eye gets another picture, what is measured and predicted stays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from adsnet.targets import scr
from app.bootstrap import Studio
from app.imaging.equalise import equalise
from app.storage.settings import settings_path
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SHAPE = (120, 160)
TARGET = (slice(60, 63), slice(80, 83))


def frames(folder: Path, count: int = 3, shape: tuple[int, int] = SHAPE) -> list[NDArray[np.uint16]]:
    """16-bit frames with one target each, written as a folder of images."""
    rng = np.random.default_rng(4)
    made = []
    (folder / "images").mkdir(parents=True)
    for i in range(count):
        pixels = (np.linspace(6000, 9000, shape[1])[None, :] + rng.normal(0, 30, shape)).astype(np.uint16)
        pixels[TARGET] += 700 + 100 * i
        Image.fromarray(pixels).save(folder / "images" / f"f{i}.png")
        made.append(pixels)
    return made


def choose(box: QComboBox, name: str) -> None:
    """As the mouse does it in the list."""
    box.setCurrentIndex(box.findData(name))
    box.activated.emit(box.currentIndex())


def hover(studio: Studio, x: float, y: float) -> None:
    canvas = studio.window.workspace.canvas
    QTest.mouseMove(canvas.viewport(), canvas.position_of(x, y).toPoint())
    pause(20)


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


def ready(studio: Studio) -> None:
    """The window has the keys."""
    studio.window.resize(1400, 900)
    wait(studio.window.isActiveWindow, "the window in front")


def drawn(studio: Studio) -> NDArray[Any]:
    """What the canvas draws."""
    pixels = studio.window.workspace.canvas.pixels
    assert pixels is not None
    return pixels


def native_of(studio: Studio) -> NDArray[Any]:
    assert studio.session.frame is not None
    return studio.session.frame.pixels


def press(studio: Studio, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(studio.window.workspace.canvas, key, modifier)


@pytest.mark.timeout(120)
def test_the_view_changes_and_the_values_stay(tmp_path: Path, run_studio: RunStudio) -> None:
    native = frames(tmp_path / "set")

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        ready(studio)
        window.show_panel("display")
        asked: list[NDArray[np.uint16]] = []
        predict = studio.client.predict

        def spy(generation: int, frame: str, pixels: NDArray[np.uint16], *rest: object) -> None:
            asked.append(pixels)
            predict(generation, frame, pixels, *rest)  # type: ignore[arg-type]

        studio.client.predict = spy  # type: ignore[method-assign, assignment]
        panel, canvas = window.display, window.workspace.canvas

        # Mean ± 3 sigma from the panel; gamma; the frame itself is what the canvas draws.
        choose(panel._window, "sigma")
        middle, reach = float(native[0].mean()), 3 * float(native[0].std())
        assert session.display.levels == pytest.approx((middle - reach, middle + reach), rel=1e-6)
        panel._gamma.setValue(1.4)
        assert session.display.gamma == 1.4 and drawn(studio) is native_of(studio)

        # C: an equalised picture in 16 bits, said in the status line; value and SCR are those of the frame.
        press(studio, Qt.Key.Key_C)
        assert session.display.clahe and panel.clahe.isChecked()
        assert np.array_equal(drawn(studio), equalise(native[0], session.display.levels, limit=3.0))
        assert window.status.zoom.text().startswith("CLAHE · ")
        hover(studio, 81, 61)
        assert window.status.position.text() == f"x 81  y 61   value {native[0][61, 81]}"
        block = np.zeros(SHAPE, np.bool_)
        block[TARGET] = True
        assert f"SCR {scr(native[0], block):.1f}  3 × 3" in window.status.contrast.text()
        panel.clahe_limit.setValue(6.0)
        assert np.array_equal(drawn(studio), equalise(native[0], session.display.levels, limit=6.0))

        # The target that is drawn over more pixels has the SCR of those.
        session.document.apply_region("Draw", (79, 59, 5, 5), np.ones((5, 5), np.bool_))
        wide = np.zeros(SHAPE, np.bool_)
        wide[59:64, 79:84] = True
        hover(studio, 80, 61)
        assert window.status.contrast.text().endswith("target")
        assert f"SCR {scr(native[0], wide):.1f}" in window.status.contrast.text()

        # The network is asked about the native pixels, with everything switched on.
        wait(lambda: session.model is not None, "a model")
        session.go_to(1)
        wait(lambda: session.prediction is not None, "a prediction")
        assert asked[-1].dtype == np.uint16
        assert np.array_equal(asked[-1], native[1]) and np.array_equal(native_of(studio), native[1])

        # Zoom and place stay between frames; so do the view and the equalised picture.
        canvas.zoom_to(20.0)
        canvas.centre_on(81, 61)
        before = (canvas.zoom, canvas.position_of(81, 61))
        QTest.keyClick(canvas, Qt.Key.Key_D)
        assert session.frame_index == 2 and (canvas.zoom, canvas.position_of(81, 61)) == before
        assert np.array_equal(drawn(studio), equalise(native[2], session.display.levels, limit=6.0))

        # The pixel grid is drawn at this zoom, and not when it is switched off.
        press(studio, Qt.Key.Key_C)
        with_grid = canvas.grab().toImage()
        press(studio, Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
        assert not session.display.aid("grid") and canvas.grab().toImage() != with_grid
        press(studio, Qt.Key.Key_C)

    assert run_studio([str(tmp_path / "set")], drive) == 0
    stored = json.loads(settings_path().read_text("utf-8"))
    expected = {"window": "sigma", "gamma": 1.4, "clahe": True, "clahe_limit": 6.0, "pixel_grid": False}
    assert expected.items() <= stored.items()

    def again(studio: Studio) -> None:
        display = studio.session.display
        assert (display.window, display.gamma, display.clahe, display.clahe_limit) == ("sigma", 1.4, True, 6.0)
        assert not display.aid("grid") and studio.window.display.clahe.isChecked()
        assert drawn(studio).dtype == np.uint16

    assert run_studio([str(tmp_path / "set")], again) == 0


@pytest.mark.timeout(120)
def test_a_large_frame_is_equalised_without_making_the_window_wait(tmp_path: Path, run_studio: RunStudio) -> None:
    native = frames(tmp_path / "set", count=2, shape=(1500, 1400))

    def drive(studio: Studio) -> None:
        session = studio.session
        ready(studio)
        press(studio, Qt.Key.Key_C)
        assert session.display.clahe and drawn(studio) is native_of(studio)
        session.go_to(1)  # the picture of the frame before must not come up now
        wanted = equalise(native[1], session.display.levels, limit=3.0)
        for _ in range(500):
            assert drawn(studio) is native_of(studio) or np.array_equal(drawn(studio), wanted)
            if drawn(studio) is not native_of(studio):
                break
            pause(10)
        assert np.array_equal(drawn(studio), wanted)
        press(studio, Qt.Key.Key_C)
        pause(100)
        assert drawn(studio) is native_of(studio)

    assert run_studio([str(tmp_path / "set")], drive) == 0
