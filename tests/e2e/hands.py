"""Hands and eyes at the window: what a desktop drops on it, and the colours that it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.bootstrap import Studio
from tests.waiting import pause


def let_go(studio: Studio, data: QMimeData) -> bool:
    """Drag something to the middle of the window and let it go there, as a desktop does; whether it was taken."""
    window, workspace = studio.window, studio.window.workspace
    place, copy = workspace.mapTo(window, workspace.rect().center()), Qt.DropAction.CopyAction
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    screen = window.windowHandle()  # which widget it is for, Qt finds out
    entering = QDragEnterEvent(place, copy, data, button, keys)
    QApplication.sendEvent(screen, entering)
    if not entering.isAccepted():
        return False
    moving = QDragMoveEvent(place, copy, data, button, keys)
    moving.accept()  # what was welcome stays so until a widget objects
    QApplication.sendEvent(screen, moving)
    dropping = QDropEvent(QPointF(place), copy, data, button, keys)
    QApplication.sendEvent(screen, dropping)
    assert moving.isAccepted() and dropping.isAccepted(), "what was welcome is not taken"
    return True


def links(*urls: QUrl) -> QMimeData:
    data = QMimeData()
    data.setUrls(urls)
    return data


def drop_files(studio: Studio, *paths: Path) -> None:
    assert let_go(studio, links(*(QUrl.fromLocalFile(str(path)) for path in paths)))


def drag(widget: QWidget, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(widget, (start + end) / 2)
    QTest.mouseMove(widget, end)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)
    pause(10)


def colours_seen(studio: Studio) -> NDArray[np.uint8]:
    """(H, W, 3): the colour on the screen in the middle of every pixel of a frame that is shown whole."""
    canvas = studio.window.workspace.canvas
    assert canvas.frame_shape is not None and canvas.zoom > 3
    height, width = canvas.frame_shape
    image = canvas.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGBX8888)
    screen = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    columns = [round(canvas.position_of(x, 0).x()) for x in range(width)]
    rows = [round(canvas.position_of(0, y).y()) for y in range(height)]
    return screen[np.ix_(rows, columns)][..., :3]


def assert_colours(studio: Studio, pixels: NDArray[Any], levels: tuple[float, float], table: NDArray[np.uint8]) -> None:
    """Every pixel has the colour of its value on the screen: ``levels`` are at the ends of ``table``."""
    low, high = levels
    share = np.clip((pixels.astype(np.float64) - low) / (high - low), 0, 1)
    near = np.clip(np.rint(share * 255).astype(np.intp)[..., None] + (-1, 0, 1), 0, 255)
    right = (colours_seen(studio)[:, :, None] == table[near]).all(axis=-1).any(axis=-1)
    assert right.all(), f"{np.count_nonzero(~right)} of {right.size} pixels have another colour"
