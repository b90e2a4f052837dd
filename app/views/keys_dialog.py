"""All keys and mouse gestures in one searchable list; the keys can be changed here."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.keymap import HELD, Keymap, defaults, key_text, normal_key
from app.actions.table import ACTIONS, MENUS
from app.views.action_set import ActionSet
from app.views.parts import primary, quiet_label, rule
from app.views.theme import colours

MOUSE = (
    ("Wheel", "Zoom at the pointer, up to 10,000 %"),
    ("Ctrl + wheel", "Size of the brush"),
    ("Space + drag, middle button", "Move the view"),
    ("Double click (select tool)", "Fit the frame"),
    ("Click (select tool)", "Select a predicted target, to accept or reject it"),
    ("Shift + click (brush, eraser)", "Straight line from the end of the last stroke"),
    ("Drag (line profile)", "Draw a line or move its end; Shift keeps it straight, a click removes it"),
    ("Drag or click (surface)", "Draw the region of the landscape, or take the surroundings"),
    ("Right click", "Menu of the target; during a stroke: take it back"),
    ("Hold H", "Hide all overlays while held"),
)
_WAITING = "Double click an action, or select it and press New key."
_ActionRole = int(Qt.ItemDataRole.UserRole)
_TITLES = {spec.id: spec.text.rstrip("…") for spec in ACTIONS}


class KeysDialog(QDialog):
    """A window beside the main one, so that keys can be tried while it is open.

    Signals:
        keymap_wanted(object): the keys are to be those of this Keymap.
        export_wanted(), import_wanted(): the buttons.
    """

    keymap_wanted = Signal(object)
    export_wanted = Signal()
    import_wanted = Signal()

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self._actions = actions
        self._adding = False
        self._conflict: tuple[Keymap, str] | None = None  # the keys if it is taken, and what is said then
        self.setWindowTitle("Keys and mouse")
        self.resize(660, 640)
        self.search = QLineEdit(placeholderText="Search by action or key", clearButtonEnabled=True)
        self.search.setAccessibleName("Search actions and keys")
        self.list = QTreeWidget()
        self.list.setAccessibleName("Actions and their keys")
        self.list.setHeaderLabels(["Action", "Keys"])
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self.list.setIndentation(14)
        self.list.setUniformRowHeights(True)
        self.message = quiet_label(_WAITING, wrap=True)
        self.message.setMinimumHeight(self.message.fontMetrics().lineSpacing() * 2 + 2)
        self.capture = QKeySequenceEdit()
        self.capture.setMaximumSequenceLength(1)
        self.capture.setAccessibleName("Press the new key")
        self.take = primary(QPushButton("Take it"))
        self.leave = QPushButton("Leave it")
        self.new = QPushButton("New key")
        self.add = QPushButton("One more key")
        self.remove = QPushButton("No key")
        self.reset = QPushButton("Reset")
        self.reset_all = QPushButton("Reset all")
        self.export = QPushButton("Export…")
        self.load = QPushButton("Import…")
        self._explain_buttons()
        self._items: dict[str, QTreeWidgetItem] = {}
        self._groups: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        self._fill()
        self._lay_out()
        self.search.textChanged.connect(self._filter)
        self.list.itemDoubleClicked.connect(lambda *_: self._begin(adding=False))
        self.list.currentItemChanged.connect(lambda *_: self._selected())
        self.capture.editingFinished.connect(self._captured)
        self.new.clicked.connect(lambda: self._begin(adding=False))
        self.add.clicked.connect(lambda: self._begin(adding=True))
        self.remove.clicked.connect(lambda: self._want((), ""))
        self.reset.clicked.connect(self._reset_one)
        self.reset_all.clicked.connect(self._reset_all)
        self.take.clicked.connect(self._take)
        self.leave.clicked.connect(lambda: self.say(_WAITING))
        self.export.clicked.connect(self.export_wanted)
        self.load.clicked.connect(self.import_wanted)
        actions.keys_changed.connect(self._read_keys)
        self._read_keys()
        self.say(_WAITING)
        self.search.setFocus()

    def _explain_buttons(self) -> None:
        for button, tip in (
            (self.new, "Give the selected action a key in place of those it has"),
            (self.add, "Give the selected action one more key"),
            (self.remove, "Take all keys from the selected action; menus and search still find it"),
            (self.reset, "Give the selected action the keys it came with"),
            (self.reset_all, "Give every action the keys it came with"),
            (self.export, "Write the changed keys into a file, for another machine or a colleague"),
            (self.load, "Take the keys from such a file"),
            (self.take, "The other action loses the key"),
            (self.leave, "Change nothing"),
        ):
            button.setToolTip(tip)
            button.setAutoDefault(False)

    def _fill(self) -> None:
        for menu in MENUS:
            group, items = self._group(menu)
            for spec in (spec for spec in ACTIONS if spec.menu == menu):
                title = f"{spec.submenu}: {_TITLES[spec.id]}" if spec.submenu else _TITLES[spec.id]
                item = QTreeWidgetItem(group, [title, ""])
                item.setData(0, _ActionRole, spec.id)
                item.setToolTip(0, spec.tip)
                self._items[spec.id] = item
                items.append(item)
        mouse, items = self._group("Mouse and held keys")
        for gesture, text in MOUSE:
            item = QTreeWidgetItem(mouse, [text, gesture])
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            items.append(item)
        self.list.expandAll()

    def _group(self, title: str) -> tuple[QTreeWidgetItem, list[QTreeWidgetItem]]:
        group = QTreeWidgetItem(self.list, [title])
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        group.setForeground(0, QColor(colours().quiet))
        items: list[QTreeWidgetItem] = []
        self._groups.append((group, items))
        return group, items

    def _lay_out(self) -> None:
        answer = QHBoxLayout()
        answer.addWidget(self.message, 1)
        for widget in (self.capture, self.take, self.leave):
            answer.addWidget(widget)
        one, all_of_them = QHBoxLayout(), QHBoxLayout()
        for button in (self.new, self.add, self.remove, self.reset):
            one.addWidget(button)
        one.addStretch(1)
        close = QPushButton("Close", autoDefault=False)
        close.clicked.connect(self.close)
        for button in (self.reset_all, self.export, self.load):
            all_of_them.addWidget(button)
        all_of_them.addStretch(1)
        all_of_them.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addLayout(answer)
        layout.addLayout(one)
        layout.addWidget(rule())
        layout.addLayout(all_of_them)

    # ---- what is shown ----------------------------------------------------------------------------------

    @property
    def selected(self) -> str | None:
        """The id of the selected action."""
        item = self.list.currentItem()
        return None if item is None else item.data(0, _ActionRole)

    def choose(self, action_id: str) -> None:
        """Select an action."""
        self.list.setCurrentItem(self._items[action_id])

    def keys_shown(self, action_id: str) -> str:
        """What the list says about the keys of an action."""
        return self._items[action_id].text(1)

    def say(self, text: str) -> None:
        """Write one sentence under the list; nothing is being asked any more."""
        self._conflict = None
        self.message.setText(text)
        for widget in (self.capture, self.take, self.leave):
            widget.hide()

    def _read_keys(self) -> None:
        keymap = self._actions.keymap
        for action_id, item in self._items.items():
            item.setText(1, keymap.text(action_id))
            font = item.font(1)
            font.setBold(action_id in keymap.changed)
            item.setFont(1, font)
        self._filter()
        self._selected()

    def _selected(self) -> None:
        if not self.capture.isHidden() or self._conflict is not None:
            self.say(_WAITING)
        action_id, keymap = self.selected, self._actions.keymap
        for button in (self.new, self.add):
            button.setEnabled(action_id is not None)
        self.remove.setEnabled(action_id is not None and any(k not in HELD for k in keymap.keys(action_id)))
        self.reset.setEnabled(action_id is not None and keymap.keys(action_id) != defaults(action_id))
        self.reset_all.setEnabled(bool(keymap.changed))

    def _filter(self) -> None:
        words = self.search.text().casefold().split()
        for group, items in self._groups:
            shown = 0
            for item in items:
                text = f"{group.text(0)} {item.text(0)} {item.text(1)} {item.toolTip(0)}".casefold()
                item.setHidden(not all(word in text for word in words))
                shown += not item.isHidden()
            group.setHidden(shown == 0)

    # ---- changing keys ----------------------------------------------------------------------------------

    def _begin(self, *, adding: bool) -> None:
        """Wait for the new key of the selected action."""
        if self.selected is None:
            return
        self._adding = adding
        self.say(f"Press the new key for “{_TITLES[self.selected]}”. Esc leaves it as it is.")
        self.capture.clear()
        self.capture.show()
        self.capture.setFocus()

    def _captured(self) -> None:
        pressed = self.capture.keySequence()
        if self.capture.isHidden() or self.selected is None or pressed.isEmpty():
            return
        key = normal_key(pressed.toString(QKeySequence.SequenceFormat.PortableText))
        self.capture.clear()
        if key == "Esc":
            self._done(_WAITING)
        elif not key or key in HELD:
            reason = (
                f"{key_text(key)} {HELD[key]}, so it cannot be given away." if key else "This is no key of its own."
            )
            self.message.setText(f"{reason} Press another one, or Esc.")
        else:
            before = self._actions.keymap.keys(self.selected) if self._adding else ()
            self._want((*before, key), f"{key_text(key)} is the key for “{_TITLES[self.selected]}” now.")

    def _reset_one(self) -> None:
        if self.selected is not None:
            self._want(defaults(self.selected), "")

    def _want(self, keys: tuple[str, ...], text: str) -> None:
        """Give the selected action these keys, after a question where another one has some of them."""
        action_id, keymap = self.selected, self._actions.keymap
        if action_id is None:
            return
        wanted, others = keymap.with_keys(action_id, keys), keymap.in_the_way(action_id, keys)
        if not others:
            self.keymap_wanted.emit(wanted)
            self._done(text or _WAITING)
            return
        owned = " and ".join(f"{key_text(key)} belongs to “{_TITLES[owner]}”" for key, owner in others.items())
        losers = " and ".join(f"“{_TITLES[owner]}”" for owner in dict.fromkeys(others.values()))
        self.say(f"{owned}. Take it for “{_TITLES[action_id]}”?")
        lost = f"{losers} has lost {' and '.join(map(key_text, others))}."
        self._conflict = (wanted, f"{text} {lost}".strip())
        self.take.setText(f"Take it from {losers}")
        self.take.show()
        self.leave.show()
        self.leave.setFocus()

    def _take(self) -> None:
        if self._conflict is not None:
            keymap, text = self._conflict
            self._conflict = None
            self.keymap_wanted.emit(keymap)
            self._done(text)

    def _reset_all(self) -> None:
        self.keymap_wanted.emit(Keymap())
        self._done("Every action has the keys it came with.")

    def _done(self, text: str) -> None:
        self.say(text)
        self.list.setFocus()
