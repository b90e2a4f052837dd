"""The Frames panel: every frame of the sequence with the state of its label, a filter and a count."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QProgressBar,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from adsnet.data.frames import FrameRef
from app.state.review import STATES
from app.state.session import Session
from app.views.binding import quiet
from app.views.parts import draw_state, quiet_label
from app.views.theme import colours

Index = QModelIndex | QPersistentModelIndex
StateRole = Qt.ItemDataRole.UserRole + 1
UnsavedRole = Qt.ItemDataRole.UserRole + 2
FrameRole = Qt.ItemDataRole.UserRole + 3
LabelRole = Qt.ItemDataRole.UserRole + 4

_BATCH = 2000  # rows

STATE_TITLES = {
    "new": "New",
    "predicted": "Predicted, not looked at yet",
    "corrected": "Corrected: its label was edited or accepted here",
    "reviewed": "Reviewed: its label is right",
}


class FrameModel(QAbstractListModel):
    """The frames that pass the filter, as rows. Nothing is read from disk here."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._frames: tuple[FrameRef, ...] = ()
        self._rows: Sequence[int] = ()  # ascending
        self._text = ""
        self._state = ""
        session.review.changed.connect(self._frame_changed)
        session.review.reset.connect(self.reload)
        session.sequence_changed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        """Take over the sequence and filter it."""
        sequence = self._session.sequence
        self._frames = sequence.frames if sequence is not None else ()
        self._refilter()

    def set_filter(self, text: str, state: str) -> None:
        """Show frames whose name holds ``text`` and whose label state is ``state`` (all when empty)."""
        self._text, self._state = text.strip().casefold(), state
        self._refilter()

    def _refilter(self) -> None:
        self.beginResetModel()
        review, text, state = self._session.review, self._text, self._state
        self._rows = range(len(self._frames))
        if text or state:
            self._rows = [
                i
                for i, frame in enumerate(self._frames)
                if (not state or review.state(i) == state) and (not text or text in frame.label.casefold())
            ]
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Number of frames that pass the filter."""
        return 0 if parent.isValid() else len(self._rows)

    def row_of(self, frame: int) -> int | None:
        """The row of a frame, or None when the filter hides it."""
        row = bisect_left(self._rows, frame)
        return row if row < len(self._rows) and self._rows[row] == frame else None

    def frame_at(self, row: int) -> int:
        """The frame in a row."""
        return self._rows[row]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, state and frame of a row."""
        frame = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._frames[frame].label
        if role == Qt.ItemDataRole.ToolTipRole:
            labelled = "has a label" if self._session.review.has_label(frame) else "no label yet"
            return f"{self._frames[frame].label}\n{STATE_TITLES[self._session.review.state(frame)]}; {labelled}"
        if role == StateRole:
            return self._session.review.state(frame)
        if role == UnsavedRole:
            return self._session.review.unsaved(frame)
        if role == LabelRole:
            return self._session.review.has_label(frame)
        if role == FrameRole:
            return frame
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._frames[frame].label}, {self._session.review.state(frame)}"
        return None

    def _frame_changed(self, frame: int) -> None:
        row = self.row_of(frame)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))


class FrameDelegate(QStyledItemDelegate):
    """Draws number, state mark and name of a frame."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One line and some air."""
        return QSize(120, option.fontMetrics.height() + 9)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        painter.save()
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, palette.highlight())
        elif state & QStyle.StateFlag.State_MouseOver:
            hover = QColor(palette.color(QPalette.ColorRole.Highlight))
            hover.setAlpha(40)
            painter.fillRect(rect, hover)
        side = 12
        mark = QRectF(rect.left() + 8, rect.center().y() - side / 2 + 0.5, side, side)
        on = palette.color(QPalette.ColorRole.Highlight) if selected else None
        draw_state(painter, mark, str(index.data(StateRole)), labelled=bool(index.data(LabelRole)), on=on)
        text = palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text)
        number = str(int(index.data(FrameRole)) + 1)
        number_width = painter.fontMetrics().horizontalAdvance(number) + 8
        painter.setPen(text if selected else QColor(colours().faint))
        right = rect.adjusted(0, 0, -8, 0)
        painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
        painter.setPen(text)
        name = str(index.data(Qt.ItemDataRole.DisplayRole)) + (" •" if index.data(UnsavedRole) else "")
        place = rect.adjusted(28, 0, -number_width - 8, 0)
        elided = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)
        painter.restore()


