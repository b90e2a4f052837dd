"""The status bar: pointer, pixel value, patches, zoom, what is running, when it was saved."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from app.imaging.probe import Reading, read_at
from app.state.session import Session
from app.views.fine_tune_panel import duration
from app.views.parts import ProgressBar
from app.views.tools import Pointer

_CONTRAST_TIP = (
    "Mean of the target under the pointer, or of the 3 × 3 pixels where there is none, minus the mean of its "
    "surroundings (20 pixels around); SCR is this over the deviation of the surroundings"
)
_KEPT = 340  # pixels: a name of a job, its progress and the time that is left
_STOPPED_BY = {"train": "model.stop", "judge": "model.stop_judging", "compare": "compare.stop"}
"""The action that stops a kind of job; others end by themselves in a moment."""


class Field(QLabel):
    """One line of secondary text that asks for its room and lives with less: then it ends in dots.

    The text is its own and not that of the label, which would have the whole line laid out and painted anew at every
    move of the pointer.
    """

    MARGIN = 8

    def __init__(self, tip: str, *, least: str = "", kept: int = 0) -> None:
        super().__init__()
        self._least, self._kept = least, kept
        self._text = ""
        self.setProperty("quiet", True)
        self.setToolTip(tip)

    def text(self) -> str:
        """What is written."""
        return self._text

    def setText(self, text: str) -> None:
        """Write something else; other fields only move where it asks for another room."""
        if text == self._text:
            return
        before = self.sizeHint()
        self._text = text
        self.setAccessibleName(text)
        if self.sizeHint() != before:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the text, and for the usual one, so that the line does not jump."""
        metrics = self.fontMetrics()
        width = max(metrics.horizontalAdvance(text) for text in (self._text, self._least))
        return QSize(width + 2 * self.MARGIN + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        """A window on a small screen must not grow for it; ``kept`` pixels of text stay."""
        return QSize(min(self.sizeHint().width(), max(self._kept, 3 * self.MARGIN)), self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what fits."""
        painter = QPainter(self)
        rect = self.rect().adjusted(self.MARGIN, 0, -self.MARGIN, 0)
        text = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, rect.width())
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.style().drawItemText(painter, rect, flags, self.palette(), self.isEnabled(), text, self.foregroundRole())


class StatusLine(QStatusBar):
    """Reads the session and is told about pointer and zoom.

    Signals:
        stop_requested(str): the running job is to be stopped by the action with this id.
    """

    stop_requested = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pointer: Pointer | None = None
        self._zoom_text = ""
        self._stops = ""
        self.setSizeGripEnabled(False)
        self.position = Field("x, y and value of the pixel under the pointer", least="x 0000  y 0000   value 00000")
        self.contrast = Field(_CONTRAST_TIP, least="contrast −00000   SCR 00.0  target")
        self.patches = Field("Keep probability of the patches under the pointer", least="4→3 keep 0.00  3→2 keep 0.00")
        self.running = Field("What is running", kept=_KEPT)
        self._progress = ProgressBar()
        self._progress.setFixedWidth(90)
        self._progress.setAccessibleName("Progress of what is running")
        self.stop = QToolButton()
        self.stop.setText("Stop")
        self.stop.setToolTip("Stop what is running; what is done so far is kept")
        self.stop.setProperty("narrow", True)
        self.stop.setMaximumHeight(self.fontMetrics().height() + 1)  # the line is not to grow for it
        self.stop.clicked.connect(self._stop)
        self.model = Field("The model in use")
        self.zoom = Field("Screen pixels for each frame pixel", least="CLAHE · 10 000 %")
        self.saved = Field("State of the labels and reviews on disk", least="saved 00:00:00")
        self.addWidget(self.position)
        self.addWidget(self.contrast)
        self.addWidget(self.patches)
        permanent: tuple[QWidget, ...] = (self.running, self._progress, self.stop, self.model, self.zoom, self.saved)
        for part in permanent:
            self.addPermanentWidget(part)
        session.display.levels_changed.connect(self._read_view)
        session.jobs.changed.connect(self._read_jobs)
        session.saved.connect(self._read_saved)
        session.review.changed.connect(self._read_saved)
        session.document.clean_changed.connect(self._read_saved)
        session.frame_changed.connect(self._read_saved)
        session.sequence_changed.connect(self._read_saved)
        session.model_changed.connect(self._read_model)
        for signal in (session.frame_changed, session.prediction_arrived, session.prediction_cleared):
            signal.connect(self._read_pointer)
        self._read_jobs()
        self._read_saved()
        self._read_model()

    def show_pointer(self, pointer: Pointer | None) -> None:
        """Write position, value and keep probabilities of what is under the pointer."""
        self._pointer = pointer
        session, frame = self._session, self._session.frame
        reading = None
        if frame is not None and pointer is not None:
            document = session.document
            # The target under a brush grows with every move; to measure a long stroke again each time would hold it up.
            label = document.mask if document.is_open and not document.stroke_active else None
            reading = read_at(frame.pixels, pointer.x, pointer.y, masks=(session.predictions.mask, label))
        if frame is None or reading is None:
            for field in (self.position, self.contrast, self.patches):
                field.setText("")
            return
        row, column, whole = reading.row, reading.column, frame.pixels.dtype.kind == "u"
        self.position.setText(f"x {column}  y {row}   value {_number(reading.value, whole)}")
        self.contrast.setText(_contrast_text(reading, whole))
        prediction = self._session.prediction
        parts = []
        for decision in prediction.decisions if prediction is not None else ():
            patch = decision.patch_at(row + 0.5, column + 0.5)
            if patch is not None:
                keep = float(decision.keep_probability[patch])
                parts.append(f"{decision.decided_at}→{decision.applies_to} keep {keep:.2f}")
        self.patches.setText("  ".join(parts))

    def _read_pointer(self) -> None:
        """What is under the resting pointer has changed."""
        self.show_pointer(self._pointer)

    def show_zoom(self, zoom: float) -> None:
        """Write the zoom in per cent."""
        percent = zoom * 100
        self._zoom_text = f"{percent:,.0f} %".replace(",", " ") if percent >= 10 else f"{percent:.1f} %"
        self._read_view()

    def _read_view(self) -> None:
        """Whoever sees another picture than the frame itself is told so."""
        self.zoom.setText(f"CLAHE · {self._zoom_text}" if self._session.display.clahe else self._zoom_text)

    def _read_jobs(self) -> None:
        running = self._session.jobs.running
        # A job of a moment does not hide a long one, which can be stopped here.
        job = max(running, key=lambda job: (job.kind in _STOPPED_BY, job.number), default=None)
        self._progress.setVisible(job is not None)
        self._stops = _STOPPED_BY.get(job.kind, "") if job is not None else ""
        self.stop.setVisible(bool(self._stops))
        self.running.setToolTip("\n".join(job.text for job in running) or "What is running")
        if job is None:
            self.running.setText("")
            return
        percent = "" if job.fraction is None else f" {100 * job.fraction:.0f} %"
        left = "" if job.seconds_left is None else f" · {duration(job.seconds_left)} left"
        more = f" (+{len(running) - 1})" if len(running) > 1 else ""
        self.running.setText(f"{job.text}{percent}{left}{more}")
        self._progress.setRange(0, 0 if job.fraction is None else 1000)
        if job.fraction is not None:
            self._progress.setValue(round(job.fraction * 1000))

    def _stop(self) -> None:
        if self._stops:
            self.stop_requested.emit(self._stops)

    def _read_saved(self, _change: object = None) -> None:
        if self._session.sequence is None:
            text = ""
        elif self._session.unsaved:
            text = "not saved yet"
        elif (last := self._session.saving.last_write) is not None:
            text = f"{last.what} {last.when.astimezone():%H:%M:%S}"
        else:
            text = "no changes"
        self.saved.setText(text)

    def _read_model(self) -> None:
        model = self._session.model
        self.model.setText("no model yet" if model is None else model.name)
        self.model.setToolTip(
            "The network is starting, or its model could not be loaded"
            if model is None
            else f"The model in use: {model.path}"
        )


def _number(value: float, whole: bool) -> str:
    return str(int(value)) if whole else f"{value:.4g}"


def _contrast_text(reading: Reading, whole: bool) -> str:
    """Contrast in native values and SCR, as far as there are any."""
    difference, ratio = reading.contrast.difference, reading.contrast.scr
    if not math.isfinite(difference):
        return ""
    text = f"{difference:+.0f}" if whole else f"{difference:+.3g}"
    scr = f"{ratio:.1f}" if math.isfinite(ratio) else "–"
    return f"contrast {text.replace('-', '−')}   SCR {scr}  {'target' if reading.on_target else '3 × 3'}"
