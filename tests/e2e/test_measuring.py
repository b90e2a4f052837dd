"""Measuring through the real window: a line and its profile, a region and its surface, the minimap of a large frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from app.bootstrap import Studio
from app.views.measuring import Line
from tests.e2e.conftest import RunStudio
from tests.e2e.hands import drag
from tests.e2e.test_showing import press, ready
from tests.waiting import pause

SHAPE = (120, 160)
SIGMA = 1.6
LEFT = Qt.MouseButton.LeftButton


def gaussian_frames(folder: Path, shape: tuple[int, int] = SHAPE) -> list[NDArray[np.uint16]]:
    """16-bit frames with a Gaussian target of known width, brighter in each, drifting by one column."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    made = []
    (folder / "images").mkdir(parents=True)
    for i in range(3):
        target = np.exp(-((columns - 80 - i) ** 2 + (rows - 60) ** 2) / (2 * SIGMA**2))
        pixels = np.round(7000 + (rows + columns) % 2 + 1000 * (i + 1) * target).astype(np.uint16)
        Image.fromarray(pixels).save(folder / "images" / f"f{i}.png")
        made.append(pixels)
    return made


def settle() -> None:
    """Panels follow a moment after what the user does."""
    pause(60)


def drag_on_frame(studio: Studio, start: tuple[int, int], end: tuple[int, int]) -> None:
    canvas = studio.window.workspace.canvas
    drag(canvas.viewport(), canvas.position_of(*start).toPoint(), canvas.position_of(*end).toPoint())
    settle()


@pytest.mark.timeout(120)
def test_a_line_profile_and_a_surface(tmp_path: Path, run_studio: RunStudio) -> None:
    native = gaussian_frames(tmp_path / "set")

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        ready(studio)
        measuring, panel = window.workspace.measuring, window.profile
        fwhm = 2 * np.sqrt(2 * np.log(2)) * SIGMA

        # L and a drag: the native values along the line, with the width of the peak.
        press(studio, Qt.Key.Key_L)
        pause(100)  # the panel takes its place
        assert studio.selection.tool == "profile" and panel.isVisible()
        drag_on_frame(studio, (60, 60), (100, 60))
        assert measuring.line == Line((60, 60), (100, 60)) and panel.profile is not None and panel.peak is not None
        assert np.array_equal(panel.profile.values, native[0][60, 60:101])
        assert np.array_equal(panel._curve.getData()[1], native[0][60, 60:101])
        assert panel.peak.at == 20 and panel.peak.fwhm == pytest.approx(fwhm, rel=0.02)
        assert f"FWHM {panel.peak.fwhm:.2f} px" in panel.text.text() and "40.0 px" in panel.text.text()

        # It follows the frame, whatever is done to the view of it.
        press(studio, Qt.Key.Key_C)
        press(studio, Qt.Key.Key_D)
        settle()
        assert session.frame_index == 1
        assert np.array_equal(panel.profile.values, native[1][60, 60:101])
        assert panel.peak is not None and panel.peak.at == 21
        panel.copy.click()
        assert QGuiApplication.clipboard().text().splitlines()[22] == f"81\t60\t21\t{native[1][60, 81]}"

        # The pointer on the plot marks its place on the canvas.
        at = panel.plot.getPlotItem().vb.mapViewToScene(panel.plot.getPlotItem().vb.viewRect().center())
        QTest.mouseMove(panel.plot.viewport(), panel.plot.mapFromScene(at))
        pause(20)
        mark = window.workspace.measure_layer.shape._mark
        assert mark is not None and mark.y() == 60.5 and abs(mark.x() - 80.5) <= 1

        # Esc during a drag takes it back, a second one leaves the tool; no label was touched.
        canvas = window.workspace.canvas
        QTest.mousePress(canvas.viewport(), LEFT, pos=canvas.position_of(20, 20).toPoint())
        QTest.mouseMove(canvas.viewport(), canvas.position_of(40, 40).toPoint())
        assert measuring.line == Line((20, 20), (40, 40))
        press(studio, Qt.Key.Key_Escape)
        assert measuring.line == Line((60, 60), (100, 60))
        QTest.mouseRelease(canvas.viewport(), LEFT, pos=canvas.position_of(40, 40).toPoint())
        assert measuring.line == Line((60, 60), (100, 60)) and not session.document.can_undo

        # S and a click: the surroundings as a landscape, whose top is the target; dragging turns it.
        press(studio, Qt.Key.Key_S)
        landscape = window.surface.landscape
        pause(100)
        assert window.surface.isVisible() and landscape.mesh is None
        QTest.mouseClick(canvas.viewport(), LEFT, pos=canvas.position_of(80, 60).toPoint())
        settle()
        assert measuring.region == (64, 44, 33, 33) and landscape.mesh is not None
        assert landscape.mesh.high == native[1][60, 81] and landscape.mesh.low == 7000
        assert f"{native[1][60, 81]}" in window.surface.text.text()
        before, view = landscape.grab().toImage(), landscape.view
        middle = landscape.rect().center()
        drag(landscape, middle, middle + QPoint(60, 20))
        assert landscape.view != view and landscape.grab().toImage() != before
        QTest.mouseDClick(landscape, LEFT)
        assert landscape.view == view and landscape.grab().toImage() == before

        # A box: exactly its pixels; it follows the frame too.
        drag_on_frame(studio, (70, 50), (90, 70))
        assert measuring.region == (70, 50, 21, 21)
        press(studio, Qt.Key.Key_D)
        settle()
        assert session.frame_index == 2 and landscape.mesh.high == native[2][60, 82]

        # Nobody looks: nothing is computed.
        window.show_panel("stages")
        pause(100)
        held = panel.profile
        session.go_to(0)
        settle()
        assert panel.profile is held
        window.show_panel("profile")
        pause(100)
        assert panel.profile is not None and np.array_equal(panel.profile.values, native[0][60, 60:101])

        # A click with the line tool removes the line.
        press(studio, Qt.Key.Key_L)
        QTest.mouseClick(canvas.viewport(), LEFT, pos=canvas.position_of(20, 100).toPoint())
        settle()
        assert measuring.line is None and panel.profile is None and not panel.copy.isEnabled()

    assert run_studio([str(tmp_path / "set")], drive) == 0


