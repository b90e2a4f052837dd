"""The main window: puts the panels into docks around the canvas and remembers where they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QPoint, QSettings, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QDockWidget, QMainWindow, QMenu, QTabWidget, QWidget

from app.state.comparison import Comparison
from app.state.session import Session
from app.state.verdicts import FrameVerdicts
from app.views.action_set import ActionSet
from app.views.bars import Bars
from app.views.cascade_panel import CascadePanel
from app.views.compare_panel import ComparePanel
from app.views.display_panel import DisplayPanel
from app.views.fine_tune_panel import FineTunePanel
from app.views.frame_list import FrameListPanel
from app.views.guidance import Guidance
from app.views.icons import refresh_icons
from app.views.layers_panel import LayersPanel
from app.views.measures_panel import MeasuresPanel
from app.views.profile_panel import ProfilePanel
from app.views.report_panel import ReportPanel
from app.views.scrolled import Scrolled
from app.views.selection import Selection
from app.views.stages_panel import StagesPanel
from app.views.status_line import StatusLine
from app.views.surface_panel import SurfacePanel
from app.views.targets_panel import TargetsPanel
from app.views.tools import Pointer
from app.views.why_panel import WhyPanel
from app.views.workspace import Workspace

LAYOUT_VERSION = 3
_LEFT, _RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
_TALL = ("layers", "display", "cascade", "fine_tune")
_COMPARE_HEIGHT = 280
_FRAME_OF_WINDOW = QSize(4, 36)  # what the desktop puts around a window; only known once it is shown
_VERTICAL, _HORIZONTAL = Qt.Orientation.Vertical, Qt.Orientation.Horizontal


class MainWindow(QMainWindow):
    """Panels around a canvas.

    Attributes:
        may_close: asked before the window closes; saves, and says no when that failed.
        comparison: the detectors that are compared, and what came of it.

    Signals:
        performed(str): the user wants the action with this id.
        paths_dropped(object): a list of Path was dropped on the window.
        erase_requested(float, float): the label target at this image position is to be erased.
        came_to_front(): the window became the active one.
    """

    performed = Signal(str)
    paths_dropped = Signal(object)
    erase_requested = Signal(float, float)
    came_to_front = Signal()

    def __init__(self, session: Session, selection: Selection, *, memory: QSettings) -> None:
        super().__init__()
        self._session, self._selection, self._memory = session, selection, memory
        self.may_close: Callable[[], bool] = lambda: True
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setAnimated(False)
        self.comparison = Comparison(session, self)
        self.workspace = Workspace(session, selection, self.comparison)
        self.setCentralWidget(self.workspace)
        self.status = StatusLine(session)
        self.setStatusBar(self.status)
        self.frames = FrameListPanel(session)
        self.targets = TargetsPanel(session, selection)
        self.layers = LayersPanel(session)
        self.display = DisplayPanel(session)
        self.cascade = CascadePanel(session)
        self.fine_tune = FineTunePanel(session)
        self.stages = StagesPanel(session)
        self.report = ReportPanel(session)
        self.measures = MeasuresPanel(session)
        self.why = WhyPanel(FrameVerdicts(session, self))
        measuring, drawing = self.workspace.measuring, self.workspace.measure_layer.shape
        self.profile = ProfilePanel(session, measuring)
        self.profile.place_pointed.connect(drawing.set_mark)
        self.profile.pointed_away.connect(drawing.clear_mark)
        self.surface = SurfacePanel(session, measuring, selection)
        self.compare = ComparePanel(session, self.comparison)
        self.docks: dict[str, QDockWidget] = {}
        self._build_docks()
        self.action_set = ActionSet(session, selection, self.comparison, perform=self.performed.emit, parent=self)
        self.action_set.bind_local_keys(
            self.workspace.canvas, self.workspace.panes, self.frames.list, self.targets.table
        )
        for typed_into in (
            self.frames.list,
            self.targets.table,
            self.why.table,
            self.report.table,
            self.compare.rows,
            self.fine_tune.comparison.frames,
        ):
            typed_into.installEventFilter(self)
        self.bars = Bars(self, session, self.action_set)
        for dock in self.docks.values():
            self.bars.panels.addAction(dock.toggleViewAction())
        self.guidance = Guidance(self, session)
        canvas = self.workspace.canvas
        self.workspace.layers.compared.connect(self.targets.show_counts)
        canvas.pointer_moved.connect(self.status.show_pointer)
        canvas.pointer_moved.connect(self.cascade.show_pointer)
        canvas.pointer_moved.connect(self.stages.show_pointer)
        self.status.stop_requested.connect(lambda name: self.action_set[name].trigger())
        canvas.zoom_changed.connect(self.status.show_zoom)
        self.workspace.panes.pointer_moved.connect(self.status.show_pointer)
        self.workspace.panes.zoom_changed.connect(self.status.show_zoom)
        canvas.menu_requested.connect(self._show_canvas_menu)
        session.sequence_changed.connect(self._show_title)
        session.frame_changed.connect(self._show_title)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_moved)
        self._show_title()
        self._restore_layout()

    def _focus_moved(self, old: QWidget | None, _new: QWidget | None) -> None:
        """A button that its own click disabled or hid passes the keys on to the next field: the canvas takes them."""
        if isinstance(old, QAbstractButton) and old.window() is self and (not old.isEnabled() or old.isHidden()):
            self.workspace.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    # ---- layout -----------------------------------------------------------------------------------------

    def _build_docks(self) -> None:
        panels: tuple[tuple[str, str, QWidget], ...] = (
            ("frames", "&Frames", self.frames),
            ("targets", "&Targets", self.targets),
            ("layers", "&Layers", self.layers),
            ("display", "&Display", self.display),
            ("cascade", "&Cascade", self.cascade),
            ("fine_tune", "F&ine-tune", self.fine_tune),
            ("stages", "&Stages", self.stages),
            ("profile", "&Profile", self.profile),
            ("surface", "S&urface", self.surface),
            ("why", "&Why", self.why),
            ("report", "&Report", self.report),
            ("compare", "C&ompare", self.compare),
            ("measures", "&Measures", self.measures),
        )
        for name, label, panel in panels:
            dock = QDockWidget(label.replace("&", ""), self)
            dock.toggleViewAction().setText(label)
            dock.setObjectName(name)
            dock.setWidget(Scrolled(panel) if name in _TALL else panel)
            self.docks[name] = dock
            dock.topLevelChanged.connect(self._titles_later)
            dock.dockLocationChanged.connect(self._titles_later)
        self._titles = QTimer(self, singleShot=True, interval=0)
        self._titles.timeout.connect(self._show_dock_titles)
        self.setDockOptions(self.dockOptions() | QMainWindow.DockOption.GroupedDragging)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._give_corners(to_bottom=False)

    def _give_corners(self, *, to_bottom: bool) -> None:
        """The lower corners belong to the panels at the sides; the tables of a comparison need the whole width."""
        bottom = Qt.DockWidgetArea.BottomDockWidgetArea
        self.setCorner(Qt.Corner.BottomLeftCorner, bottom if to_bottom else _LEFT)
        self.setCorner(Qt.Corner.BottomRightCorner, bottom if to_bottom else _RIGHT)

    def _titles_later(self, _change: object = None) -> None:
        self._titles.start()

    def _show_dock_titles(self) -> None:
        """A dock among tabs needs no title bar: its tab says the same and can be dragged too."""
        for dock in self.docks.values():
            tabbed = not dock.isFloating() and bool(self.tabifiedDockWidgets(dock))
            if tabbed and dock.titleBarWidget() is None:
                dock.setTitleBarWidget(QWidget(dock))
            elif not tabbed and dock.titleBarWidget() is not None:
                bar = dock.titleBarWidget()
                dock.setTitleBarWidget(None)  # type: ignore[arg-type]
                bar.deleteLater()

    def default_layout(self) -> None:
        """Put every dock where it was at the first start."""
        d = self.docks
        for dock in d.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        self.addDockWidget(_LEFT, d["frames"])
        self.addDockWidget(_LEFT, d["targets"], _VERTICAL)
        self.addDockWidget(_RIGHT, d["layers"])
        self.addDockWidget(_RIGHT, d["cascade"], _VERTICAL)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, d["stages"])
        self.tabifyDockWidget(d["stages"], d["profile"])
        self.tabifyDockWidget(d["targets"], d["why"])
        self.tabifyDockWidget(d["why"], d["report"])
        self.tabifyDockWidget(d["stages"], d["compare"])
        self.tabifyDockWidget(d["layers"], d["display"])
        self.tabifyDockWidget(d["cascade"], d["measures"])
        self.tabifyDockWidget(d["measures"], d["fine_tune"])
        self.tabifyDockWidget(d["fine_tune"], d["surface"])
        for dock in d.values():
            dock.show()
        d["targets"].raise_()
        d["layers"].raise_()
        d["cascade"].raise_()
        d["stages"].raise_()
        self.resizeDocks([d["frames"], d["layers"]], [290, 340], _HORIZONTAL)
        self.resizeDocks([d["frames"], d["targets"]], [440, 330], _VERTICAL)
        self.resizeDocks([d["layers"], d["cascade"]], [320, 470], _VERTICAL)

    def _restore_layout(self) -> None:
        self.resize(QSize(1440, 900))
        screen = QGuiApplication.primaryScreen()
        if screen is not None:
            self.resize(self.size().boundedTo(screen.availableSize() - _FRAME_OF_WINDOW))
        self.default_layout()
        geometry, state = self._memory.value("geometry"), self._memory.value("state")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(state, QByteArray):
            self.restoreState(state, LAYOUT_VERSION)
        self._show_dock_titles()

    # ---- what handlers ask of the window ----------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole frame."""
        self.workspace.fit()

    def zoom_by(self, factor: float) -> None:
        """Zoom at the middle."""
        self.workspace.zoom_by(factor)

    def zoom_to(self, zoom: float) -> None:
        """Zoom to screen pixels a frame pixel."""
        self.workspace.zoom_to(zoom)

    def cancel_stroke(self) -> bool:
        """Take back the stroke that is being drawn; False when there is none."""
        return self.workspace.canvas.cancel_stroke()

    def finish_stroke(self) -> None:
        """End the stroke that is being drawn and keep it."""
        self.workspace.canvas.finish_stroke()

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()

    def toggle_comparison(self) -> None:
        """Open the view of the detectors side by side with its panel, or go back to the canvas."""
        self.workspace.canvas.finish_stroke()
        shown = not self.comparison.shown
        self._give_corners(to_bottom=shown)
        self.comparison.set_shown(shown)
        self.show_panel("compare" if shown else "stages")
        if shown:
            self.resizeDocks([self.docks["compare"]], [_COMPARE_HEIGHT], _VERTICAL)

    def show_keys(self) -> None:
        """Open the list of keys."""
        self.guidance.show_keys()

    def show_palette(self) -> None:
        """Let the user find and do anything by a few letters."""
        self.guidance.show_palette()

    def explain(self) -> None:
        """Explain what is clicked next."""
        self.guidance.explain()

    def open_in_desktop(self, path: Path) -> None:
        """Show a folder in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    def close_window(self) -> None:
        """As if the user closed it."""
        self.close()

    # ---- what is shown ----------------------------------------------------------------------------------

    def _show_title(self) -> None:
        sequence, index = self._session.sequence, self._session.frame_index
        if sequence is None:
            self.setWindowTitle("ADSNet Studio")
            return
        frame = f"{sequence.frames[index].label} – " if 0 <= index < len(sequence) else ""
        self.setWindowTitle(f"{frame}{sequence.name} – ADSNet Studio")

    def _show_canvas_menu(self, pointer: Pointer, position: QPoint) -> None:
        """What can be done with the target under the pointer."""
        self._selection.select(self._session.predictions.target_at(pointer.x, pointer.y))
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in ("label.accept_target", "label.reject_target"):
            menu.addAction(self.action_set[name])
        document = self._session.document
        erase = menu.addAction("&Erase label target", lambda: self.erase_requested.emit(pointer.x, pointer.y))
        row, column = round(pointer.y), round(pointer.x)
        inside = document.is_open and 0 <= row < document.shape[0] and 0 <= column < document.shape[1]
        erase.setEnabled(inside and bool(document.mask[row, column]))
        menu.addSeparator()
        for name in ("label.accept_frame", "label.reviewed", "view.fit"):
            menu.addAction(self.action_set[name])
        menu.popup(position)

    # ---- events -----------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """H hides the overlays while it is held."""
        if not self._peek(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The held key went up."""
        if not self._peek(event):
            super().keyReleaseEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Lists search for what is typed and would keep the key."""
        return isinstance(event, QKeyEvent) and self._peek(event)

    def _peek(self, event: QKeyEvent) -> bool:
        """Hide or show the overlays if this is the key for it."""
        if event.key() != Qt.Key.Key_H or event.modifiers() or event.type() == QEvent.Type.ShortcutOverride:
            return False
        if not event.isAutoRepeat():
            self._session.display.set_hidden(event.type() == QEvent.Type.KeyPress)
        return True

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of the theme; release what is held when another window comes to the front."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "bars"):
            refresh_icons(self)
            self.workspace.apply_colours()
        elif event.type() == QEvent.Type.ActivationChange and hasattr(self, "bars"):
            if self.isActiveWindow():
                self.came_to_front.emit()
            else:
                self._session.display.set_hidden(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders are welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.paths_dropped.emit(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save first; when that fails and the user wants to stay, the window stays."""
        if not self.may_close():
            event.ignore()
            return
        self._memory.setValue("geometry", self.saveGeometry())
        self._memory.setValue("state", self.saveState(LAYOUT_VERSION))
        self._memory.sync()
        event.accept()
