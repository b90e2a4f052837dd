"""Images over the frame that are redrawn only where they changed.

A pyqtgraph ``ImageItem`` converts its whole image whenever a part changes. These keep pixels that Qt draws as they
are, so that a brush stroke on a large frame costs what the brush covers, and a new mask costs one copy.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from adsnet.prediction import BoolMap
from app.imaging.raster import Box, box_of, box_slices, join_boxes

RGB = tuple[int, int, int]


class _ImageShape(pg.GraphicsObject):  # type: ignore[misc]
    """An image drawn with hard pixel edges over a part of the view."""

    def __init__(self, z: float) -> None:
        super().__init__()
        self.setZValue(z)
        self._image: QImage | None = None
        self._extent = QRectF()
        self._clip = QRectF()

    def _show(self, image: QImage | None, extent: QRectF, clip: QRectF) -> None:
        self.prepareGeometryChange()
        self._image, self._extent, self._clip = image, extent, clip
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


class RasterLayer(_ImageShape):
    """A coloured image, for instance a heat map."""

    def __init__(self, z: float) -> None:
        super().__init__(z)
        self._pixels: NDArray[np.uint8] | None = None

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """(h, w, 4) uint8 RGBA as drawn, not premultiplied; None when the layer is empty. Not to be written to."""
        return self._pixels

    def set_rgba(
        self,
        rgba: NDArray[np.uint8],
        *,
        extent: tuple[float, float] | None = None,
        clip: tuple[float, float] | None = None,
    ) -> None:
        """Replace the image.

        Args:
            rgba: (h, w, 4) uint8, not premultiplied; the layer keeps it.
            extent: (width, height) that it covers, in pixels of the frame; its own size by default. It may be larger
                than ``clip``, as the maps of a stage cover the padded frame.
            clip: (width, height) of the frame outside which nothing is drawn; the extent by default.
        """
        height, width = rgba.shape[:2]
        self._pixels = np.ascontiguousarray(rgba)
        image = QImage(self._pixels.data, width, height, width * 4, QImage.Format.Format_RGBA8888)
        covered = QRectF(0, 0, *(extent or (width, height)))
        self._show(image, covered, QRectF(0, 0, *clip) if clip else covered)

    def clear(self) -> None:
        """Show nothing and give the memory back."""
        if self._pixels is not None:
            self._show(None, QRectF(), QRectF())
            self._pixels = None


class MaskLayer(_ImageShape):
    """A mask in one colour, of which single rectangles can be replaced."""

    def __init__(self, z: float, colour: RGB) -> None:
        super().__init__(z)
        self._colours = [QColor(0, 0, 0, 0).rgba(), QColor(*colour).rgba()]
        self._mask: BoolMap | None = None
        self._used: Box | None = None

    @property
    def mask(self) -> BoolMap | None:
        """(H, W) bool as drawn; None when the layer is empty. Not to be written to."""
        return self._mask

    def set_mask(self, mask: BoolMap) -> None:
        """Replace the mask: (H, W) bool, of which the layer makes a copy."""
        height, width = mask.shape
        self._mask = np.array(mask, np.bool_, order="C")
        self._used = box_of(mask)
        # One byte a pixel, 0 or 1, is an image with two colours as it stands.
        image = QImage(self._mask.data, width, height, width, QImage.Format.Format_Indexed8)
        image.setColorTable(self._colours)
        self._show(image, QRectF(0, 0, width, height), QRectF(0, 0, width, height))

    def set_region(self, box: Box, *, mask: BoolMap) -> None:
        """Replace the pixels in ``box`` = (x, y, w, h) by an (h, w) mask; does nothing without a mask to change."""
        if self._mask is not None and mask.size:
            self._mask[box_slices(box)] = mask
            self._used = join_boxes(self._used, box)
            self.update(QRectF(*box))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw where the mask has pixels: to lay nothing over a whole frame takes as long as to draw the frame."""
        if self._image is not None and self._used is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            used = QRectF(*self._used)
            painter.drawImage(used, self._image, used)

    def clear(self) -> None:
        """Show nothing and give the memory back."""
        if self._mask is not None:
            self._show(None, QRectF(), QRectF())
            self._mask = None
