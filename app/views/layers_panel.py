"""The Layers panel: one row for each overlay with its switch, key and opacity."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QSizePolicy, QSlider, QToolButton, QVBoxLayout, QWidget

from app.imaging.colours import ROLES
from app.state.session import Session
from app.state.turns import Later
from app.views.binding import quiet
from app.views.icons import set_icon
from app.views.parts import Swatch, quiet_label, tool_button


@dataclass(frozen=True)
class LayerRow:
    """One overlay: its name in the display state, title, colour of the swatch and explanation."""

    name: str
    title: str
    colour: tuple[int, int, int] | None
    tip: str


_HEAT = (238, 120, 60)
LAYER_ROWS = (
    LayerRow("mask", "Prediction", ROLES["prediction"], "Pixels that the network takes for a target"),
    LayerRow("label", "Label", ROLES["label"], "The label mask: what you draw and what is saved"),
    LayerRow(
        "patches3", "Patches 4 → 3", ROLES["patches3"],
        "Decision mask of stage 4: hatched patches are dropped, stage 3 does not compute them",
    ),
    LayerRow(
        "patches2", "Patches 3 → 2", ROLES["patches2"],
        "Decision mask of stage 3: hatched patches are dropped, stage 2 does not compute them",
    ),
    LayerRow("attention4", "Attention, stage 4", _HEAT, "Spatial attention, AFD at stage 4; from least to most"),
    LayerRow("attention3", "Attention, stage 3", _HEAT, "Spatial attention, AFD at stage 3; faint where skipped"),
    LayerRow("probability", "Probability", _HEAT, "Probability of each pixel to belong to a target"),
    LayerRow(
        "verdicts", "Found and missed", ROLES["found"],
        "Label against prediction: circle found, dashed square missed, dotted diamond false; counted in Targets",
    ),
)  # fmt: skip


class LayersPanel(QWidget):
    """Switches and opacities of the overlays."""

    visible_requested = Signal(str, bool)
    opacity_requested = Signal(str, float)
    outline_requested = Signal(bool)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._display = session.display
        self._session = session
        self.switches: dict[str, QToolButton] = {}
        self.key_labels: dict[str, QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        self._sliders: dict[str, QSlider] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(7)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(2, 1)
        for row, layer in enumerate(LAYER_ROWS):
            self._add_row(grid, row, layer)
        self.outline = QCheckBox("Outlines only")
        self.outline.setToolTip("Draw the borders of prediction and label without filling them")
        self.outline.toggled.connect(self.outline_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 8)
        layout.setSpacing(5)
        layout.addLayout(grid)
        layout.addWidget(self.outline)
        layout.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._display.overlay_changed.connect(self._read)
        available = Later(self._read_available, parent=self)
        session.predictions.arrived.connect(available.wish)
        session.predictions.cleared.connect(available.wish)
        self._read()
        self._read_available()

    def _add_row(self, grid: QGridLayout, row: int, layer: LayerRow) -> None:
        switch = tool_button("eye", f"Show or hide: {layer.title}", checkable=True)
        switch.setProperty("plain", True)
        switch.setObjectName(f"layer-{layer.name}")
        switch.toggled.connect(lambda on, name=layer.name: self.visible_requested.emit(name, on))
        title = QLabel(layer.title)
        title.setToolTip(layer.tip)
        key = self.key_labels[layer.name] = quiet_label()
        key.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(5, 100)
        slider.setFixedWidth(92)
        slider.setToolTip(f"Opacity: {layer.title}")
        slider.setAccessibleName(f"Opacity: {layer.title}")
        slider.valueChanged.connect(lambda value, name=layer.name: self.opacity_requested.emit(name, value / 100))
        self.switches[layer.name], self._titles[layer.name], self._sliders[layer.name] = switch, title, slider
        grid.addWidget(switch, row, 0)
        grid.addWidget(Swatch(layer.colour or _HEAT), row, 1)
        grid.addWidget(title, row, 2)
        grid.addWidget(key, row, 3)
        grid.addWidget(slider, row, 4)

    def _read(self, _name: str = "") -> None:
        for layer in LAYER_ROWS:
            switch, slider = self.switches[layer.name], self._sliders[layer.name]
            on = self._display.visible(layer.name)
            with quiet(switch, slider):
                switch.setChecked(on)
                slider.setValue(round(self._display.opacity(layer.name) * 100))
            set_icon(switch, "eye" if on else "eye-off")
            slider.setEnabled(on)
        with quiet(self.outline):
            self.outline.setChecked(self._display.outline_only)

    def _read_available(self) -> None:
        """Grey out the layers that the prediction shown has nothing for."""
        prediction = self._session.prediction
        applies = {d.applies_to for d in prediction.decisions} if prediction else set()
        stages = {a.stage for a in prediction.attentions if a.spatial.size} if prediction else set()
        there = {
            "patches3": 3 in applies, "patches2": 2 in applies, "attention4": 4 in stages, "attention3": 3 in stages,
            "mask": prediction is not None, "probability": prediction is not None, "verdicts": prediction is not None,
        }  # fmt: skip
        for layer in LAYER_ROWS:
            self._titles[layer.name].setEnabled(there.get(layer.name, self._session.document.is_open))
