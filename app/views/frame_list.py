"""The Frames panel: every frame of the sequence with the state of its label, filters, an order and a count."""

from __future__ import annotations

from typing import Any, NamedTuple

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.state.frame_list import FrameList
from app.state.frame_table import MEASURES
from app.state.session import Session
from app.views.binding import InPlay, quiet
from app.views.frame_filters import FrameFilters
from app.views.parts import ProgressBar, draw_state, quiet_label
from app.views.theme import colours

Index = QModelIndex | QPersistentModelIndex
RowRole = Qt.ItemDataRole.UserRole + 1
_ROW_AIR = 9
_MARK = 12
"""Side of the mark of a state in pixels."""
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

STATE_TITLES = {
    "new": "New",
    "predicted": "Predicted, not looked at yet",
    "corrected": "Corrected: its label was edited or accepted here",
    "reviewed": "Reviewed: its label is right",
}


class Row(NamedTuple):
    """What is drawn of a frame: together, since every question to a model costs as much as drawing a word."""

    name: str
    state: str
    unsaved: bool
    labelled: bool
    number: str  # its place or, sorted by a measure, that


class FrameModel(QAbstractListModel):
    """The frames that pass the filter, as rows. Nothing is read from disk here."""

    def __init__(self, session: Session, frames: FrameList) -> None:
        super().__init__()
        self._review, self._frames = session.review, frames
        frames.arranged.connect(self._rearranged)
        frames.frame_changed.connect(self._frame_changed)

    def _rearranged(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Number of frames that pass the filter."""
        return 0 if parent.isValid() else len(self._frames)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What is drawn of a row, and its texts."""
        frame = self._frames.frame_at(index.row())
        if role == RowRole:
            return self._row(frame)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._frames.name(frame)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(frame)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._frames.name(frame)}, {self._review.state(frame)}"
        return None

    def _row(self, frame: int) -> Row:
        order, review = self._frames.filter.order, self._review
        measure = self._frames.measure(frame, order) if order in MEASURES else None
        number = str(frame + 1) if measure is None else f"{measure:.2f}"
        return Row(
            self._frames.name(frame), review.state(frame), review.unsaved(frame), review.has_label(frame), number
        )

    def _tip(self, frame: int) -> str:
        labelled = "has a label" if self._review.has_label(frame) else "no label yet"
        lines = [self._frames.name(frame), f"{STATE_TITLES[self._review.state(frame)]}; {labelled}"]
        known = {name: self._frames.measure(frame, name) for name in MEASURES}
        lines += [f"{name.capitalize()} {value:.2f}" for name, value in known.items() if value is not None]
        return "\n".join(lines)

    def _frame_changed(self, frame: int) -> None:
        row = self._frames.row_of(frame)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))


class FrameDelegate(QStyledItemDelegate):
    """Draws state mark and name of a frame, and its number or, sorted by a measure, that."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._marks: dict[tuple[str, bool, int | None, float], QPixmap] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One line and some air."""
        return QSize(120, option.fontMetrics.height() + _ROW_AIR)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        row: Row = index.data(RowRole)
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        metrics: QFontMetrics = option.fontMetrics
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, palette.highlight())
        elif state & QStyle.StateFlag.State_MouseOver:
            hover = QColor(palette.color(QPalette.ColorRole.Highlight))
            hover.setAlpha(40)
            painter.fillRect(rect, hover)
        on = palette.color(QPalette.ColorRole.Highlight) if selected else None
        mark = self._mark(row.state, row.labelled, on, painter.device().devicePixelRatio())
        painter.drawPixmap(rect.left() + 8, rect.center().y() - _MARK // 2 + 1, mark)
        text = palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text)
        painter.setPen(text if selected else QColor(colours().faint))
        painter.drawText(rect.adjusted(0, 0, -8, 0), _RIGHT, row.number)
        painter.setPen(text)
        name = f"{row.name} •" if row.unsaved else row.name
        place = rect.adjusted(28, 0, -metrics.horizontalAdvance(row.number) - 16, 0)
        painter.drawText(place, _LEFT, metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, place.width()))

    def _mark(self, state: str, labelled: bool, on: QColor | None, ratio: float) -> QPixmap:
        """The mark, drawn once for all rows. ``on``: the colour of a selected row. ``ratio``: pixels of the screen."""
        key = (state, labelled, None if on is None else on.rgb(), ratio)
        if (mark := self._marks.get(key)) is None:
            mark = QPixmap(round(_MARK * ratio), round(_MARK * ratio))
            mark.setDevicePixelRatio(ratio)
            mark.fill(Qt.GlobalColor.transparent)
            painter = QPainter(mark)
            draw_state(painter, QRectF(0, 0, _MARK, _MARK), state, labelled=labelled, on=on)
            painter.end()
            self._marks[key] = mark
        return mark