class FrameListPanel(QWidget):
    """The list, its filter and how far the work has come."""

    frame_requested = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.model = FrameModel(session)
        self.filter = QLineEdit(placeholderText="Filter by name", clearButtonEnabled=True)
        self.filter.setAccessibleName("Filter frames by name")
        self.states = QComboBox()
        self.states.setAccessibleName("Filter frames by state")
        self.states.setToolTip("Show only frames in this state")
        self.states.addItem("All", "")
        for state in STATES:
            self.states.addItem(state.capitalize(), state)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(FrameDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setLayoutMode(QListView.LayoutMode.Batched)  # a hundred thousand rows at once would stop the window
        self.list.setBatchSize(_BATCH)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Frames")
        self.counter = quiet_label("")
        self._progress = QProgressBar(textVisible=False)
        self._progress.setAccessibleName("Reviewed frames")
        self._progress.setToolTip("How many frames are reviewed")
        self._refilter_later = QTimer(self, singleShot=True, interval=120)
        self._refilter_later.timeout.connect(self._filter_changed)
        self._count_later = QTimer(self, singleShot=True, interval=0)
        self._count_later.timeout.connect(self._count)
        self._lay_out()
        self.filter.textChanged.connect(lambda _: self._refilter_later.start())
        self.states.currentIndexChanged.connect(lambda _: self._filter_changed())
        self.list.selectionModel().currentChanged.connect(self._row_changed)
        self.model.modelReset.connect(self._follow)
        session.frame_changed.connect(self._follow)
        session.review.changed.connect(lambda _: self._count_later.start())
        session.review.reset.connect(self._count_later.start)
        session.sequence_changed.connect(self._sequence_changed)
        self._count()
        self._follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the frame that is shown in sight."""
        super().resizeEvent(event)
        self.list.scrollTo(self.list.currentIndex())

    def _lay_out(self) -> None:
        filters = QHBoxLayout()
        filters.setSpacing(6)
        filters.addWidget(self.filter, 1)
        filters.addWidget(self.states)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addLayout(filters)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.counter)
        layout.addWidget(self._progress)

    def _sequence_changed(self) -> None:
        with quiet(self.filter, self.states):
            self.filter.clear()
            self.states.setCurrentIndex(0)
        self.model.set_filter("", "")
        self._count()

    def _filter_changed(self) -> None:
        self.model.set_filter(self.filter.text(), str(self.states.currentData() or ""))

    def _row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.frame_requested.emit(self.model.frame_at(current.row()))

    def _follow(self) -> None:
        """Mark the row of the frame that is shown."""
        row = self.model.row_of(self._session.frame_index)
        picker = self.list.selectionModel()
        self.list.update(picker.currentIndex())  # its own signals are silenced; all rows would take long to draw
        with quiet(picker):
            if row is None:
                picker.clear()
            else:
                index = self.model.index(row)
                picker.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
                self.list.scrollTo(index)
                self.list.update(index)

    def _count(self) -> None:
        sequence, review = self._session.sequence, self._session.review
        total = len(sequence) if sequence is not None else 0
        labelled = review.with_label
        reviewed = review.count("reviewed")
        self.counter.setText(f"{labelled} of {total} labelled, {reviewed} reviewed" if total else "No sequence")
        self._progress.setRange(0, max(total, 1))
        self._progress.setValue(reviewed)
