"""Qt actions made from the table of actions, kept enabled, checked and explained as the session changes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from app.actions.spec import ActionSpec, Situation
from app.actions.table import ACTIONS
from app.state.session import Session
from app.views.icons import set_icon
from app.views.selection import Selection


class ActionSet(QObject):
    """All actions of the window by id."""

    def __init__(
        self, session: Session, selection: Selection, *, perform: Callable[[str], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._session, self._selection = session, selection
        self._specs = {spec.id: spec for spec in ACTIONS}
        self._actions: dict[str, QAction] = {}
        groups: dict[str, QActionGroup] = {}
        for spec in ACTIONS:
            action = QAction(spec.text, parent)
            action.setObjectName(spec.id)
            action.setCheckable(spec.checkable)
            if spec.icon:
                set_icon(action, spec.icon)
            if spec.group:
                group = groups.setdefault(spec.group, QActionGroup(self))
                group.addAction(action)
            action.triggered.connect(lambda _checked=False, name=spec.id: self._triggered(name, perform))
            action.setShortcuts([QKeySequence(key) for key in spec.shortcut])
            parent.addAction(action)
            self._actions[spec.id] = action
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self.refresh)
        self._connect()
        self.refresh()

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def spec(self, action_id: str) -> ActionSpec:
        """The row of the table."""
        return self._specs[action_id]

    def bind_local_keys(self, *widgets: QWidget) -> None:
        """Make the ``local`` keys of all actions work while one of these widgets has the focus."""
        for spec in self._specs.values():
            for key in spec.local:
                for widget in widgets:
                    shortcut = QShortcut(QKeySequence(key), widget)
                    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                    shortcut.setAutoRepeat(spec.id.startswith("go."))
                    shortcut.activated.connect(self._actions[spec.id].trigger)

    def refresh(self) -> None:
        """Enable, check and explain every action as the session is now."""
        situation = Situation(self._session, self._selection.target)
        for action_id, action in self._actions.items():
            spec = self._specs[action_id]
            reason = spec.enabled_when(situation) if spec.enabled_when is not None else None
            action.setEnabled(reason is None)
            tip = spec.tip or spec.text.rstrip("…")
            keys = ", ".join(key_text(key) for key in spec.keys[:2])
            tip = f"{tip} ({keys})" if keys else tip
            action.setToolTip(f"{tip}\n{reason}" if reason else tip)
            action.setStatusTip("")
            if spec.checkable:
                action.setChecked(self._is_on(action_id))

    def _is_on(self, action_id: str) -> bool:
        kind, _, name = action_id.partition(".")
        if kind == "layer":
            return self._session.display.visible(name)
        if kind == "tool":
            return self._selection.tool == name
        if action_id in ("view.grid", "view.minimap"):
            return self._session.display.aid(name)
        if action_id == "view.clahe":
            return self._session.display.clahe
        if action_id == "label.reviewed":
            index = self._session.frame_index
            return index >= 0 and self._session.review.state(index) == "reviewed"
        if action_id == "go.play":
            return self._session.player.playing
        if action_id == "go.loop":
            return self._session.player.loop
        return self._session.display.outline_only

    def _triggered(self, action_id: str, perform: Callable[[str], None]) -> None:
        perform(action_id)
        self.refresh()  # a checkable action has toggled itself; what holds is the session

    def _connect(self) -> None:
        session, later = self._session, self._later.start
        for signal in (
            session.sequence_changed, session.frame_changed, session.prediction_arrived, session.prediction_cleared,
            session.model_changed, session.document.undo_changed, session.document.loaded, session.review.reset,
            session.fine_tune.cleared, session.sparsity_changed, session.report.changed, session.player.changed,
        ):  # fmt: skip
            signal.connect(later)
        session.document.committed.connect(self._refresh_later)
        session.review.changed.connect(self._refresh_later)
        session.display.overlay_changed.connect(self._refresh_later)
        session.display.aid_changed.connect(self._refresh_later)
        session.display.levels_changed.connect(later)
        session.fine_tune.status_changed.connect(self._refresh_later)
        self._selection.tool_changed.connect(self._refresh_later)
        session.predictions.rejected_changed.connect(self._refresh_later)
        session.predictions.threshold_changed.connect(self._refresh_later)
        self._selection.target_changed.connect(self._refresh_later)

    def _refresh_later(self, _change: object = None) -> None:
        self._later.start()


def key_text(key: str) -> str:
    """A key as it is written on keyboards."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