def _list_of(model: FrameModel) -> QTableView:
    """A list in a table of one column: a list view looks at every row of a reset model, which takes a quarter of a
    second for a hundred thousand."""
    view = QTableView(showGrid=False, wordWrap=False)
    view.setTabKeyNavigation(False)
    view.setModel(model)
    view.setItemDelegate(FrameDelegate(view))
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.horizontalHeader().hide()
    view.horizontalHeader().setStretchLastSection(True)
    view.horizontalHeader().setMinimumSectionSize(1)
    view.verticalHeader().hide()
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + _ROW_AIR)
    view.setMinimumHeight(view.verticalHeader().defaultSectionSize() + 2)  # small screens have little room
    view.setMouseTracking(True)
    view.setAccessibleName("Frames")
    return view


class FrameListPanel(QWidget):
    """The list, its filters and how far the work has come."""

    frame_requested = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.frames = FrameList(session, self)
        self.model = FrameModel(session, self.frames)
        self.filters = FrameFilters()
        self.list = _list_of(self.model)
        self.counter = quiet_label("", wrap=True)
        self._progress = ProgressBar()
        self._progress.setAccessibleName("Reviewed frames")
        self._progress.setToolTip("How many frames are reviewed")
        self._count_later = QTimer(self, singleShot=True, interval=0)
        self._count_later.timeout.connect(self._count)
        self._lay_out()
        self.filters.wished.connect(self.frames.set_filter)
        self.filters.wished.connect(lambda _: self._count_later.start())
        self.list.selectionModel().currentChanged.connect(self._row_changed)
        self.model.modelReset.connect(self._on_reset)
        self.model.modelReset.connect(self._count_later.start)
        follow = InPlay(session.player, self._follow, parent=self)
        for signal in (session.frame_changed, session.fetcher.destination_changed):
            signal.connect(follow.wish)
        session.review.changed.connect(lambda _: self._count_later.start())
        session.review.reset.connect(self._count_later.start)
        session.report.changed.connect(self._count_later.start)
        session.sequence_changed.connect(self._sequence_changed)
        self._sequence_changed()
        self._count()
        self._follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the frame that is shown in sight."""
        super().resizeEvent(event)
        self.list.scrollTo(self.list.currentIndex())

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self.filters)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.counter)
        layout.addWidget(self._progress)

    def _sequence_changed(self) -> None:
        self.filters.start(self.frames.splits)
        self._count_later.start()

    def _row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.frame_requested.emit(self.frames.frame_at(current.row()))

    def _on_reset(self) -> None:
        self._follow()
        if self.frames.row_of(self._session.destination) is None:
            self.list.scrollToTop()

    def _follow(self) -> None:
        """Mark the row of the frame that is shown, or gone to: a key goes on from there."""
        row = self.frames.row_of(self._session.destination)
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
        sequence = self._session.sequence
        total = len(sequence) if sequence is not None else 0
        self.counter.setText(self.frames.sentence)
        self._progress.setRange(0, max(total, 1))
        self._progress.setValue(self._session.review.count("reviewed"))
