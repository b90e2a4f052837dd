"""The detectors side by side on one frame: the same part of it, the same grey levels, one cursor in all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QLineF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStyleOptionGraphicsItem,
    QVBoxLayout,
    QWidget,
)

from app.imaging.colours import ROLES
from app.imaging.raster import outline
from app.state.compared import Detector, Outcome
from app.state.comparison import Comparison
from app.state.session import Session
from app.views.canvas import Canvas
from app.views.overlay_shapes import FrameShape, OutlineShape, cosmetic
from app.views.theme import colours
from app.views.tools import Pointer, SelectTool
from app.views.verdict_shape import VerdictShape

_NOTHING = np.zeros((0, 2, 2), np.float32)


class CrossShape(FrameShape):
    """Where the pointer is in another pane."""

    _ARM = 9.0  # screen pixels
    _GAP = 3.0

    def __init__(self, z: float) -> None:
        super().__init__(z)
        self._at: Pointer | None = None

    @property
    def at(self) -> Pointer | None:
        """The place that is marked, in image coordinates."""
        return self._at

    def set_at(self, at: Pointer | None) -> None:
        """Mark another place, or none."""
        if at != self._at:
            self._at = at
            self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw four arms around the place."""
        if self._at is None:
            return
        scale = self.scale_of(painter)
        x, y, arm, gap = self._at.x + 0.5, self._at.y + 0.5, self._ARM / scale, self._GAP / scale
        lines = [QLineF(x + s * gap, y, x + s * arm, y) for s in (-1, 1)]
        lines += [QLineF(x, y + s * gap, x, y + s * arm) for s in (-1, 1)]
        for pen in (cosmetic(QColor(0, 0, 0, 160), 3), cosmetic(QColor(255, 255, 255), 1.2)):
            painter.setPen(pen)
            painter.drawLines(lines)


