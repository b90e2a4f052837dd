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
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from adsnet.targets import scr
from app.bootstrap import Studio
from app.imaging.colours import COLOUR_MAPS, colour_map
from app.imaging.equalise import equalise
from app.storage.settings import Settings, save_settings, settings_path
from tests.e2e.conftest import RunStudio
from tests.e2e.hands import assert_colours, drag
from tests.waiting import pause

SHAPE = (120, 160)
TARGET = (slice(60, 63), slice(80, 83))


def frames(
    folder: Path, count: int = 3, shape: tuple[int, int] = SHAPE, target: tuple[slice, slice] = TARGET
) -> list[NDArray[np.uint16]]:
    """16-bit frames with one target each, written as a folder of images."""
    rng = np.random.default_rng(4)
    made = []
    (folder / "images").mkdir(parents=True)
    for i in range(count):
        pixels = (np.linspace(6000, 9000, shape[1])[None, :] + rng.normal(0, 30, shape)).astype(np.uint16)
        pixels[target] += 700 + 100 * i
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


def levels_of(window: str, pixels: NDArray[np.uint16]) -> tuple[float, float]:
    """By the words of the panel, from the sorted values."""
    if window == "sigma":
        return float(pixels.mean() - 3 * pixels.std()), float(pixels.mean() + 3 * pixels.std())
    ends = (0, 100) if window == "min_max" else (0.5, 99.95)
    low, high = np.percentile(pixels, ends, method="lower")
    return float(low), float(high)


@pytest.mark.timeout(120)
def test_every_window_and_colour_map_is_seen_on_the_screen(tmp_path: Path, run_studio: RunStudio) -> None:
    native = frames(tmp_path / "set", shape=(16, 16), target=(slice(6, 9), slice(3, 6)))
    save_settings(Settings(predict_automatically=False))

    def drive(studio: Studio) -> None:
        display, panel = studio.session.display, studio.window.display
        ready(studio)
        studio.window.show_panel("display")
        white = colour_map("white_hot")
        for window in ("min_max", "sigma", "percentile"):
            choose(panel._window, window)
            for pixels in native:
                assert_colours(studio, pixels, levels_of(window, pixels), white)
                press(studio, Qt.Key.Key_D)
            for _ in native:
                press(studio, Qt.Key.Key_A)
        assert len({levels_of(window, native[0]) for window in ("min_max", "sigma", "percentile")}) == 3

        # Locked, the limits of the first frame hold for the others; so do those that were typed.
        QTest.mouseClick(panel._locked, Qt.MouseButton.LeftButton)
        press(studio, Qt.Key.Key_D)
        assert_colours(studio, native[1], levels_of("percentile", native[0]), white)
        QTest.mouseClick(panel._locked, Qt.MouseButton.LeftButton)
        assert_colours(studio, native[1], levels_of("percentile", native[1]), white)
        for field, value in ((panel.low, "6500"), (panel.high, "8600")):
            field.selectAll()
            QTest.keyClicks(field, value)
            QTest.keyClick(field, Qt.Key.Key_Return)
        assert panel._window.currentData() == "fixed"
        for index in (1, 2):
            assert_colours(studio, native[index], (6500, 8600), white)
            press(studio, Qt.Key.Key_D)

        for name in COLOUR_MAPS:
            choose(panel._maps, name)
            assert_colours(studio, native[2], (6500, 8600), colour_map(name))
        assert len({colour_map(name).tobytes() for name in COLOUR_MAPS}) == len(COLOUR_MAPS) == 5

        # An edge of the histogram is dragged: it goes where it is let go, the other stays.
        pause(100)
        box, plot = panel.plot.getPlotItem().vb, panel.plot
        edge = plot.mapFromScene(box.mapViewToScene(QPointF(6500, box.viewRect().center().y())))
        end = edge + QPoint(40, 0)
        wanted = box.mapSceneToView(plot.mapToScene(end)).x()
        drag(plot.viewport(), edge, end)
        pause(60)
        width = box.viewPixelSize()[0]
        assert display.window == "fixed" and display.levels == pytest.approx((wanted, 8600), abs=2 * width)
        assert 6500 + 20 * width < display.levels.low
        assert_colours(studio, native[2], display.levels, colour_map("inferno"))

    assert run_studio([str(tmp_path / "set")], drive) == 0
