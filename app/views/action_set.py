"""Qt actions made from the table of actions, kept enabled, checked and explained as the session changes."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from app.actions.keymap import Keymap, keymap_from, needs_focus
from app.actions.spec import ActionSpec, Situation
from app.actions.table import ACTIONS
from app.state.comparison import Comparison
from app.state.session import Session
from app.views.icons import set_icon
from app.views.selection import Selection


class ActionSet(QObject):
    """All actions of the window by id.

    Attributes:
        keymap: the keys that hold now.

    Signals:
        keys_changed(): other keys hold.
    """

    keys_changed = Signal()

    def __init__(
        self,
        session: Session,
        selection: Selection,
        comparison: Comparison,
        *,
        perform: Callable[[str], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._comparison = session, selection, comparison
        self._specs = {spec.id: spec for spec in ACTIONS}
        self._actions: dict[str, QAction] = {}
        self._reasons: dict[str, str | None] = {}
        self._local: tuple[QWidget, ...] = ()
        self._local_keys: list[QShortcut] = []
        self._key_texts: dict[str, str] = {}
        self.keymap: Keymap = keymap_from(session.settings.shortcuts)[0]
        groups: dict[str, QActionGroup] = {}
        for spec in ACTIONS:
            action = QAction(spec.label, parent)
            action.setObjectName(spec.id)
            action.setCheckable(spec.checkable)
            if spec.icon:
                set_icon(action, spec.icon)
            if spec.group:
                group = groups.setdefault(spec.group, QActionGroup(self))
                group.addAction(action)
            action.triggered.connect(lambda _checked=False, name=spec.id: self._triggered(name, perform))
            parent.addAction(action)
            self._actions[spec.id] = action
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self.refresh)
        self._connect()
        self._use_keys()
        self.refresh()

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def spec(self, action_id: str) -> ActionSpec:
        """The row of the table."""
        return self._specs[action_id]

    def reason(self, action_id: str) -> str | None:
        """Why the action cannot be used now, in one sentence, or None."""
        return self._reasons[action_id]

    def bind_local_keys(self, *widgets: QWidget) -> None:
        """Make the keys that fields need too work while one of these widgets has the focus."""
        self._local = widgets
        self._use_keys()

    def _use_keys(self) -> None:
        """Give every action the keys that hold now."""
        for shortcut in self._local_keys:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._local_keys = []
        self._key_texts = {action_id: self.keymap.text(action_id) for action_id in self._actions}
        for action_id, action in self._actions.items():
            keys = self.keymap.keys(action_id)
            wide = [key for key in keys if not needs_focus(key)]
            # Where an action has only keys of the other kind, its menu shows them, and they work below.
            context = Qt.ShortcutContext.WindowShortcut if wide else Qt.ShortcutContext.WidgetShortcut
            action.setShortcutContext(context)
            action.setShortcuts([QKeySequence(key) for key in wide or keys])
            for key in filter(needs_focus, keys):
                self._local_keys += [self._local_key(key, widget, action) for widget in self._local]

    def _local_key(self, key: str, widget: QWidget, action: QAction) -> QShortcut:
        shortcut = QShortcut(QKeySequence(key), widget)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.setAutoRepeat(action.objectName().startswith("go."))
        shortcut.activated.connect(action.trigger)
        return shortcut

    def _read_keys(self) -> None:
        keymap, _ = keymap_from(self._session.settings.shortcuts)
        if keymap != self.keymap:
            self.keymap = keymap
            self._use_keys()
            for action_id in self._actions:
                self._explain(action_id)
            self.keys_changed.emit()

    def refresh(self) -> None:
        """Enable, check and explain every action as the session is now."""
        self._later.stop()
        situation = Situation(self._session, self._selection.target)
        for action_id, action in self._actions.items():
            spec = self._specs[action_id]
            reason = spec.enabled_when(situation) if spec.enabled_when is not None else None
            # Every change of a text is an event for all buttons and menus: this is done for every frame.
            if action_id not in self._reasons or reason != self._reasons[action_id]:
                self._reasons[action_id] = reason
                action.setEnabled(reason is None)
                self._explain(action_id)
            if spec.checkable:
                action.setChecked(self._is_on(action_id))

    def _explain(self, action_id: str) -> None:
        """Write the tips of an action: what it does, its keys, and why it cannot be used now."""
        action, spec, reason = self._actions[action_id], self._specs[action_id], self._reasons[action_id]
        tip = spec.tip or spec.text.rstrip("…")
        keys = self._key_texts[action_id]
        tip = f"{tip} ({keys})" if keys else tip
        action.setToolTip(f"{tip}\n{reason}" if reason else tip)
        action.setWhatsThis(whats_this(spec, keys, reason))
        action.setStatusTip("")

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
        if kind == "theme":
            return self._session.settings.theme == name
        if action_id == "label.reviewed":
            index = self._session.frame_index
            return index >= 0 and self._session.review.state(index) == "reviewed"
        if action_id == "go.play":
            return self._session.player.playing
        if action_id == "go.loop":
            return self._session.player.loop
        if action_id == "compare.view":
            return self._comparison.shown
        return self._session.display.outline_only

    def _triggered(self, action_id: str, perform: Callable[[str], None]) -> None:
        perform(action_id)
        # A checkable action has toggled itself; what holds is the session. And the next key may be waiting already.
        self.refresh()

    def _connect(self) -> None:
        session = self._session
        session.settings_changed.connect(self._read_keys)
        for signal in (
            session.settings_changed, session.sequence_changed, session.fetcher.destination_changed,
            session.frame_changed, session.prediction_arrived, session.prediction_cleared,
            session.model_changed, session.document.undo_changed, session.document.loaded, session.document.committed,
            session.review.reset, session.review.changed, session.sparsity_changed, session.report.changed,
            session.fine_tune.cleared, session.fine_tune.status_changed, session.player.changed,
            session.display.levels_changed, session.display.overlay_changed, session.display.aid_changed,
            session.predictions.rejected_changed, session.predictions.threshold_changed,
            self._comparison.folder_changed, self._comparison.shown_changed,
            self._selection.tool_changed, self._selection.target_changed,
        ):  # fmt: skip
            signal.connect(self._refresh_later)

    def _refresh_later(self, *_: object) -> None:
        self._later.start()


def whats_this(spec: ActionSpec, keys: str, reason: str | None) -> str:
    """What an action is, what it does, with which keys, and why it cannot be used now."""
    lines = [f"<b>{escape(spec.text.rstrip('…'))}</b>"]
    lines += [escape(spec.tip) + "."] if spec.tip else []
    lines += [f"{'Keys' if ', ' in keys else 'Key'}: {escape(keys)}"] if keys else []
    lines += [escape(reason)] if reason else []
    return "<br>".join(lines)
