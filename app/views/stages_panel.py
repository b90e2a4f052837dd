"""The Stages strip: the frame's way through the cascade, one picture for each step, with what the step cost.

A click on a step lays it over the frame; the pointer on the canvas is marked in every picture with the value there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QWidget

from adsnet.prediction import FloatMap, Prediction
from app.imaging.thumbnail import decision_rgba, frame_rgba, map_rgba, mask_rgba
from app.state.display import FEATURES
from app.state.session import Session
from app.views.binding import InPlay, WhileSeen
from app.views.stage_card import ChannelCard, StageCard
from app.views.tools import Pointer


class Step(NamedTuple):
    """One step of the strip. ``layer``: the overlay that shows it; ``stages``: whose cost it has."""

    title: str
    layer: str | None
    stages: tuple[str, ...]
    tip: str


def _distribution(stage: int, cost: tuple[str, ...]) -> tuple[Step, ...]:
    return (
        Step(
            f"Before {stage}", f"joined {stage}", (),
            f"F′ at stage {stage}, eq. (2): level B{stage} and the global feature added; both attentions look at it",
        ),
        Step(
            f"Attention {stage}", f"attention{stage}", cost,
            f"Spatial attention of the AFD at stage {stage}, eq. (4); the cost of the AFD is that of all its stages",
        ),
        Step(
            f"Channels {stage}", None, (),
            f"Stage {stage}. Above: channel attention, eq. (3). Below: strength of every channel before the AFD (up) "
            "and after it (down). A click shows the weights large",
        ),
        Step(
            f"After {stage}", f"F{stage}", (),
            f"F{stage}, eq. (5): the level through the gate of both attentions, and the global feature",
        ),
    )  # fmt: skip


STEPS: tuple[Step, ...] = (
    Step("Frame", None, (), "The frame as the network gets it; a click takes all steps off the canvas"),
    Step("B2", "B2", ("stem", "B2"), "Strength of the features of the backbone at stride 4; cost with the stem"),
    Step("B3", "B3", ("B3",), "Strength of the features of the backbone at stride 8"),
    Step("B4", "B4", ("B4",), "Strength of the features of the backbone at stride 16"),
    *_distribution(4, ("AFD",)),
    *_distribution(3, ()),
    Step("Decide 4 → 3", "patches3", ("stage 4", "decision 3"), "Keep probabilities of stage 4; dropped patches dark"),
    Step("Decide 3 → 2", "patches2", ("stage 3", "decision 2"), "Keep probabilities of stage 3; dropped patches dark"),
    Step(
        "Probability", "probability", ("stage 2", "stride 2", "stride 1", "head"),
        "What stage 2 and the finer stages make of the patches that are left",
    ),
    Step("Mask", "mask", (), "The probability above the threshold; the cost is that of all steps"),
)  # fmt: skip


class StagesPanel(QScrollArea):
    """All steps in a row. The features are only computed while the strip is visible.

    Signals:
        layer_requested(str, bool): show or hide an overlay.
        channels_requested(): show the channel attentions large.
    """

    layer_requested = Signal(str, bool)
    channels_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.channels: dict[int, ChannelCard] = {}
        self.cards: dict[str, StageCard] = {}
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        for step in STEPS:
            stage = next((s for s in (4, 3) if step.title == f"Channels {s}"), None)
            if stage is None:
                card = StageCard(step.title, step.tip, checkable=step.layer is not None)
            else:
                card = self.channels[stage] = ChannelCard(step.title, step.tip)
            self.cards[step.title] = card
            layout.addWidget(card)
            card.clicked.connect(lambda checked, step=step: self._clicked(step, checked))
        layout.addStretch(1)
        self.setWidget(row)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(row.sizeHint().height() + self.horizontalScrollBar().sizeHint().height())
        self._seen = InPlay(session.player, WhileSeen(row, self._read).wish, parent=self)
        self._missed = WhileSeen(row, session.predictions.features.want)
        predictions = session.predictions
        for signal in (predictions.arrived, predictions.cleared, session.frame_changed, session.sequence_changed):
            signal.connect(self._seen.wish)
        predictions.threshold_changed.connect(self._seen.wish)
        predictions.arrived.connect(self._missed.wish)
        predictions.features.changed.connect(self._read_features)
        session.display.levels_changed.connect(self._seen.wish)
        session.display.colour_map_changed.connect(self._seen.wish)
        session.display.overlay_changed.connect(self._read_layers)
        self._seen.wish()
        self._missed.wish()
        self._read_features()
        self._read_layers()

    def show_pointer(self, pointer: Pointer | None) -> None:
        """Mark the pointer of the canvas in every picture."""
        frame = self._session.frame
        at = None
        if pointer is not None and frame is not None:
            height, width = frame.pixels.shape
            x, y = (pointer.x + 0.5) / width, (pointer.y + 0.5) / height
            at = QPointF(x, y) if 0 <= x < 1 and 0 <= y < 1 else None
        for card in self.cards.values():
            card.show_pointer(at)

    def _clicked(self, step: Step, checked: bool) -> None:
        if step.layer is not None:
            self.layer_requested.emit(step.layer, checked)
        elif step.title == "Frame":
            for other in STEPS:
                if other.layer is not None:
                    self.layer_requested.emit(other.layer, False)
        else:
            self.channels_requested.emit()

    def _read_layers(self, _name: str = "") -> None:
        for step in STEPS:
            if step.layer is not None:
                self.cards[step.title].setChecked(self._session.display.visible(step.layer))

    def _read(self) -> None:
        prediction = self._session.prediction
        self._show_frame()
        self._show_maps(prediction)
        self._read_channels()
        costs = {stage.name: stage for stage in prediction.stages} if prediction is not None else {}
        for step in STEPS:
            self.cards[step.title].show_cost([costs[stage] for stage in step.stages if stage in costs])
        self.cards["Mask"].show_cost(list(costs.values()))

    def _show_frame(self) -> None:
        frame, display = self._session.frame, self._session.display
        if frame is None:
            self.cards["Frame"].show_map(None)
            return
        rgba = frame_rgba(frame.pixels, display.levels, colour_map=display.colour_map, gamma=display.gamma)
        self.cards["Frame"].show_map(rgba, frame.pixels)

    def _show_maps(self, prediction: Prediction | None) -> None:
        """The steps of which the prediction tells."""
        mask = self._session.predictions.mask
        if prediction is None or mask is None:
            for step in STEPS:
                if step.layer not in (None, *FEATURES):
                    self.cards[step.title].show_map(None)
            return
        shape, padded = prediction.probability.shape, prediction.padded_shape
        for attention in prediction.attentions:
            if attention.spatial.size and attention.stage in self.channels:
                values, covered = inside(attention.spatial, shape, padded)
                self.cards[f"Attention {attention.stage}"].show_map(map_rgba(values), values, covered)
        for decision in prediction.decisions:
            values, covered = inside(decision.keep_probability, shape, padded)
            picture = decision_rgba(decision)[: values.shape[0], : values.shape[1]]
            self.cards[f"Decide {decision.decided_at} → {decision.applies_to}"].show_map(
                np.ascontiguousarray(picture), values, covered
            )
        self.cards["Probability"].show_map(map_rgba(prediction.probability), prediction.probability)
        self.cards["Mask"].show_map(mask_rgba(mask), mask)

    def _read_features(self) -> None:
        features, frame = self._session.predictions.features, self._session.frame
        for step in STEPS:
            if step.layer not in FEATURES or step.layer is None:
                continue
            strength = features.map(step.layer)
            if strength is None or features.current is None or frame is None:
                self.cards[step.title].show_map(None)
            else:
                values, covered = inside(strength.values, frame.pixels.shape, features.current.padded_shape)
                self.cards[step.title].show_map(map_rgba(values), values, covered)
        self._read_channels()

    def _read_channels(self) -> None:
        prediction, features = self._session.prediction, self._session.predictions.features
        weights = {a.stage: a.channel for a in prediction.attentions} if prediction is not None else {}
        for stage, card in self.channels.items():
            before, after = features.map(f"joined {stage}"), features.map(f"F{stage}")
            card.show_channels(
                weights.get(stage), before.channels if before else None, after.channels if after else None
            )


def inside(
    values: FloatMap, shape: tuple[int, ...], padded_shape: tuple[int, int]
) -> tuple[FloatMap, tuple[float, float]]:
    """The cells of a stage map that lie in the frame, without those of the padding alone.

    Returns:
        the cells, and the shares of their rows and columns in the frame: the last cell may lie across its edge.
    """
    counts, shares = [], []
    for side, cells, padded in zip(shape, values.shape, padded_shape, strict=True):
        count = -(-side * cells // padded)
        counts.append(count)
        shares.append(side * cells / (padded * count))
    return values[: counts[0], : counts[1]], (shares[0], shares[1])