class Pane(QWidget):
    """One detector: its title, what it found in this frame, and the frame with its marks."""

    def __init__(self, detector: Detector, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = detector.name
        self.title = QLabel(f"<b>{detector.title}</b>")
        self.figures = QLabel()
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # Panes are of one width, whatever they say: one position is then one place of the screen in all of them.
        self.figures.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.canvas = Canvas()
        self.canvas.setMinimumSize(120, 90)
        self.canvas.setAccessibleName(f"Canvas of {detector.title}")
        self.marks = VerdictShape(65.0)
        self.predicted = OutlineShape(40.0, ROLES["prediction"])
        self.labelled = OutlineShape(41.0, ROLES["label"])
        self.cross = CrossShape(90.0)
        for shape in (self.marks, self.predicted, self.labelled, self.cross):
            self.canvas.view.addItem(shape)
        head = QHBoxLayout()
        head.setContentsMargins(6, 3, 6, 3)
        head.setSpacing(10)
        head.addWidget(self.title)
        head.addWidget(self.figures, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.canvas, 1)

    def show_outcome(self, outcome: Outcome | None, *, title: str, outlined: bool) -> None:
        """Show marks and figures of the detector, or that they are on their way."""
        self.title.setText(f"<b>{title}</b>")
        text, tip = figures_of(outcome)
        self.figures.setText(text)
        self.figures.setToolTip(f"{text}\n{tip}")
        boxes = outcome.boxes if outcome is not None else {}
        self.marks.set_boxes(boxes)
        mask = outcome.mask if outcome is not None and outlined else None
        self.predicted.set_lines(_NOTHING if mask is None else outline(mask))


class ComparePanes(QWidget):
    """The panes of all detectors that take part.

    Signals:
        pointer_moved(object): as of a canvas.
        zoom_changed(float): likewise.
    """

    pointer_moved = Signal(object)
    zoom_changed = Signal(float)

    def __init__(self, session: Session, comparison: Comparison, canvas: Canvas, parent: QWidget | None = None) -> None:
        """``canvas``: whose picture of the frame is shown, in its levels and colours."""
        super().__init__(parent)
        self._session, self._comparison, self._canvas = session, comparison, canvas
        self.panes: list[Pane] = []
        self._linking = False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        self._empty = QLabel("No detector takes part: tick at least one in the Compare panel.")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._grid.addWidget(self._empty, 0, 0)
        comparison.detectors_changed.connect(self._arrange)
        comparison.frame_compared.connect(self._show_outcomes)
        canvas.picture_changed.connect(self._show_picture)
        session.frame_changed.connect(self._show_frame)
        session.sequence_changed.connect(self._show_frame)
        session.document.loaded.connect(self._show_label)
        session.document.committed.connect(self._on_committed)
        session.display.overlay_changed.connect(self._on_overlay)
        comparison.shown_changed.connect(self._on_shown)
        self._arrange()

    def fit(self) -> None:
        """Show the whole frame in every pane."""
        for pane in self.panes:
            pane.canvas.fit()

    def zoom_to(self, change: Callable[[float], float]) -> None:
        """Zoom all panes at the middle: ``change`` of the zoom that they have."""
        if self.panes:
            canvas = self.panes[0].canvas
            canvas.zoom_to(change(canvas.zoom))

    def centre_on(self, x: float, y: float, *, least_zoom: float = 0.0) -> None:
        """Bring an image position into the middle of all panes."""
        if self.panes:
            self.panes[0].canvas.centre_on(x, y, least_zoom=least_zoom)

    def apply_colours(self) -> None:
        """Take over the colours of the theme."""
        for pane in self.panes:
            pane.canvas.setBackground(colours().canvas)

    def _show_frame(self) -> None:
        """Show the label of the frame, and what is known of it."""
        self._show_label()
        self._show_outcomes()

    def _show_picture(self) -> None:
        """Show what the canvas shows."""
        if not self._comparison.shown:
            return
        pixels, levels, table = self._canvas.picture
        shapes = [pane.canvas.frame_shape for pane in self.panes]
        self._linking = True  # a new pane fits the frame, which is no wish of the user for the others
        for pane in self.panes:
            if pixels is not None and pixels.shape == pane.canvas.frame_shape:
                pane.canvas.show_pixels(pixels, levels=levels, table=table)
            else:
                pane.canvas.show_frame(pixels, levels=levels, table=table)
        there = next((p for p, shape in zip(self.panes, shapes, strict=True) if shape is not None), None)
        for pane, shape in zip(self.panes, shapes, strict=True):
            if shape is None and there is not None:
                pane.canvas.look_like(there.canvas)
        self._linking = False

    def _on_shown(self, shown: bool) -> None:
        if shown:
            self._arrange()

    def _on_committed(self, _change: object) -> None:
        self._show_label()

    def _on_overlay(self, _name: str) -> None:
        self._show_label()
        self._show_outcomes()

    def _arrange(self) -> None:
        """A pane for each detector that takes part; those that were there before stay."""
        if not self._comparison.shown:
            return
        chosen = self._comparison.chosen
        kept = {pane.name: pane for pane in self.panes}
        if [pane.name for pane in self.panes] != [one.name for one in chosen]:
            panes = [kept.pop(one.name) if one.name in kept else self._new_pane(one) for one in chosen]
            for pane in kept.values():
                self._grid.removeWidget(pane)
                pane.hide()
                pane.deleteLater()
            self.panes = panes
            columns = math.ceil(math.sqrt(len(panes))) if panes else 1
            for place, pane in enumerate(panes):
                self._grid.addWidget(pane, place // columns, place % columns)
            for line in range(8):
                self._grid.setColumnStretch(line, int(line < columns))
                self._grid.setRowStretch(line, int(line * columns < len(panes)))
            self._empty.setVisible(not panes)
            self.apply_colours()
        self._show_picture()
        self._show_frame()

    def _new_pane(self, detector: Detector) -> Pane:
        pane = Pane(detector, self)
        canvas = pane.canvas
        canvas.set_tool(SelectTool(target_at=lambda x, y: None, select=lambda target: None))
        canvas.pointer_moved.connect(self._link_pointer)
        canvas.zoom_changed.connect(lambda zoom: self._link_view(canvas, zoom))
        return pane

    def _link_view(self, canvas: Canvas, zoom: float) -> None:
        if self._linking:
            return
        self._linking = True
        try:
            for pane in self.panes:
                if pane.canvas is not canvas:
                    pane.canvas.look_like(canvas)
        finally:
            self._linking = False
        self.zoom_changed.emit(zoom)

    def _link_pointer(self, pointer: Pointer | None) -> None:
        source = self.sender()
        for pane in self.panes:
            pane.cross.set_at(None if pane.canvas is source else pointer)
        self.pointer_moved.emit(pointer)

    def _show_label(self) -> None:
        if not self._comparison.shown:
            return
        document, display = self._session.document, self._session.display
        visible = document.is_open and display.shown("label")
        lines = outline(document.mask) if visible else _NOTHING
        for pane in self.panes:
            pane.labelled.set_lines(lines)

    def _show_outcomes(self) -> None:
        if not self._comparison.shown:
            return
        frame, display = self._comparison.frame, self._session.display
        titles = {one.name: one.title for one in self._comparison.detectors}
        for pane in self.panes:
            outcome = frame.outcomes.get(pane.name) if frame is not None else None
            pane.show_outcome(outcome, title=titles.get(pane.name, pane.name), outlined=display.shown("mask"))
            pane.marks.setVisible(not display.hidden)


def figures_of(outcome: Outcome | None) -> tuple[str, str]:
    """What a pane says in its title line, and the tip that explains it."""
    if outcome is None:
        return "…", "Being computed"
    if outcome.problem:
        return "did not run", outcome.problem
    time = f"{1000 * outcome.seconds:.0f} ms"
    score = outcome.score
    if score is None:
        return time, "This frame has no label to compare with."
    overlap = "–" if score.iou is None else f"{score.iou:.2f}"
    text = f"{score.found}/{score.targets} found · {score.false} false · IoU {overlap} · {time}"
    return text, "Circle: found; dashed square: missed; dotted diamond: false alarm"
