"""Writes the keys that hold now behind tool tips and into labels, wherever a control does what an action does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QLabel, QWidget

from app.actions.keymap import key_text
from app.views.action_set import ActionSet


class KeyHints(QObject):
    """Follows the keys of the actions, and panels that change their tool tips."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__(actions)
        self._actions = actions
        self._ids: dict[QWidget, str] = {}
        self._tips: dict[QWidget, str] = {}
        self._writers: list[Callable[[], None]] = []
        actions.keys_changed.connect(self._write)

    def tip(self, widget: QWidget, action_id: str) -> None:
        """Keep the keys of an action in brackets behind the tool tip of a control."""
        self._ids[widget] = action_id
        self._read_tip(widget)
        widget.installEventFilter(self)

    def label(self, label: QLabel, action_id: str) -> None:
        """Keep the keys of an action as the text of a label."""
        self.call(lambda: label.setText(" ".join(map(key_text, self._actions.keymap.keys(action_id)))))

    def call(self, write: Callable[[], None]) -> None:
        """Call this now and whenever other keys hold."""
        self._writers.append(write)
        write()

    def first(self, action_id: str) -> str:
        """The first key of an action as written on keyboards, or empty."""
        return next(map(key_text, self._actions.keymap.keys(action_id)), "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A panel has written another tool tip."""
        if event.type() == QEvent.Type.ToolTipChange and isinstance(watched, QWidget):
            if watched.toolTip() != self._with_keys(watched):
                self._read_tip(watched)
        return False

    def _read_tip(self, widget: QWidget) -> None:
        self._tips[widget] = widget.toolTip()
        widget.setToolTip(self._with_keys(widget))

    def _with_keys(self, widget: QWidget) -> str:
        keys = self._actions.keymap.text(self._ids[widget])
        return f"{self._tips[widget]} ({keys})" if keys else self._tips[widget]

    def _write(self) -> None:
        for widget in self._ids:
            widget.setToolTip(self._with_keys(widget))
        for write in self._writers:
            write()
