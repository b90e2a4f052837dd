"""The Fine-tune panel: which frames, how long, live loss, and afterwards the comparison."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.actions.tuning import FRAME_CHOICES, tuning_summary, why_not_tune
from app.state.session import Session
from app.views.comparison_view import ComparisonView
from app.views.icons import set_icon
from app.views.parts import ProgressBar, primary, quiet_label
from app.views.plots import QuietPlot
from app.views.theme import colours

_DEFAULT_ITERATIONS = 200


class FineTunePanel(QWidget):
    """Start, watch, stop, compare."""

    start_requested = Signal(int, str)
    stop_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._fine_tune = session, session.fine_tune
        self.summary = quiet_label("", wrap=True)
        self.iterations = QSpinBox(minimum=1, maximum=1_000_000, singleStep=50, value=_DEFAULT_ITERATIONS)
        self.iterations.setAccessibleName("Iterations")
        self.iterations.setToolTip("Training steps; a few hundred are enough for corrections")
        self.frames = QComboBox()
        for name, title, tip in FRAME_CHOICES:
            self.frames.addItem(title, name)
            self.frames.setItemData(self.frames.count() - 1, f"Train on the {tip}", Qt.ItemDataRole.ToolTipRole)
        self.frames.setAccessibleName("Frames to train on")
        self.frames.setToolTip("Which frames the model learns from and is compared on")
        self.start = primary(QPushButton("Start"))
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Finish the step, save the candidate and compare it")
        set_icon(self.stop, "stop")
        self.progress = ProgressBar()
        self.progress.setAccessibleName("Progress of the fine-tuning")
        self.progress_text = quiet_label("", wrap=True)
        self.plot = QuietPlot()
        self.plot.setAccessibleName("Loss of each step")
        self.plot.setMinimumHeight(80)
        self.plot.getPlotItem().getAxis("left").setWidth(34)
        self._total = self.plot.plot([], [])  # smooth lines of ten thousand steps take half a second to paint
        self._empty = quiet_label("The loss is drawn here while the model is tuned.", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.comparison = ComparisonView(session)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        loss = QWidget()
        loss_layout = QVBoxLayout(loss)
        loss_layout.setContentsMargins(0, 6, 0, 0)
        loss_layout.addWidget(self._empty, 1)
        loss_layout.addWidget(self.plot, 1)
        self.tabs.addTab(loss, "Loss")
        self.tabs.addTab(self.comparison, "Comparison")
        self._lay_out()
        self.start.clicked.connect(lambda: self.start_requested.emit(self.iterations.value(), self.choice))
        self.frames.currentIndexChanged.connect(self._read_frames)
        self.stop.clicked.connect(self.stop_requested)
        self._fine_tune.status_changed.connect(self._read_status)
        self._fine_tune.progressed.connect(self._read_progress)
        self._fine_tune.evaluated.connect(self._evaluated)
        self._fine_tune.cleared.connect(self._read_status)
        session.review.changed.connect(self._read_frames)
        session.review.reset.connect(self._read_frames)
        session.sequence_changed.connect(self._read_status)
        session.model_changed.connect(self._read_status)
        self._read_status()

    def _lay_out(self) -> None:
        controls = QGridLayout()
        controls.setHorizontalSpacing(8)
        controls.setVerticalSpacing(5)
        controls.setColumnStretch(1, 1)
        controls.addWidget(quiet_label("Frames"), 0, 0)
        controls.addWidget(self.frames, 0, 1, 1, 3)
        controls.addWidget(quiet_label("Iterations"), 1, 0)
        controls.addWidget(self.iterations, 1, 1, Qt.AlignmentFlag.AlignLeft)
        controls.addWidget(self.stop, 1, 2)
        controls.addWidget(self.start, 1, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addLayout(controls)
        layout.addWidget(self.summary)
        layout.addWidget(self.progress)
        layout.addWidget(self.progress_text)
        layout.addWidget(self.tabs, 1)

    @property
    def choice(self) -> str:
        """Which frames are wanted: the first entry of one of ``FRAME_CHOICES``."""
        return str(self.frames.currentData())

    # ---- from the state ---------------------------------------------------------------------------------

    def _read_frames(self, _frame: int = 0) -> None:
        reason = why_not_tune(self._session, self.choice)
        self.start.setEnabled(reason is None)
        self.start.setToolTip(reason or "Tune the current model further, in a process of its own")
        self.summary.setText(reason or tuning_summary(self._session, self.choice))

    def _read_status(self, _status: str = "") -> None:
        self._read_frames()
        status = self._fine_tune.status
        running = status in ("running", "stopping")
        self.iterations.setEnabled(not running)
        self.frames.setEnabled(not running)
        self.stop.setEnabled(status == "running")
        self.stop.setVisible(running)
        self.start.setVisible(not running)
        self.progress.setVisible(running)
        if status == "running" and self._fine_tune.iteration == 0:
            self.tabs.setCurrentIndex(0)
        self._read_progress()

    def _evaluated(self, which: str) -> None:
        if which == "candidate":
            self.tabs.setCurrentIndex(1)

    def _read_progress(self) -> None:
        tune = self._fine_tune
        self.progress.setRange(0, max(tune.iterations, 1) if tune.iteration else 0)
        self.progress.setValue(tune.iteration)
        self.progress_text.setText(progress_line(self._session))
        self.progress_text.setVisible(bool(self.progress_text.text()))
        drawn = bool(tune.steps)
        self._empty.setVisible(not drawn)
        self.plot.setVisible(drawn)
        self._total.setPen(pg.mkPen(QColor(colours().accent), width=1))
        self._total.setData(tune.steps, tune.losses.get("total", []) if drawn else [])


def progress_line(session: Session) -> str:
    """Percent, number and time left; or how the last run ended."""
    tune = session.fine_tune
    if tune.status in ("running", "stopping"):
        if tune.iteration == 0:
            return "Preparing: the current model is judged on the held-out frames…"
        share = 100 * tune.iteration / max(tune.iterations, 1)
        left = "" if tune.seconds_left is None else f" · {duration(tune.seconds_left)} left"
        stopping = "Stopping · " if tune.status == "stopping" else ""
        if tune.iteration >= tune.iterations:
            return f"{stopping}Judging the candidate on the held-out frames…"
        return f"{stopping}{tune.iteration} of {tune.iterations} · {share:.0f} %{left}"
    if tune.status == "failed":
        return f"Failed: {tune.text}"
    if tune.status == "done":
        return f"Done after {tune.iteration} iterations." if tune.iteration else "Tuned in an earlier session."
    if tune.status == "stopped":
        return f"Stopped after {tune.iteration} iterations."
    return ""


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
