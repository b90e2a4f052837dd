"""The Cascade panel: how much each stage drops, what it kept, the patch under the pointer, channel attention."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from adsnet.config import Sparsity
from adsnet.prediction import Prediction
from app.state.session import Session
from app.state.turns import Later
from app.views.binding import Throttle, quiet
from app.views.parts import heading, quiet_label, rule, tool_button
from app.views.plots import QuietPlot
from app.views.stage_controls import StageControls
from app.views.theme import colours
from app.views.tools import Pointer

_LIVE_MS = 60
ENGINES = ("auto", "dense", "gather", "spconv")


class CascadePanel(QWidget):
    """Live controls of the aware cascaded sparse module and what it decided."""

    drop_requested = Signal(float, float)
    threshold_requested = Signal(float, float)
    free_requested = Signal()
    engine_requested = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pointer: Pointer | None = None
        self._thresholds = session.settings.keep_stage3, session.settings.keep_stage2
        self.rule = QComboBox()
        self.rule.addItems(["Drop a fraction of the patches", "Keep patches above a threshold"])
        self.rule.setAccessibleName("How patches are chosen")
        self.rule.setToolTip(
            "A fraction always drops as many patches; a threshold drops those with a lower keep probability, however "
            "many they are. 0.5 is what the network itself decides"
        )
        self.rule.activated.connect(self._rule_chosen)
        self.reset = tool_button("reset", "Back to the fractions of the paper: 25 % and 50 %")
        self.reset.clicked.connect(lambda: self.drop_requested.emit(*Sparsity().drop))
        self._stage3 = StageControls(3)
        self._stage2 = StageControls(2)
        self._patch = quiet_label("Move the pointer over a patch to read its keep probability.", wrap=True)
        self._patch.setMinimumHeight(self._patch.fontMetrics().lineSpacing() * 2 + 2)
        self._patch.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.free = QPushButton()
        self.free.setToolTip("Let the network decide on all patches again; the what-if tool forces them")
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
        prediction = Later(self._read_prediction, parent=self)
        session.predictions.arrived.connect(prediction.wish)
        session.predictions.cleared.connect(prediction.wish)
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
        rule_row = QHBoxLayout()
        rule_row.addWidget(self.rule, 1)
        rule_row.addWidget(self.reset)
        layout.addLayout(rule_row)
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

    def _rule_chosen(self, index: int) -> None:
        sparsity = self._session.sparsity
        if index == 0 and sparsity.threshold is not None:
            self.drop_requested.emit(*sparsity.drop)
        elif index == 1 and sparsity.threshold is None:
            self.threshold_requested.emit(*self._thresholds)

    def _stage3_changed(self) -> None:
        # Dropped fractions are cumulative; a patch that stage 4 dropped stays dropped whatever the threshold.
        if not self._stage3.by_threshold and self._stage2.value < self._stage3.value:
            self._stage2.set_value(self._stage3.value)
        self._throttle.wish()

    def _stage2_changed(self) -> None:
        if not self._stage2.by_threshold and self._stage3.value > self._stage2.value:
            self._stage3.set_value(self._stage2.value)
        self._throttle.wish()

    def _emit(self) -> None:
        wish = self.threshold_requested if self._stage3.by_threshold else self.drop_requested
        wish.emit(self._stage3.value, self._stage2.value)

    def _read_sparsity(self) -> None:
        sparsity = self._session.sparsity
        self._thresholds = sparsity.threshold or self._thresholds
        if not (self._stage3.slider.isSliderDown() or self._stage2.slider.isSliderDown()):
            values = sparsity.drop if sparsity.threshold is None else sparsity.threshold
            for controls, value in zip((self._stage3, self._stage2), values, strict=True):
                controls.set_rule(by_threshold=sparsity.threshold is not None)
                controls.set_value(value)
        self.rule.setCurrentIndex(0 if sparsity.threshold is None else 1)
        self.reset.setEnabled(sparsity.without_forced() != Sparsity())
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
        self._plot.setAccessibleName(f"Channel attention of stage {stage}")
        self._plot.setMinimumHeight(30)
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
