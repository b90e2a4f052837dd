"""The Surface panel: a region of the frame as a landscape of its native values, turned by dragging.

It is painted, not computed by a graphics card: it looks the same over a remote desktop and without one.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.imaging.raster import Box
from app.imaging.render import to_rgba
from app.imaging.surface import Mesh, Points, View, faces_of, heights_in, mesh_of
from app.state.session import Session
from app.views.binding import WhileSeen
from app.views.measuring import Measuring
from app.views.parts import quiet_label
from app.views.selection import Selection
from app.views.theme import colours

_HINT = "Take the surface tool and drag a box on the canvas, or click: the surroundings are drawn here."
_DEGREES = 0.5  # for each screen pixel that is dragged
_LEAST_FACE = 3.0  # screen pixels along a side for faces to have edges


class Landscape(QWidget):
    """Paints heights; dragging turns them, a double click puts them back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = View()
        self._heights: Points | None = None
        self._colours: list[list[QColor]] = []
        self._mesh: Mesh | None = None
        self._from: QPointF | None = None
        self.setAccessibleName("Surface")
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip(
            "Drag to turn, double click to put back. Heights are native values, colours those of the canvas."
        )

    def sizeHint(self) -> QSize:
        """It takes the room that is left."""
        return QSize(220, 130)

    def minimumSizeHint(self) -> QSize:
        """Less than this shows nothing."""
        return QSize(100, 70)

    @property
    def mesh(self) -> Mesh | None:
        """What is painted; None without a surface."""
        return self._mesh

    def set_heights(self, heights: Points | None, tints: list[list[QColor]]) -> None:
        """Paint other heights (h, w), at least 2 × 2, with a colour for each (h - 1, w - 1) face; or nothing."""
        self._heights, self._colours = heights, tints
        self._look()

    def _look(self) -> None:
        self._mesh = None if self._heights is None else mesh_of(self._heights, self.view)
        self.update()

    def _place(self, mesh: Mesh) -> tuple[float, QPointF]:
        """Scale and origin that fit floor and top into the widget, whatever is turned to the front."""
        area = QRectF(self.rect()).adjusted(46, 8, -12, -8)
        corners = [*mesh.floor.tolist(), *mesh.top.tolist()]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        scale = min(area.width() / max(max(xs) - min(xs), 1e-6), area.height() / max(max(ys) - min(ys), 1e-6))
        middle = QPointF((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2)
        return scale, area.center() - middle * scale

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint floor, faces from far to near, and the scale at the left corner."""
        painter, mesh, c = QPainter(self), self._mesh, colours()
        painter.fillRect(self.rect(), QColor(c.base))
        if mesh is None:
            return
        scale, origin = self._place(mesh)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(c.line), 1))
        painter.drawPolygon(QPolygonF([origin + QPointF(x, y) * scale for x, y in mesh.floor.tolist()]))
        rows = len(self._colours)
        edged = scale / max(rows, len(self._colours[0])) >= _LEAST_FACE
        edge = QColor(c.quiet)
        edge.setAlpha(80)
        smooth = edged and self._from is None  # while it is turned, speed is worth more
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        painter.setPen(QPen(edge, 0.6) if edged else QPen(Qt.PenStyle.NoPen))
        quads = (mesh.quads * scale + (origin.x(), origin.y())).tolist()
        for corners, (row, column) in zip(quads, mesh.cells.tolist(), strict=True):
            painter.setBrush(self._colours[row][column])
            painter.drawConvexPolygon([QPointF(x, y) for x, y in corners])
        self._paint_scale(painter, mesh, scale, origin)

    def _paint_scale(self, painter: QPainter, mesh: Mesh, scale: float, origin: QPointF) -> None:
        corner = int(mesh.floor[:, 0].argmin())
        foot, head = (origin + QPointF(*ends[corner].tolist()) * scale for ends in (mesh.floor, mesh.top))
        painter.setPen(QPen(QColor(colours().quiet), 1))
        painter.drawLine(foot, head)
        height = painter.fontMetrics().height()
        for place, value in ((foot, mesh.low), (head, mesh.high)):
            painter.drawLine(place, place - QPointF(4, 0))
            box = QRectF(place.x() - 66, place.y() - height / 2, 60, height)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:.5g}")

    # ---- turning ----------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn: what is in front follows the pointer."""
        if self._from is not None:
            moved, self._from = event.position() - self._from, event.position()
            self.view = self.view.turned(-moved.x() * _DEGREES, moved.y() * _DEGREES)
            self._look()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._from = None
        self.update()
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to the first view."""
        self.view = View()
        self._look()


class SurfacePanel(QWidget):
    """The drawn region, or else the surroundings of the selected target, of the frame that is shown."""

    def __init__(
        self, session: Session, measuring: Measuring, selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._measuring, self._selection = session, measuring, selection
        self.landscape = Landscape()
        self.text = quiet_label(_HINT, wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(4)
        layout.addWidget(self.landscape, 1)
        layout.addWidget(self.text)
        self._seen = WhileSeen(self, self._read)
        display = session.display
        for signal in (
            measuring.region_changed, selection.target_changed, session.frame_changed, session.sequence_changed,
            display.levels_changed, display.colour_map_changed,
        ):  # fmt: skip
            signal.connect(self._seen.wish)
        self._seen.wish()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "landscape"):
            self.landscape.update()

    @property
    def region(self) -> Box | None:
        """(x, y, w, h) of what is shown, or None."""
        region, target = self._measuring.region, self._selection.target
        targets = self._session.predictions.targets
        if region is None and target is not None and target < len(targets):
            region = self._measuring.surroundings(targets[target].x, targets[target].y)
        return region

    def _read(self) -> None:
        frame, region = self._session.frame, self.region
        if frame is None or region is None:
            self._clear(_HINT)
            return
        heights, block = heights_in(frame.pixels, region)
        if min(heights.shape) < 2:
            self._clear("This region has a single row or column: drag a larger one.")
            return
        display = self._session.display
        shade = to_rgba(
            faces_of(heights).astype("float32"), display.levels, colour_map=display.colour_map, gamma=display.gamma
        )
        self.landscape.set_heights(heights, [[QColor(*pixel[:3]) for pixel in row] for row in shade.tolist()])
        x, y, w, h = region
        text = f"{w} × {h} px from ({x}, {y}),  {heights.min():.5g} to {heights.max():.5g}"
        self.text.setText(f"{text},  the largest of {block} × {block} px each" if block > 1 else text)

    def _clear(self, text: str) -> None:
        self.landscape.set_heights(None, [])
        self.text.setText(text)
