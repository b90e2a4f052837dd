"""The Cascade panel: how much each stage drops, what it kept, the patch under the pointer, channel attention."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from adsnet.prediction import Decision, Prediction
from app.imaging.colours import ROLES
from app.state.session import Session
from app.views.binding import Throttle, quiet
from app.views.parts import ShareBar, Swatch, heading, quiet_label, rule
from app.views.plots import QuietPlot
from app.views.theme import colours
from app.views.tools import Pointer

_LIVE_MS = 60
ENGINES = ("auto", "dense", "gather", "spconv")


class _StageControls(QWidget):
    """Drop fraction of one stage and what came of it."""

    changed = Signal()

    def __init__(self, stage: int, title: str, tip: str) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setObjectName(f"drop-{stage}")
        self.slider.setAccessibleName(f"Dropped fraction of stage {stage}")
        self.slider.setToolTip(tip)
        self.number = QSpinBox()
        self.number.setRange(0, 100)
        self.number.setSuffix(" %")
        self.number.setAccessibleName(f"Dropped per cent of stage {stage}")
        self.number.setKeyboardTracking(False)
        colour = ROLES[f"patches{stage}"]
        self._bar = ShareBar(colour)
        self._kept = quiet_label("–")
        title_label = QLabel(title)
        title_label.setToolTip(tip)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(7)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(2, 1)
        grid.addWidget(Swatch(colour), 0, 0)
        grid.addWidget(title_label, 0, 1)
        grid.addWidget(self._kept, 0, 2, 1, 2, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(quiet_label("drop"), 1, 0, 1, 2)
        grid.addWidget(self.slider, 1, 2)
        grid.addWidget(self.number, 1, 3)
        grid.addWidget(self._bar, 2, 0, 1, 4)
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._typed)

    @property
    def fraction(self) -> float:
        """The dropped fraction, 0..1."""
        return self.slider.value() / 100

    def set_fraction(self, fraction: float) -> None:
        """Show a dropped fraction without reporting it back."""
        with quiet(self.slider, self.number):
            self.slider.setValue(round(fraction * 100))
            self.number.setValue(round(fraction * 100))

    def show_decision(self, decision: Decision | None, *, predicted: bool) -> None:
        """Show counts of kept patches, or that the detector makes no decision."""
        if decision is None:
            self._bar.set_share(None)
            self._kept.setText("no decision mask" if predicted else "–")
            return
        kept, total = int(decision.kept.sum()), decision.kept.size
        self._bar.set_share(kept / total)
        self._kept.setText(f"{kept} of {total} patches kept · {100 * kept / total:.0f} %")

    def _slid(self, value: int) -> None:
        with quiet(self.number):
            self.number.setValue(value)
        self.changed.emit()

    def _typed(self, value: int) -> None:
        with quiet(self.slider):
            self.slider.setValue(value)
        self.changed.emit()


class CascadePanel(QWidget):
    """Live controls of the aware cascaded sparse module and what it decided."""

    drop_requested = Signal(float, float)
    free_requested = Signal()
    engine_requested = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pointer: Pointer | None = None
        self._stage3 = _StageControls(
            3, "Stage 3", "Share of all patches that stage 4 drops, so that stage 3 does not compute them"
        )
        self._stage2 = _StageControls(
            2, "Stage 2", "Share of all patches that are dropped before stage 2; never less than for stage 3"
        )
        self._patch = quiet_label("Move the pointer over a patch to read its keep probability.", wrap=True)
        self._patch.setMinimumHeight(self._patch.fontMetrics().lineSpacing() * 2 + 2)
        self._patch.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.free = QPushButton()
        self.free.setToolTip("Let the network decide on all patches again (Ctrl+Shift+P); what-if tool: P")
        self.free.clicked.connect(self.free_requested)
        self._bars = {stage: _ChannelBars(stage) for stage in (4, 3)}
        self._engine = QComboBox()
        self._engine.addItems(ENGINES)
        self._engine.setToolTip("How the kept patches are computed; all engines give the same mask")
        self._engine.setAccessibleName("Engine")
        self._engine.activated.connect(lambda index: self.engine_requested.emit(ENGINES[index]))
        self._footer = quiet_label("No prediction yet", wrap=False)
        self._throttle = Throttle(self._emit, interval_ms=_LIVE_MS, parent=self)
        self._lay_out()
        self._stage3.changed.connect(self._stage3_changed)
        self._stage2.changed.connect(self._stage2_changed)
        for controls in (self._stage3, self._stage2):
            controls.slider.sliderReleased.connect(self._throttle.flush)
        session.sparsity_changed.connect(self._read_sparsity)
        session.frame_changed.connect(self._read_forced)
        session.predictions.arrived.connect(self._read_prediction)
        session.predictions.cleared.connect(self._read_prediction)
        self._read_sparsity()
        self._read_prediction()

    def _lay_out(self) -> None:
        charts = QHBoxLayout()
        charts.setSpacing(8)
        for bars in self._bars.values():
            charts.addWidget(bars, 1)
        engine = QHBoxLayout()
        engine.addWidget(self._footer, 1)
        engine.addWidget(self._engine)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(7)
        layout.addWidget(self._stage3)
        layout.addWidget(self._stage2)
        layout.addWidget(rule())
        patch = QHBoxLayout()
        patch.addWidget(self._patch, 1)
        patch.addWidget(self.free)
        layout.addLayout(patch)
        layout.addWidget(rule())
        layout.addWidget(heading("Channel attention"))
        layout.addLayout(charts, 1)
        layout.addLayout(engine)

    def show_pointer(self, pointer: Pointer | None) -> None:
        """Write the keep probabilities of the patches under the pointer."""
        self._pointer = pointer
        prediction = self._session.prediction
        lines = keep_lines(prediction, pointer) if prediction is not None and pointer is not None else []
        self._patch.setText("\n".join(lines) or "Move the pointer over a patch to read its keep probability.")

    def _stage3_changed(self) -> None:
        if self._stage2.fraction < self._stage3.fraction:
            self._stage2.set_fraction(self._stage3.fraction)
        self._throttle.wish()

    def _stage2_changed(self) -> None:
        if self._stage3.fraction > self._stage2.fraction:
            self._stage3.set_fraction(self._stage2.fraction)
        self._throttle.wish()

    def _emit(self) -> None:
        self.drop_requested.emit(self._stage3.fraction, self._stage2.fraction)

    def _read_sparsity(self) -> None:
        if not (self._stage3.slider.isSliderDown() or self._stage2.slider.isSliderDown()):
            first, second = self._session.sparsity.drop
            self._stage3.set_fraction(first)
            self._stage2.set_fraction(second)
        with quiet(self._engine):
            self._engine.setCurrentText(self._session.engine)
        self._read_forced()

    def _read_forced(self) -> None:
        forced = {(f.row, f.column) for f in self._session.sparsity.forced}
        self.free.setText(f"Free {len(forced)} forced")
        self.free.setVisible(bool(forced))

    def _read_prediction(self) -> None:
        self.show_pointer(self._pointer)
        prediction = self._session.prediction
        decisions = {d.applies_to: d for d in prediction.decisions} if prediction else {}
        self._stage3.show_decision(decisions.get(3), predicted=prediction is not None)
        self._stage2.show_decision(decisions.get(2), predicted=prediction is not None)
        channels = {a.stage: a.channel for a in prediction.attentions} if prediction else {}
        for stage, bars in self._bars.items():
            bars.show_values(channels.get(stage))
        if prediction is None:
            self._footer.setText("No prediction yet")
            self._footer.setToolTip("")
        else:
            self._footer.setText(f"{prediction.seconds * 1000:.0f} ms, engine {prediction.engine}")
            self._footer.setToolTip(f"{prediction.detector}, model {prediction.model}")


class _ChannelBars(QWidget):
    """Channel attention of one stage as a bar plot."""

    def __init__(self, stage: int) -> None:
        super().__init__()
        self._stage = stage
        self._title = quiet_label(f"Stage {stage}")
        self._plot = QuietPlot(bottom_axis=False)
        self._plot.setMinimumHeight(48)
        self._plot.setYRange(0, 1, padding=0.02)
        self._plot.getPlotItem().getAxis("left").setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")]])
        self._bars = pg.BarGraphItem(x=[], height=[], width=0.8, pen=None)
        self._plot.addItem(self._bars)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._title)
        layout.addWidget(self._plot, 1)

    def show_values(self, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None) -> None:
        """Show the weights of the channels, or nothing."""
        if values is None or values.size == 0:
            self._bars.setOpts(x=[], height=[])
            self._title.setText(f"Stage {self._stage}: none")
            return
        self._bars.setOpts(x=np.arange(values.size), height=values, brush=QColor(colours().accent))
        self._plot.setXRange(-0.5, values.size - 0.5, padding=0)
        strongest = int(values.argmax())
        self._title.setText(f"Stage {self._stage} · top #{strongest}")
        self._title.setToolTip(f"{values.size} channels; the largest weight is that of channel {strongest}")


def keep_lines(prediction: Prediction, pointer: Pointer) -> list[str]:
    """One line for each decision mask about the patch at an image position; empty outside the frame."""
    lines = []
    for decision in prediction.decisions:
        patch = decision.patch_at(pointer.y + 0.5, pointer.x + 0.5)
        if patch is not None:
            verdict = "kept" if decision.kept[patch] else "dropped"
            probability = float(decision.keep_probability[patch])
            lines.append(f"{decision.decided_at} → {decision.applies_to}:  keep {probability:.3f}, {verdict}")
    return lines
