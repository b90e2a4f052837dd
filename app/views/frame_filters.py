"""The fields above the list of frames: search, sorting, and a fold with all other filters."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.state.frame_table import LABELS, MEASURES, TARGETS, FrameFilter, Order
from app.state.review import STATES
from app.views.binding import quiet

_TYPING_MS = 120

ORDERS: dict[Order, str] = {
    "sequence": "In order",
    "name": "By name",
    "score": "By score",
    "uncertainty": "By uncertainty",
    "disagreement": "By disagreement",
}
ORDER_TIPS = {
    "sequence": "As in the folder, the split file or the video",
    "name": "Natural order: 2 before 10",
    "score": "The highest probability in the frame, from judging all frames (Ctrl+J)",
    "uncertainty": "Mean binary entropy of the probabilities in and around the predicted mask, 0 to 1 bit",
    "disagreement": "1 − IoU of the predicted mask and the label",
}
TARGET_TITLES = {
    "labelled": "In the label",
    "none labelled": "None in the label",
    "predicted": "Predicted",
    "none predicted": "None predicted",
}


def _toggle(text: str, name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(name)
    button.setCheckable(True)
    button.setAutoRaise(True)
    return button


class FrameFilters(QWidget):
    """Fields for a ``FrameFilter``.

    Signals:
        wished(FrameFilter): the user wants to see other frames, or in another order.
    """

    wished = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLineEdit(placeholderText="Filter by name", clearButtonEnabled=True)
        self.text.setAccessibleName("Filter frames by name")
        self.text.setToolTip("Show only frames with this in their name")
        self.regex = _toggle(
            ".*", "Regular expression", "The text is a regular expression, for instance  sea_0[1-4]|cloud"
        )
        self.more = _toggle("Filters", "More filters", "Filter by review, label, targets, split and score")
        self.order = QComboBox()
        self.order.setAccessibleName("Sort frames")
        self.order.setToolTip("What the frames are sorted by")
        for order, title in ORDERS.items():
            self.order.addItem(title, order)
            self.order.setItemData(self.order.count() - 1, ORDER_TIPS[order], 3)
        self.descending = _toggle("↑", "Sort the other way round", "The largest, or the last, first")
        self.states = self._choice(
            "Filter frames by state", "Show only frames in this state", {state: state.capitalize() for state in STATES}
        )
        self.labels = self._choice(
            "Filter frames by label",
            "Show only frames with, without or with an unsaved label",
            {label: label.capitalize() for label in LABELS},
        )
        self.targets = self._choice(
            "Filter frames by targets",
            "Show only frames with or without targets, in the label or predicted",
            {name: TARGET_TITLES[name] for name in TARGETS},
        )
        self.splits = self._choice("Filter frames by split", "Show only frames that this split file names", {})
        self.low, self.high = self._limit("Lowest score", 0.0), self._limit("Highest score", 1.0)
        self.reset = QPushButton("Show all")
        self.reset.setToolTip("Clear all filters; the order stays")
        self._fold = QWidget()
        self._lay_out()
        self._later = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._later.timeout.connect(self._wish)
        self._connect()

    @staticmethod
    def _choice(name: str, tip: str, titles: dict[str, str]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.addItem("All", "")
        for value, title in titles.items():
            box.addItem(title, value)
        return box

    @staticmethod
    def _limit(name: str, value: float) -> QDoubleSpinBox:
        field = QDoubleSpinBox(minimum=0.0, maximum=1.0, singleStep=0.05, decimals=2, value=value)
        field.setAccessibleName(name)
        field.setToolTip("Show only frames with a score in these limits, from judging all frames")
        return field

    def _lay_out(self) -> None:
        search = QHBoxLayout()
        search.setSpacing(4)
        search.addWidget(self.text, 1)
        search.addWidget(self.regex)
        sorting = QHBoxLayout()
        sorting.setSpacing(4)
        sorting.addWidget(self.order, 1)
        sorting.addWidget(self.descending)
        sorting.addWidget(self.more)
        form = QFormLayout(self._fold)
        form.setContentsMargins(0, 2, 0, 2)
        form.setVerticalSpacing(4)
        form.addRow("Review", self.states)
        form.addRow("Label", self.labels)
        form.addRow("Targets", self.targets)
        form.addRow("Split", self.splits)
        limits = QHBoxLayout()
        limits.addWidget(self.low)
        limits.addWidget(self.high)
        form.addRow("Score from, to", limits)
        form.addRow("", self.reset)
        self._fold.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(search)
        layout.addLayout(sorting)
        layout.addWidget(self._fold)

    def _connect(self) -> None:
        self.text.textChanged.connect(lambda _: self._later.start())
        for field in (self.low, self.high):
            field.valueChanged.connect(lambda _: self._later.start())
        self.order.currentIndexChanged.connect(lambda _: self._order_changed())
        for box in (self.states, self.labels, self.targets, self.splits):
            box.currentIndexChanged.connect(lambda _: self._wish())
        for button in (self.regex, self.descending):
            button.toggled.connect(lambda _: self._wish())
        self.more.toggled.connect(self._fold.setVisible)
        self.reset.clicked.connect(lambda: self._clear())

    @property
    def filter(self) -> FrameFilter:
        """What the fields say."""
        return FrameFilter(
            text=self.text.text(),
            regex=self.regex.isChecked(),
            state=self.states.currentData(),
            label=self.labels.currentData(),
            targets=self.targets.currentData(),
            split=self.splits.currentData(),
            low=round(self.low.value(), 2),
            high=round(self.high.value(), 2),
            order=cast(Order, self.order.currentData()),
            descending=self.descending.isChecked(),
        )

    def start(self, splits: tuple[str, ...]) -> None:
        """Begin with other frames, nothing filtered, in their order; nothing is wished for."""
        with quiet(*self._fields()):
            self.splits.clear()
            self.splits.addItem("All", "")
            for name in splits:
                self.splits.addItem(name, name)
            self.order.setCurrentIndex(0)
            self.descending.setChecked(False)
            self._empty()
        self._later.stop()
        self._mark()

    def _fields(self) -> tuple[QWidget, ...]:
        boxes = (self.order, self.states, self.labels, self.targets, self.splits)
        return (self.regex, self.descending, self.low, self.high, *boxes)

    def _empty(self) -> None:
        self.text.clear()  # with its signals, for the button that clears it hides by them
        self.low.setValue(0.0)
        self.high.setValue(1.0)
        for box in (self.states, self.labels, self.targets, self.splits):
            box.setCurrentIndex(0)

    def _clear(self) -> None:
        with quiet(*self._fields()):
            self._empty()
        self._wish()

    def _order_changed(self) -> None:
        """Of a measure the largest values are what one looks for, of names the first."""
        with quiet(self.descending):
            self.descending.setChecked(self.order.currentData() in MEASURES)
        self._wish()

    def _wish(self) -> None:
        self._later.stop()
        self._mark()
        self.wished.emit(self.filter)

    def _mark(self) -> None:
        """Filters that are folded away still show that they are on."""
        wish = self.filter
        folded = (wish.state, wish.label, wish.targets, wish.split, "score" if wish.limits_score else "")
        count = sum(map(bool, folded))
        self.more.setText(f"Filters ({count})" if count else "Filters")
        self.descending.setText("↓" if wish.descending else "↑")
