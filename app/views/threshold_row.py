"""The threshold of the probability as one row: word, slider and number."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from app.views.binding import Throttle, quiet
from app.views.parts import quiet_label

_LIVE_MS = 40


class ThresholdRow(QWidget):
    """Asks for another threshold while the slider moves.

    Args:
        margin: hundredths that the slider leaves out at both ends.

    Signals:
        chosen(float): the user wants this threshold, 0..1.
    """

    chosen = Signal(float)

    def __init__(self, *, margin: int) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(margin, 100 - margin)
        self.slider.setAccessibleName("Threshold of the probability")
        self.slider.setToolTip("Probability above which a pixel counts; the network is not run again")
        self.text = quiet_label()
        ask = Throttle(lambda: self.chosen.emit(self.slider.value() / 100), interval_ms=_LIVE_MS, parent=self)
        self.slider.valueChanged.connect(ask.wish)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(7)
        row.addWidget(quiet_label("Threshold"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.text)

    def show_value(self, threshold: float) -> None:
        """Show a threshold, 0..1, without asking for it; a slider that is being dragged stays where the hand is."""
        if not self.slider.isSliderDown():
            with quiet(self.slider):
                self.slider.setValue(round(threshold * 100))
        self.text.setText(f"{threshold:.2f}")
