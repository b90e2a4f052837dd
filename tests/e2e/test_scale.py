"""On screens with a scale factor the brush hits the pixel under the pointer too, and all is sharp and of its size."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adsnet.data.labels import read_mask

_ROOT = Path(__file__).resolve().parents[2]
_CODE = """
import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from app.imaging.colours import colour_map
from app.state.document import MaskDocument
from app.views.canvas import Canvas
from app.views.tools import PaintTool

application = QApplication([])
assert application.devicePixelRatio() == FACTOR
document = MaskDocument()
document.load("frame", np.zeros((60, 80), np.bool_))
canvas = Canvas()
canvas.resize(500, 400)
canvas.show()
canvas.show_frame(np.zeros((60, 80), np.uint8), levels=(0, 255), table=colour_map("white_hot"))
canvas.set_tool(PaintTool("brush", document, value=True, size=lambda: 1))
for zoom, column, row in ((3.0, 40, 30), (17.0, 41, 28), (100.0, 39, 31)):
    canvas.zoom_to(zoom)
    canvas.centre_on(40, 30)
    QTest.qWait(5)
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(column, row).toPoint())
assert sorted(map(tuple, np.argwhere(document.mask).tolist())) == [(28, 41), (30, 40), (31, 39)]
"""


def _output_of(code: str, factor: str) -> str:
    """Run code in a process of its own, whose screen has this scale factor; it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", code.replace("FACTOR", factor)],
        cwd=_ROOT,
        env={**os.environ, "QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("factor", ["1.25", "1.5", "2.0"])
def test_a_click_hits_its_pixel_at_any_scale_factor(factor: str) -> None:
    _output_of(_CODE, factor)


_PROGRAM = """
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from app.bootstrap import main
from app.engine.client import WorkerClient

values = np.load("FOLDER/frame.npy")

def drive(studio):
    window, canvas = studio.window, studio.window.workspace.canvas
    try:
        window.resize(900, 600)
        QTest.qWait(50)
        print(window.devicePixelRatio())
        QTest.keyClick(canvas, Qt.Key.Key_B)
        for zoom, column, row in ((None, 7, 50), (3.0, 40, 30), (17.0, 41, 28), (60.0, 39, 31)):
            if zoom is not None:
                canvas.zoom_to(zoom)
                canvas.centre_on(40, 30)
            place = canvas.position_of(column, row).toPoint()
            QTest.mouseMove(canvas.viewport(), place)
            QTest.qWait(30)
            print(window.status.position.text() == f"x {column}  y {row}   value {values[row, column]}")
            QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
        print(np.argwhere(studio.session.document.mask).tolist())
    finally:
        window.close()

WorkerClient.start = lambda client: None  # no network is asked
print(main(["FOLDER/frame.npy"], started=drive))
"""


def test_a_click_in_the_real_window_labels_and_reads_its_pixel(tmp_path: Path) -> None:
    """Every pixel has a value of its own."""
    np.save(tmp_path / "frame.npy", np.arange(60 * 80, dtype=np.uint16).reshape(60, 80))
    ratio, *said, drawn, code = _output_of(_PROGRAM.replace("FOLDER", tmp_path.as_posix()), "1.5").splitlines()
    assert ratio == "1.5" and said == ["True"] * 4 and code == "0"
    assert drawn == "[[28, 41], [30, 40], [31, 39], [50, 7]]"
    (saved,) = tmp_path.rglob("*.png")
    assert np.argwhere(read_mask(saved)).tolist() == [[28, 41], [30, 40], [31, 39], [50, 7]]


_DRAWN = """
import os, sys
import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from adsnet.resources import path_of
from app.imaging.colours import colour_map
from app.views.canvas import Canvas
from app.views.icons import icon_of, use_folder
from app.views.overlay_shapes import Marker, MarkerShape
from app.views.patch_layer import PatchLayer
from tests.app.views.conftest import SHAPE, decision

def grey(image):
    image = image.convertToFormat(QImage.Format.Format_Grayscale8)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())[:, :image.width()]

application = QApplication([])
use_folder(path_of("icons"))
canvas = Canvas()
canvas.resize(500, 400)
canvas.show()
canvas.show_frame(np.full(SHAPE, 255, np.uint8), levels=(0, 255), table=colour_map("white_hot"))
markers = MarkerShape(10, (0, 0, 0))
canvas.view.addItem(markers)
markers.set_frame(SHAPE[1], SHAPE[0])
markers.set_markers([Marker((30, 20, 2, 2), selected=True)], hint="accept")
canvas.zoom_to(4.0)
QTest.qWait(20)
# The dark sheet of the hint is the only dark thing of this width: its height in pixels of the screen.
dark = grey(canvas.viewport().grab().toImage()) < 60
hint = int((dark.sum(axis=1) > 20 * FACTOR).sum())
markers.set_markers([])
patches = PatchLayer(30.0, (255, 255, 255), second=False)
patches.set_frame(SHAPE[1], SHAPE[0])
canvas.show_frame(np.zeros(SHAPE, np.uint8), levels=(0, 255), table=colour_map("white_hot"))
canvas.view.addItem(patches)
patches.set_decision(decision(np.ones((3, 4), bool), applies_to=2))
QTest.qWait(20)
number = grey(canvas.viewport().grab().toImage()) > 200
corner = canvas.position_of(15.5, 15.5) * FACTOR  # of the second patch in the second row
top, left = round(corner.y()), round(corner.x())
rows = np.flatnonzero(number[top + 3 : top + round(40 * FACTOR), left + 3 : left + round(50 * FACTOR)].any(axis=1))
icon = icon_of("brush", QColor("#000000")).pixmap(QSize(20, 20), FACTOR)
ink = np.frombuffer(icon.toImage().convertToFormat(QImage.Format.Format_Alpha8).constBits(), np.uint8)
print(hint, len(rows), icon.width(), sorted(set(ink.tolist()))[-1])
"""


def _drawn(factor: str) -> list[int]:
    return [int(number) for number in _output_of(_DRAWN, factor).split()]


@pytest.mark.parametrize("factor", ["1.5", "2.0"])
def test_hints_numbers_and_icons_grow_with_the_scale_factor_and_no_more(factor: str) -> None:
    (hint, number, icon, _), (hint_here, number_here, icon_here, ink) = _drawn("1.0"), _drawn(factor)
    assert hint > 8 and hint_here == pytest.approx(hint * float(factor), rel=0.25)
    assert number > 4 and number_here == pytest.approx(number * float(factor), abs=2)
    assert icon_here == round(icon * float(factor)) and ink == 255
