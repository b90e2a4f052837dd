"""On screens with a scale factor the brush hits the pixel under the pointer too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("factor", ["1.25", "1.5", "2.0"])
def test_a_click_hits_its_pixel_at_any_scale_factor(factor: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE.replace("FACTOR", factor)],
        cwd=_ROOT,
        env={**os.environ, "QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
