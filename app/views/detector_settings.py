"""One row of fields for the parameters and the threshold of a traditional detector, with their ranges and help."""

from __future__ import annotations

import dataclasses
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from adsnet.detectors.protocol import SaliencyDetector
from adsnet.detectors.registry import make_detector
from adsnet.detectors.thresholds import RULES, Threshold
from adsnet.errors import ConfigError
from app.state.compared import Detector
from app.views.parts import quiet_label
from app.views.theme import colours

Spin = QSpinBox | QDoubleSpinBox
_THRESHOLD = "k"


class DetectorSettings(QWidget):
    """The fields of the selected detector.

    Signals:
        method_requested(str, object): the name, and the SaliencyDetector as it is wanted.
    """

    method_requested = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._detector: Detector | None = None
        self.fields: dict[str, Spin] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self.trouble = QLabel()
        self.show_detector(None)

    def show_detector(self, detector: Detector | None) -> None:
        """Show the fields of another detector; those of the same one keep what is typed."""
        if detector is not None and self._detector is not None and detector == self._detector and self.fields:
            return
        same = detector is not None and self._detector is not None and detector.name == self._detector.name
        self._detector = detector
        if same and self.fields:
            self._read()
            return
        self._clear()
        method = detector.method if detector is not None else None
        if detector is None or method is None:
            text = "Select a detector to change its threshold and parameters."
            if detector is not None:
                text = (
                    "Its threshold is that of the Targets panel." if detector.model is None else "Its threshold is ½."
                )
            self._row.addWidget(quiet_label(text))
            self._row.addStretch(1)
            return
        for name, about, value in _parameters(method):
            field = _spin(about, value)
            field.setAccessibleName(f"{detector.title}: {name}")
            field.setToolTip(f"{about['help']} From {about['least']:g} to {about['most']:g}.")
            field.valueChanged.connect(self._changed)
            self.fields[name] = field
            self._row.addWidget(QLabel(name))
            self._row.addWidget(field)
        reset = QPushButton("Reset")
        reset.setToolTip("Back to the parameters of the paper and the threshold tuned for this method")
        reset.clicked.connect(self._reset)
        self._row.addWidget(reset)
        self.trouble = QLabel()
        self.trouble.setWordWrap(True)
        self._row.addWidget(self.trouble, 1)

    def _clear(self) -> None:
        self.fields = {}
        while (place := self._row.takeAt(0)) is not None:
            widget = place.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _read(self) -> None:
        """The detector has other values, for instance those of a reset."""
        assert self._detector is not None and self._detector.method is not None
        for name, _about, value in _parameters(self._detector.method):
            field = self.fields[name]
            if field.value() != value:
                field.blockSignals(True)
                field.setValue(value)
                field.blockSignals(False)
        self.trouble.setText("")

    def _changed(self) -> None:
        detector = self._detector
        if detector is None or detector.method is None:
            return
        values: dict[str, Any] = {name: field.value() for name, field in self.fields.items()}
        for name, about, _value in _parameters(detector.method):
            if about["odd"] and values[name] % 2 == 0:
                values[name] += 1
        k = values.pop(_THRESHOLD)
        try:
            method = dataclasses.replace(detector.method.method, **values)  # type: ignore[type-var]
            wanted = dataclasses.replace(
                detector.method, method=method, threshold=Threshold(detector.method.threshold.rule, k)
            )
        except ConfigError as error:
            self.trouble.setText(str(error))
            self.trouble.setStyleSheet(f"color: {colours().bad};")
            return
        self.trouble.setText("")
        self.method_requested.emit(detector.name, wanted)

    def _reset(self) -> None:
        if self._detector is not None:
            self.method_requested.emit(self._detector.name, make_detector(self._detector.name))


def _parameters(detector: SaliencyDetector) -> list[tuple[str, dict[str, Any], Any]]:
    """Name, range with help, and value of the threshold and of every parameter that is one number."""
    rule = RULES[detector.threshold.rule]
    assert rule is not None
    about = {"help": rule.help, "least": rule.least, "most": rule.most, "odd": False}
    found: list[tuple[str, dict[str, Any], Any]] = [(_THRESHOLD, about, detector.threshold.value)]
    for field in dataclasses.fields(detector.method):  # type: ignore[arg-type]
        value = getattr(detector.method, field.name)
        if field.metadata and isinstance(value, int | float):
            found.append((field.name, dict(field.metadata), value))
    return found


def _spin(about: dict[str, Any], value: float) -> Spin:
    if isinstance(value, int):
        field: Spin = QSpinBox()
        field.setRange(int(about["least"]), int(about["most"]))
        field.setSingleStep(2 if about["odd"] else 1)
    else:
        field = QDoubleSpinBox()
        field.setDecimals(2)
        field.setRange(float(about["least"]), float(about["most"]))
        field.setSingleStep(1.0 if about["most"] > 10 else 0.05)
    field.setValue(value)  # type: ignore[arg-type]
    field.setKeyboardTracking(False)
    return field
