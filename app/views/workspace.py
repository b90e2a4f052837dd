"""The middle of the window: notices, the canvas or the empty state, and the timeline."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.actions.recent import own_recent
from app.state.comparison import Comparison
from app.state.session import Session
from app.state.what_if import flip_patch, free_patches
from app.views.canvas import Canvas
from app.views.canvas_layers import CanvasLayers
from app.views.compare_panes import ComparePanes
from app.views.empty_state import EmptyState
from app.views.frame_layer import FrameLayer
from app.views.measure_layer import MeasureLayer
from app.views.measuring import Measuring, ProfileTool, RegionTool
from app.views.minimap import Minimap
from app.views.notice_bar import NoticeBar
from app.views.selection import Selection
from app.views.theme import colours
from app.views.timeline import Timeline
from app.views.tools import PaintTool, PatchTool, SelectTool, Tool

_ZOOM_ON_TARGET = 6.0
_HOLD = 7.0  # screen pixels around the end of a line in which it can be taken hold of


class Workspace(QWidget):
    """Shows the frame of the session and gives the canvas the tool that is in the hand."""

    def __init__(
        self, session: Session, selection: Selection, comparison: Comparison, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._comparison = session, selection, comparison
        self.canvas = Canvas()
        self.panes = ComparePanes(session, comparison, self.canvas)
        self.layers = CanvasLayers(self.canvas, session, selection)
        self.measuring = Measuring(session, self)
        self.measure_layer = MeasureLayer(self.canvas, self.measuring, session.display)
        self.minimap = Minimap(self.canvas, session)
        self.minimap.place_requested.connect(self.canvas.centre_on)
        self.timeline = Timeline(session)
        self.empty = EmptyState()
        # Laid over the canvas: a notice that pushed it down would move the pixels under a stroke.
        self.notices = NoticeBar(session.notices, self)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.canvas)
        self._stack.addWidget(self.panes)
        document, display = session.document, session.display
        self._tools: dict[str, Tool] = {
            "select": SelectTool(target_at=session.predictions.target_at, select=selection.select),
            "brush": PaintTool("brush", document, value=True, size=lambda: display.brush_size),
            "eraser": PaintTool("eraser", document, value=False, size=lambda: display.brush_size),
            "patches": PatchTool(
                flip=lambda x, y, shift: flip_patch(session, x, y, last_only=shift),
                free=lambda: free_patches(session),
            ),
            "profile": ProfileTool(self.measuring, reach=lambda: _HOLD / self.canvas.zoom),
            "surface": RegionTool(self.measuring),
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.timeline)
        self.notices.resized.connect(self._place_notices)
        selection.tool_changed.connect(self._take_tool)
        session.frame_changed.connect(self._show_frame)
        session.sequence_changed.connect(self._show_frame)
        display.aid_changed.connect(self._show_aids)
        display.brush_changed.connect(self._brush_changed)
        comparison.shown_changed.connect(self._show_page)
        self.canvas.brush_step_requested.connect(self._step_brush)
        session.settings_changed.connect(self._show_recent)
        self._take_tool(selection.tool)
        self._show_recent()
        self._show_frame()
        self.frame_layer = FrameLayer(self.canvas, session)  # last: it tells all layers how large the frame is
        self._show_aids()
        self.apply_colours()

    def jump_to(self, target: int) -> None:
        """Select a predicted target and bring it into view."""
        self._selection.select(target)
        targets = self._session.predictions.targets
        if 0 <= target < len(targets):
            self.look_at(targets[target].x, targets[target].y)

    def look_at(self, x: float, y: float) -> None:
        """Bring an image position into view, near enough to see single pixels."""
        view = self.panes if self._comparison.shown else self.canvas
        view.centre_on(x, y, least_zoom=_ZOOM_ON_TARGET)

    def fit(self) -> None:
        """Show the whole frame."""
        (self.panes if self._comparison.shown else self.canvas).fit()

    def zoom_to(self, zoom: float) -> None:
        """Zoom to screen pixels a frame pixel, at the middle."""
        self._zoom(lambda _now: zoom)

    def zoom_by(self, factor: float) -> None:
        """Zoom at the middle."""
        self._zoom(lambda now: now * factor)

    def _zoom(self, change: Callable[[float], float]) -> None:
        if self._comparison.shown:
            self.panes.zoom_to(change)
        else:
            self.canvas.zoom_to(change(self.canvas.zoom))

    def apply_colours(self) -> None:
        """Take over the colours of the theme."""
        self.canvas.setBackground(colours().canvas)
        self.panes.apply_colours()
        self.empty.apply_colours()

    def _show_recent(self) -> None:
        self.empty.show_recent(own_recent(self._session.settings))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the notices at the upper edge."""
        super().resizeEvent(event)
        self._place_notices()

    def _place_notices(self) -> None:
        width = self.width()
        self.notices.setGeometry(0, 0, width, self.notices.height_for(width))
        self.notices.raise_()

    def _take_tool(self, name: str) -> None:
        self.canvas.set_tool(self._tools[name])

    def _show_frame(self) -> None:
        session = self._session
        self._show_page()
        self.timeline.setVisible(session.sequence is not None)

    def _show_aids(self, _name: str = "") -> None:
        self.canvas.set_grid(self._session.display.aid("grid"))

    def _show_page(self, _shown: bool = False) -> None:
        page = self.panes if self._comparison.shown else self.canvas
        self._stack.setCurrentWidget(self.empty if self._session.sequence is None else page)

    def _brush_changed(self, _size: int) -> None:
        self.canvas.refresh_footprint()

    def _step_brush(self, step: int) -> None:
        display = self._session.display
        display.set_brush_size(min(max(display.brush_size + step, 1), 64))
