"""An image over the frame that is redrawn only where it changed.

A pyqtgraph ``ImageItem`` converts its whole image whenever a part changes; this one keeps the converted pixels
and replaces a rectangle of them, so that a brush stroke on a large frame costs what the brush covers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

Box = tuple[int, int, int, int]


class RasterLayer(pg.GraphicsObject):  # type: ignore[misc]
    """Pixels (h, w, 4) uint8 RGBA, drawn with hard pixel edges.

    ``extent`` is the part of the view that the image covers, (width, height) in pixels of the frame; it may be
    larger than ``clip``, as the maps of a stage cover the padded frame.
    """

    def __init__(self, z: float) -> None:
        super().__init__()
        self.setZValue(z)
        self._pixels: NDArray[np.uint8] | None = None
        self._image: QImage | None = None
        self._extent = QRectF()
        self._clip = QRectF()

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """(h, w, 4) uint8, premultiplied RGBA as drawn; None when the layer is empty. For tests and export."""
        return self._pixels

    def set_rgba(
        self,
        rgba: NDArray[np.uint8],
        *,
        extent: tuple[float, float] | None = None,
        clip: tuple[float, float] | None = None,
    ) -> None:
        """Replace the whole image.

        Args:
            rgba: (h, w, 4) uint8, not premultiplied.
            extent: (width, height) that it covers; its own size by default.
            clip: (width, height) of the frame outside which nothing is drawn; the extent by default.
        """
        height, width = rgba.shape[:2]
        self.prepareGeometryChange()
        self._pixels = _premultiplied(rgba)
        self._image = QImage(self._pixels.data, width, height, width * 4, QImage.Format.Format_RGBA8888_Premultiplied)
        self._extent = QRectF(0, 0, *(extent or (width, height)))
        self._clip = QRectF(0, 0, *clip) if clip else self._extent
        self.update()

    def set_region(self, box: Box, *, rgba: NDArray[np.uint8]) -> None:
        """Replace the pixels in ``box`` = (x, y, w, h); the image must be there and cover the box."""
        x, y, width, height = box
        if self._pixels is None or width == 0 or height == 0:
            return
        self._pixels[y : y + height, x : x + width] = _premultiplied(rgba)
        self.update(QRectF(x, y, width, height))

    def clear(self) -> None:
        """Show nothing and give the memory back."""
        if self._pixels is not None:
            self.prepareGeometryChange()
            self._image = self._pixels = None
            self._extent = self._clip = QRectF()
            self.update()

    def boundingRect(self) -> QRectF:
        """The part of the view that the image covers."""
        return self._clip

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the image without smoothing."""
        if self._image is None:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        if self._clip != self._extent:
            painter.setClipRect(self._clip)
        painter.drawImage(self._extent, self._image)


def _premultiplied(rgba: NDArray[Any]) -> NDArray[np.uint8]:
    """A contiguous copy with the colours multiplied by the opacity, as Qt draws it fastest."""
    out = np.ascontiguousarray(rgba, dtype=np.uint8).copy()
    alpha = out[..., 3:].astype(np.uint16)
    out[..., :3] = (out[..., :3] * alpha + 127) // 255
    return out
