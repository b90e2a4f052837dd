"""The status bar: pointer, pixel value, patches, zoom, what is running, when it was saved."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from app.state.session import Session
from app.views.fine_tune_panel import duration
from app.views.parts import quiet_label
from app.views.tools import Pointer


class StatusLine(QStatusBar):
    """Reads the session and is told about pointer and zoom."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pointer: Pointer | None = None
        self.setSizeGripEnabled(False)
        self.position = self._field(
            "", "x, y and value of the pixel under the pointer", least="x 0000  y 0000   value 00000"
        )
        self.patches = self._field(
            "", "Keep probability of the patches under the pointer", least="4→3 keep 0.00  3→2 keep 0.00"
        )
        self.running = self._field("", "What is running")
        self._progress = QProgressBar(textVisible=False)
        self._progress.setFixedWidth(90)
        self.model = self._field("", "The model in use")
        self.zoom = self._field("", "Screen pixels for each frame pixel", least="10 000 %")
        self.saved = self._field("", "State of the labels on disk", least="saved 00:00:00")
        self.addWidget(self.position)
        self.addWidget(self.patches)
        permanent: tuple[QWidget, ...] = (self.running, self._progress, self.model, self.zoom, self.saved)
        for part in permanent:
            self.addPermanentWidget(part)
        session.jobs.changed.connect(self._read_jobs)
        session.saved.connect(self._read_saved)
        session.document.clean_changed.connect(self._read_saved)
        session.frame_changed.connect(self._read_saved)
        session.sequence_changed.connect(self._read_saved)
        session.model_changed.connect(self._read_model)
        for signal in (session.frame_changed, session.prediction_arrived, session.prediction_cleared):
            signal.connect(self._read_pointer)
        self._read_jobs()
        self._read_saved()
        self._read_model()

    def _field(self, text: str, tip: str, *, least: str = "") -> QLabel:
        label = quiet_label(text)
        label.setToolTip(tip)
        label.setContentsMargins(8, 0, 8, 0)
        if least:
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance(least) + 16)
        label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return label

    def show_pointer(self, pointer: Pointer | None) -> None:
        """Write position, value and keep probabilities of what is under the pointer."""
        self._pointer = pointer
        frame = self._session.frame
        row, column = (-1, -1) if pointer is None else (math.floor(pointer.y + 0.5), math.floor(pointer.x + 0.5))
        if frame is None or not (0 <= row < frame.pixels.shape[0] and 0 <= column < frame.pixels.shape[1]):
            self.position.setText("")
            self.patches.setText("")
            return
        value = frame.pixels[row, column]
        text = f"{float(value):.4g}" if frame.pixels.dtype.kind == "f" else str(int(value))
        self.position.setText(f"x {column}  y {row}   value {text}")
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
        self.zoom.setText(f"{percent:,.0f} %".replace(",", " ") if percent >= 10 else f"{percent:.1f} %")

    def _read_jobs(self) -> None:
        running = self._session.jobs.running
        job = running[-1] if running else None
        self._progress.setVisible(job is not None)
        if job is None:
            self.running.setText("")
            return
        left = "" if job.seconds_left is None else f" · {duration(job.seconds_left)} left"
        more = f" (+{len(running) - 1})" if len(running) > 1 else ""
        self.running.setText(f"{job.text}{left}{more}")
        self._progress.setRange(0, 0 if job.fraction is None else 1000)
        if job.fraction is not None:
            self._progress.setValue(round(job.fraction * 1000))

    def _read_saved(self, _change: object = None) -> None:
        if self._session.sequence is None:
            text = ""
        elif self._session.unsaved:
            text = "not saved yet"
        elif self._session.saved_at is not None:
            text = f"saved {self._session.saved_at.astimezone():%H:%M:%S}"
        else:
            text = "no changes"
        self.saved.setText(text)

    def _read_model(self) -> None:
        model = self._session.model
        self.model.setText("" if model is None else model.name)
        self.model.setToolTip("No model is loaded" if model is None else f"The model in use: {model.path}")
