"""How much one stage drops: a fraction of the patches or a keep threshold, and what came of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QSlider, QWidget

from adsnet.prediction import Decision
from app.imaging.colours import ROLES
from app.views.binding import quiet
from app.views.parts import ShareBar, Swatch, quiet_label

_TIPS = {
    (3, False): "Share of all patches that stage 4 drops, so that stage 3 does not compute them",
    (2, False): "Share of all patches that are dropped before stage 2; never less than for stage 3",
    (3, True): "Stage 3 computes the patches whose keep probability at stage 4 is above this",
    (2, True): "Stage 2 computes those of the patches left whose keep probability at stage 3 is above this",
}


class StageControls(QWidget):
    """A slider and a number for one stage.

    Signals:
        changed(): the user chose another value.
    """

    changed = Signal()

    def __init__(self, stage: int) -> None:
        super().__init__()
        self._stage = stage
        self._by_threshold = False
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"drop-{stage}")
        self.number = QDoubleSpinBox()
        self.number.setKeyboardTracking(False)
        colour = ROLES[f"patches{stage}"]
        self._bar = ShareBar(colour)
        self._kept = quiet_label("–")
        self._verb = quiet_label()
        self._title = QLabel(f"Stage {stage}")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(7)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(2, 1)
        grid.addWidget(Swatch(colour), 0, 0)
        grid.addWidget(self._title, 0, 1)
        grid.addWidget(self._kept, 0, 2, 1, 2, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self._verb, 1, 0, 1, 2)
        grid.addWidget(self.slider, 1, 2)
        grid.addWidget(self.number, 1, 3)
        grid.addWidget(self._bar, 2, 0, 1, 4)
        self._show_rule()
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._typed)

    @property
    def by_threshold(self) -> bool:
        """Whether the value is a keep threshold; else it is a dropped fraction."""
        return self._by_threshold

    @property
    def value(self) -> float:
        """The dropped fraction or the keep threshold, 0..1."""
        return self.slider.value() / self._steps

    def set_rule(self, *, by_threshold: bool) -> None:
        """Choose what the value means."""
        if by_threshold != self._by_threshold:
            self._by_threshold = by_threshold
            self._show_rule()

    def set_value(self, value: float) -> None:
        """Show a value, 0..1, without reporting it back."""
        steps = round(value * self._steps)
        with quiet(self.slider, self.number):
            self.slider.setValue(steps)
            self.number.setValue(steps / self._a_unit)

    def show_decision(self, decision: Decision | None, *, predicted: bool) -> None:
        """Show counts of kept patches, or that the detector makes no decision."""
        if decision is None:
            self._bar.set_share(None)
            self._kept.setText("no decision mask" if predicted else "–")
            return
        kept, total = int(decision.kept.sum()), decision.kept.size
        self._bar.set_share(kept / total)
        self._kept.setText(f"{kept} of {total} patches kept · {100 * kept / total:.0f} %")

    @property
    def _steps(self) -> int:
        """Of the slider from 0 to 1. Half of the keep probabilities of a quiet frame are below a tenth."""
        return 1000 if self._by_threshold else 100

    @property
    def _a_unit(self) -> int:
        """Steps of the slider in 1 of the number: a per cent, or a probability of 1."""
        return 1000 if self._by_threshold else 1

    def _show_rule(self) -> None:
        stage, by_threshold = self._stage, self._by_threshold
        with quiet(self.slider, self.number):
            self.slider.setRange(0, self._steps)
            self.slider.setPageStep(self._steps // 10)
            self.number.setDecimals(3 if by_threshold else 0)
            self.number.setRange(0, 1 if by_threshold else 100)
            self.number.setSingleStep(0.01 if by_threshold else 1)
            self.number.setSuffix("" if by_threshold else " %")
        what = "Keep threshold" if by_threshold else "Dropped fraction"
        self.slider.setAccessibleName(f"{what} of stage {stage}")
        self.number.setAccessibleName(f"{'Keep threshold' if by_threshold else 'Dropped per cent'} of stage {stage}")
        self._verb.setText("keep above" if by_threshold else "drop")
        for widget in (self.slider, self.number, self._title):
            widget.setToolTip(_TIPS[stage, by_threshold])

    def _slid(self, value: int) -> None:
        with quiet(self.number):
            self.number.setValue(value / self._a_unit)
        self.changed.emit()

    def _typed(self, value: float) -> None:
        with quiet(self.slider):
            self.slider.setValue(round(value * self._a_unit))
        self.changed.emit()
