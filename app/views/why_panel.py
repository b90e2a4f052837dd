"""The Why panel: one line for every target of the label and every false alarm of the frame, with its reason."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from adsnet.diagnosis import SPARSITY, Diagnosis, Verdict
from app.state.verdicts import FrameVerdicts
from app.views.binding import WhileSeen
from app.views.parts import quiet_label
from app.views.theme import colours

_MARKS: dict[Verdict, str] = {
    "found": "✓", "dropped_3": "▨", "dropped_2": "▨", "faint": "◌", "merged": "∪", "off": "↔", "false": "✕",
}  # fmt: skip
_HEADINGS = ("", "x", "y", "Area", "Why")


class WhyPanel(QWidget):
    """The verdicts on the frame.

    Signals:
        place_chosen(float, float): look at this image position.
    """

    place_chosen = Signal(float, float)

    def __init__(self, verdicts: FrameVerdicts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdicts = verdicts
        self.summary = quiet_label("", wrap=True)
        self.reason = quiet_label("", wrap=True)
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAlternatingRowColors(True)
        self.table.setHeaderLabels(list(_HEADINGS))
        self.table.setAccessibleName("Why targets were found or lost")
        header = self.table.header()
        for column in range(len(_HEADINGS) - 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(20)
        header.setStretchLastSection(True)
        self.table.clicked.connect(self._choose)
        self.table.activated.connect(self._choose)
        self.table.currentItemChanged.connect(lambda item, _before: self._explain(item))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.reason)
        verdicts.changed.connect(self._read)
        self._seen = WhileSeen(self, verdicts.refresh)
        verdicts.outdated.connect(self._seen.wish)
        self._seen.wish()
        self._read()

    def _read(self) -> None:
        self.summary.setText(self._verdicts.sentence)
        self.table.clear()
        self.table.addTopLevelItems([_row(one) for one in self._verdicts.current or ()])
        self._explain(None)

    def _explain(self, item: QTreeWidgetItem | None) -> None:
        """Say in full what the column has no room for."""
        self.reason.setText("" if item is None else item.toolTip(len(_HEADINGS) - 1))

    def _choose(self, index: QModelIndex) -> None:
        verdicts = self._verdicts.current or ()
        if 0 <= index.row() < len(verdicts):
            target = verdicts[index.row()].target
            self.place_chosen.emit(target.x, target.y)


def _row(one: Diagnosis) -> QTreeWidgetItem:
    target, c = one.target, colours()
    item = QTreeWidgetItem([_MARKS[one.verdict], f"{target.x:.0f}", f"{target.y:.0f}", str(target.area), one.short])
    for column in (1, 2, 3):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    tint = c.good if one.verdict == "found" else c.warn if one.verdict in SPARSITY else c.bad
    item.setForeground(0, QColor(tint))
    item.setToolTip(4, one.sentence[0].upper() + one.sentence[1:] + ".")
    return item
