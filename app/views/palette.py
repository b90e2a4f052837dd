"""The command palette: find an action, a panel, recent data or a frame by a few letters, and do it with Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.search import fit
from app.views.parts import quiet_label
from app.views.theme import colours

Index = QModelIndex | QPersistentModelIndex
MAX_FRAMES = 50
_SIZE = QSize(620, 420)


@dataclass(frozen=True)
class Choice:
    """One thing that can be found.

    Attributes:
        title, where: its name, and the menu or the kind of thing it is.
        run: does it.
        keys: its keys as written on keyboards.
        reason: why it cannot be done now, or None.
        more: further words to find it by.
    """

    title: str
    where: str
    run: Callable[[], None]
    keys: str = ""
    reason: str | None = None
    more: str = ""


class ChoiceModel(QAbstractListModel):
    """What fits the typed letters, best first; frames follow what is not a frame."""

    def __init__(self, choices: Sequence[Choice], frames: Sequence[str], go_to: Callable[[int], None]) -> None:
        super().__init__()
        self._choices, self._frames, self._go_to = choices, frames, go_to
        self.found: list[Choice] = []
        self.search("")

    def search(self, typed: str) -> None:
        """Find by these letters."""
        self.beginResetModel()
        fits = [(fit(typed, choice.title, f"{choice.where} {choice.more}"), choice) for choice in self._choices]
        fits = sorted((pair for pair in fits if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].reason is not None))
        self.found = [choice for _, choice in fits] + self._frames_with(typed.strip().casefold())
        self.endResetModel()

    def _frames_with(self, typed: str) -> list[Choice]:
        """Frames are found by a part of their name: there may be very many."""
        if not typed:
            return []
        fitting = (number for number, name in enumerate(self._frames) if typed in name.casefold())
        return [
            Choice(self._frames[number], f"Frame {number + 1}", partial(self._go_to, number))
            for number in islice(fitting, MAX_FRAMES)
        ]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """What was found."""
        return 0 if parent.isValid() else len(self.found)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Its name; everything about it for a screen reader."""
        choice = self.found[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return choice.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (choice.title, choice.where, choice.keys, choice.reason)))
        return None


class ChoiceDelegate(QStyledItemDelegate):
    """Draws name, place and keys in one line, and beneath why it cannot be done."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One line, or two with a reason."""
        model = index.model()
        assert isinstance(model, ChoiceModel)
        lines = 1 if model.found[index.row()].reason is None else 2
        return QSize(200, option.fontMetrics.lineSpacing() * lines + 9)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        model = index.model()
        assert isinstance(model, ChoiceModel)
        choice = model.found[index.row()]
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, palette.highlight())
        ink = palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text)
        faded = ink if selected else QColor(colours().quiet)
        metrics = painter.fontMetrics()
        line = QRect(rect.left() + 10, rect.top() + 4, rect.width() - 20, metrics.lineSpacing())
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        painter.setPen(faded)
        painter.drawText(line, right | Qt.AlignmentFlag.AlignVCenter, choice.keys)
        line.setWidth(line.width() - metrics.horizontalAdvance(choice.keys) - 16)
        painter.setPen(ink if choice.reason is None else faded)
        title = metrics.elidedText(choice.title, Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, left | Qt.AlignmentFlag.AlignVCenter, title)
        after = line.adjusted(metrics.horizontalAdvance(title) + 12, 0, 0, 0)
        painter.setPen(faded)
        painter.drawText(after, left | Qt.AlignmentFlag.AlignVCenter, choice.where)
        if choice.reason is not None:
            below = QRect(rect.left() + 10, line.bottom() + 1, rect.width() - 20, metrics.lineSpacing())
            painter.setPen(ink if selected else QColor(colours().warn))
            text = metrics.elidedText(choice.reason, Qt.TextElideMode.ElideRight, below.width())
            painter.drawText(below, left | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class Palette(QDialog):
    """A field and what was found; gone after Enter, Esc or a click elsewhere."""

    def __init__(
        self, choices: Sequence[Choice], *, frames: Sequence[str], go_to: Callable[[int], None], parent: QWidget
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setWindowTitle("Find an action")
        self.model = ChoiceModel(choices, frames, go_to)
        self.field = QLineEdit(placeholderText="Find an action, a panel, recent data or a frame")
        self.field.setAccessibleName("Find an action, a panel, recent data or a frame")
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(ChoiceDelegate(self.list))
        self.list.setAccessibleName("What was found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._none = quiet_label("Nothing has such a name. Try fewer letters.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.field)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._none)
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._search)
        self.list.clicked.connect(lambda _: self._run())
        self._search("")
        self.resize(_SIZE.boundedTo(parent.size() - QSize(40, 80)))
        self.move(parent.mapToGlobal(parent.rect().topLeft()))
        self.move(self.x() + (parent.width() - self.width()) // 2, self.y() + 60)

    @property
    def current(self) -> Choice | None:
        """What Enter would do."""
        row = self.list.currentIndex().row()
        return self.model.found[row] if 0 <= row < len(self.model.found) else None

    def showEvent(self, event: QEvent) -> None:
        """Keys go to the field."""
        super().showEvent(event)  # type: ignore[arg-type]
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrow keys move in the list while the field keeps the focus."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        page = max(self.list.height() // max(self.list.sizeHintForRow(0), 1) - 1, 1)
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: page, Qt.Key.Key_PageUp: -page}
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run()
        elif key in steps:
            self._select(self.list.currentIndex().row() + steps[key])
        return key in (*steps, Qt.Key.Key_Return, Qt.Key.Key_Enter)

    def _search(self, typed: str) -> None:
        self.model.search(typed)
        self._none.setVisible(not self.model.found)
        self._select(0)

    def _select(self, row: int) -> None:
        last = len(self.model.found) - 1
        self.list.setCurrentIndex(self.model.index(min(max(row, 0), last)) if last >= 0 else QModelIndex())

    def _run(self) -> None:
        """Do it, unless the reason under it says why not."""
        choice = self.current
        if choice is not None and choice.reason is None:
            self.close()
            choice.run()
