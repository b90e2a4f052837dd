"""Current model against candidate on the held-out frames: the figures, and frame by frame what changed."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from adsnet.config import Sparsity
from app.actions.conditions import has_candidate
from app.actions.spec import Situation
from app.state.session import Session
from app.views.parts import ROWS_LOOKED_AT, primary, quiet_label
from app.views.theme import colours

# title, key, factor, format, whether more is better, explanation
_FIGURES = (
    ("Pd", "pd", 100.0, "{:.1f} %", True, "Share of the labelled targets that were found"),
    ("Fa", "fa", 1e6, "{:.1f} · 10⁻⁶", False, "Pixels of false targets, of all pixels"),
    ("nIoU", "niou", 1.0, "{:.3f}", True, "Mean over the frames of the overlap of prediction and label"),
    ("IoU", "iou", 1.0, "{:.3f}", True, "Overlap of prediction and label over all frames together"),
)
_DECIDING = ("pd", "fa", "niou")  # one of these worse, and the candidate is not what is recommended
_VERDICTS = {"better": "▲ better", "worse": "▼ worse", "same": "same"}


class ComparisonView(QWidget):
    """Figures, the list of frames, and the decision."""

    accept_requested = Signal()
    discard_requested = Signal()
    frame_chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._fine_tune = fine_tune = session.fine_tune
        self._cells: dict[str, tuple[QLabel, QLabel]] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for column, title in enumerate(("Held-out frames", "current", "candidate")):
            label = quiet_label(title)
            grid.addWidget(label, 0, column, Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight)
        for row, (title, key, _factor, _form, _more, tip) in enumerate(_FIGURES, start=1):
            name = QLabel(title)
            name.setToolTip(tip)
            before, after = QLabel("–"), QLabel("–")
            self._cells[key] = (before, after)
            grid.addWidget(name, row, 0)
            grid.addWidget(before, row, 1, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(after, row, 2, Qt.AlignmentFlag.AlignRight)
        self.frames = QTreeWidget()
        self.frames.setAccessibleName("Targets won and lost, frame by frame")
        self.frames.setRootIsDecorated(False)
        self.frames.setMinimumHeight(44)  # the panel is to fit a small window
        self.frames.setUniformRowHeights(True)
        self.frames.setHeaderLabels(["Frame", "Found", "False", ""])
        self.frames.headerItem().setToolTip(
            1, "Targets found by the current model → by the candidate, of those labelled"
        )
        self.frames.headerItem().setToolTip(2, "False targets of the current model → of the candidate")
        self.frames.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.frames.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setResizeContentsPrecision(ROWS_LOOKED_AT)
        self.frames.itemActivated.connect(lambda row, _column: self.frame_chosen.emit(row.text(0)))
        self.frames.itemClicked.connect(lambda row, _column: self.frame_chosen.emit(row.text(0)))
        stage3, stage2 = Sparsity().drop
        dropped = f"Both with {100 * stage3:.0f} % and {100 * stage2:.0f} % of the patches dropped."
        conditions = quiet_label(dropped, wrap=True)
        conditions.setToolTip("Dropped fractions of stage 3 and stage 2, those of the paper, whatever the sliders say")
        self.warning = QLabel()
        self.warning.setWordWrap(True)
        self.warning.hide()
        self.accept = primary(QPushButton("Accept candidate"))
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Go on with the current model")
        self.accept.clicked.connect(self.accept_requested)
        self.discard.clicked.connect(self.discard_requested)
        buttons = QHBoxLayout()
        buttons.addWidget(self.discard)
        buttons.addStretch(1)
        buttons.addWidget(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(grid)
        layout.addWidget(conditions)
        layout.addWidget(self.frames, 1)
        layout.addWidget(self.warning)
        layout.addLayout(buttons)
        for signal in (
            fine_tune.evaluated,
            fine_tune.cleared,
            fine_tune.status_changed,
            session.sequence_changed,
            session.project_changed,
        ):
            signal.connect(self.read)
        self.read()

    def read(self, _change: object = None) -> None:
        """Show what the fine-tuning state holds."""
        before, after = self._fine_tune.before, self._fine_tune.after
        worse = []
        for title, key, factor, form, more_is_better, _tip in _FIGURES:
            old = _figure(before.metrics if before else {}, key)
            new = _figure(after.metrics if after else {}, key)
            first, second = self._cells[key]
            first.setText("–" if old is None else form.format(old * factor))
            second.setText("–" if new is None else form.format(new * factor))
            second.setStyleSheet(_emphasis(old, new, more_is_better))
            if key in _DECIDING and _better(old, new, more_is_better) is False:
                worse.append(title)
        self.warning.setText(f"Worse than the current model on the held-out frames: {', '.join(worse)}.")
        self.warning.setVisible(bool(worse))
        primary(self.accept, not worse)
        primary(self.discard, bool(worse))
        self.frames.clear()
        c, rows = colours(), []
        for change in self._fine_tune.comparison() if before and after else ():
            row = QTreeWidgetItem(
                [
                    change.frame,
                    f"{change.found_before} → {change.found_after} of {change.targets}",
                    f"{change.false_before} → {change.false_after}",
                    _VERDICTS[change.verdict],
                ]
            )
            tint = {"better": c.good, "worse": c.bad}.get(change.verdict, c.quiet)
            row.setForeground(3, QBrush(QColor(tint)))
            rows.append(row)
        self.frames.addTopLevelItems(rows)
        reason = has_candidate(Situation(self._session))
        self.accept.setEnabled(reason is None)
        self.discard.setEnabled(reason is None)
        self.accept.setToolTip(reason or "Use the candidate for this sequence from now on; the current model is kept")


def _figure(metrics: dict[str, Any], key: str) -> float | None:
    """A figure that is there and finite."""
    value = metrics.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _better(old: float | None, new: float | None, more_is_better: bool) -> bool | None:
    """Whether the candidate's figure is better or worse; None for a tie, or where one of them is not there."""
    if old is None or new is None or math.isclose(old, new, rel_tol=1e-3, abs_tol=1e-9):
        return None
    return (new > old) == more_is_better


def _emphasis(old: float | None, new: float | None, more_is_better: bool) -> str:
    """Colour and weight of the candidate's figure; a tie is left plain."""
    better = _better(old, new, more_is_better)
    if better is None:
        return ""
    return f"color: {colours().good if better else colours().bad}; font-weight: 600;"