@pytest.mark.timeout(120)
def test_the_minimap_of_a_large_frame(tmp_path: Path, run_studio: RunStudio) -> None:
    gaussian_frames(tmp_path / "set", shape=(1200, 1600))

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        ready(studio)
        canvas, small = window.workspace.canvas, window.workspace.minimap
        assert not small.isVisible(), "the whole frame is in view"
        window.zoom_to(2.0)
        pause(30)
        assert small.isVisible() and small.width() == 150
        seen = small.visible_part
        assert (seen.width(), seen.height()) == pytest.approx((canvas.view.width() / 2, canvas.view.height() / 2))
        assert canvas.rect().contains(small.geometry())

        # A click brings its place into the middle, a drag takes it along; the zoom stays.
        for start, end in (((1300, 900), (1300, 900)), ((700, 300), (400, 800))):
            drag(small, small.place_of(*start).toPoint(), small.place_of(*end).toPoint())
            middle = small.visible_part.center()
            assert (middle.x(), middle.y()) == pytest.approx(end, abs=1600 / 150 + 1)
        assert canvas.zoom == pytest.approx(2.0)

        # Zoom and place stay for the next frame, and so does the minimap.
        place = small.visible_part
        press(studio, Qt.Key.Key_D)
        assert session.frame_index == 1 and small.visible_part == place and small.isVisible()

        # It keeps to the corner when the window changes, and M hides it.
        window.resize(1100, 750)
        pause(30)
        assert canvas.rect().contains(small.geometry())
        press(studio, Qt.Key.Key_M)
        assert not small.isVisible() and not session.display.aid("minimap")
        press(studio, Qt.Key.Key_M)
        press(studio, Qt.Key.Key_F)
        assert not small.isVisible()

    assert run_studio([str(tmp_path / "set")], drive) == 0
