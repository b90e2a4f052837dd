"""Toolbar and menus, made from the table of actions."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QSpinBox, QToolBar, QToolButton, QWidget

from app.actions.table import ACTIONS, MENUS, SUBMENUS
from app.state.session import Session
from app.views.action_set import ActionSet
from app.views.binding import quiet
from app.wording import printable

_TOOLBAR: tuple[tuple[str, ...], ...] = (
    ("file.open", "file.save"),
    ("tool.select", "tool.patches", "tool.brush", "tool.eraser", "brush"),
    ("tool.profile", "tool.surface"),
    ("edit.undo", "edit.redo"),
    ("label.accept_frame", "label.reviewed", "go.next_unreviewed"),
    ("view.fit",),
)
MAX_BRUSH = 64


class Bars(QObject):
    """The toolbar and the menu bar of the window.

    Signals:
        recent_requested(object Path), brush_requested(int)
    """

    recent_requested = Signal(object)
    brush_requested = Signal(int)

    def __init__(self, window: QMainWindow, session: Session, actions: ActionSet) -> None:
        super().__init__(window)
        self._window, self._session, self._actions = window, session, actions
        self.brush = QSpinBox(minimum=1, maximum=MAX_BRUSH, suffix=" px")
        self.brush.setToolTip("Size of the brush in pixels of the frame; Ctrl + wheel changes it too")
        self.brush.setAccessibleName("Brush size")
        self.brush.valueChanged.connect(self.brush_requested)
        self.toolbar = self._build_toolbar()
        self.recent = QMenu(SUBMENUS["Recent"], window)
        self.recent.aboutToShow.connect(self._fill_recent)
        self.panels = QMenu(SUBMENUS["Panels"], window)
        self._build_menus()
        session.display.brush_changed.connect(self._read_brush)
        self._read_brush()

    def _build_toolbar(self) -> QToolBar:
        bar = QToolBar("Toolbar", self._window)
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._window.addToolBar(bar)
        for number, group in enumerate(_TOOLBAR):
            if number:
                bar.addSeparator()
            for name in group:
                if name == "brush":
                    bar.addWidget(self.brush)
                else:
                    self._add_button(bar, name)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        self._add_button(bar, "model.fine_tune")
        return bar

    def _add_button(self, bar: QToolBar, name: str) -> None:
        action = self._actions[name]
        bar.addAction(action)
        button = bar.widgetForAction(action)
        if isinstance(button, QToolButton):
            button.setObjectName(f"button-{name}")
            if self._actions.spec(name).toolbar == "text":
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)

    def _build_menus(self) -> None:
        menus = {title: self._window.menuBar().addMenu(label) for title, label in MENUS.items()}
        submenus: dict[str, QMenu] = {}
        sections: dict[str, int] = {}
        for spec in ACTIONS:
            menu = menus[spec.menu]
            if sections.setdefault(spec.menu, spec.section) != spec.section:
                menu.addSeparator()
                sections[spec.menu] = spec.section
            if spec.submenu:
                if spec.submenu not in submenus:
                    submenus[spec.submenu] = menu.addMenu(SUBMENUS[spec.submenu])
                menu = submenus[spec.submenu]
            menu.addAction(self._actions[spec.id])
            if spec.id == "file.sample":
                menu.addMenu(self.recent)
            elif spec.id == "view.reset_layout":
                menu.addMenu(self.panels)
        for menu in (*menus.values(), *submenus.values()):
            menu.setToolTipsVisible(True)

    def _fill_recent(self) -> None:
        self.recent.clear()
        for number, name in enumerate(self._session.settings.recent, 1):
            text = printable(name).replace("&", "&&")
            action = self.recent.addAction(f"&{number}  {text}" if number < 10 else text)
            action.triggered.connect(lambda _checked=False, path=Path(name): self.recent_requested.emit(path))
        if self.recent.isEmpty():
            self.recent.addAction("Nothing was opened yet").setEnabled(False)

    def _read_brush(self, _size: int = 0) -> None:
        with quiet(self.brush):
            self.brush.setValue(self._session.display.brush_size)
