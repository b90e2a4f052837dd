"""The Stages strip: the frame's way through the cascade, one picture for each step, with what the step cost.

A click on a step lays it over the frame; the pointer on the canvas is marked in every picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QScrollArea, QSizePolicy, QWidget

from adsnet.prediction import Attention, FloatMap, Prediction, StageCost
from app.imaging.overlay import Rgba
from app.imaging.thumbnail import decision_rgba, frame_rgba, map_rgba, mask_rgba
from app.state.session import Session
from app.views.binding import WhileSeen
from app.views.theme import colours
from app.views.tools import Pointer

_PICTURE = QSize(76, 57)
_PAD = 5
_LINES = 3


class Step(NamedTuple):
    """One step of the strip. ``layer``: the overlay that shows it; ``stages``: whose cost it has."""

    title: str
    layer: str | None
    stages: tuple[str, ...]
    tip: str


STEPS: tuple[Step, ...] = (
    Step("Frame", None, (), "The frame as the network gets it; a click takes all steps off the canvas"),
    Step("Backbone", None, ("stem", "B2", "B3", "B4"), "Features at stride 2, 4, 8 and 16: computed everywhere"),
    Step("Attention 4", "attention4", ("AFD",), "Spatial attention of the AFD at stage 4; the cost is that of the AFD"),
    Step("Attention 3", "attention3", (), "Spatial attention of the AFD at stage 3; computed with that of stage 4"),
    Step("Decide 4 → 3", "patches3", ("stage 4", "decision 3"), "Keep probabilities of stage 4; dropped patches dark"),
    Step("Decide 3 → 2", "patches2", ("stage 3", "decision 2"), "Keep probabilities of stage 3; dropped patches dark"),
    Step(
        "Probability", "probability", ("stage 2", "stride 2", "stride 1", "head"),
        "What stage 2 and the finer stages make of the patches that are left",
    ),
    Step("Mask", "mask", (), "The probability above the threshold; the cost is that of all steps"),
)  # fmt: skip


class StageCard(QAbstractButton):
    """A picture with a title and its cost; checked while its overlay is shown."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step
        self.cost: tuple[str, ...] = ()
        self._bars: dict[str, float] = {}
        self._picture: QPixmap | None = None
        self._pointer: QPointF | None = None
        self.setToolTip(step.tip)
        self.setAccessibleName(step.title)
        self.setCheckable(step.layer is not None)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def sizeHint(self) -> QSize:
        """Title, picture and the lines of the cost."""
        line = self.fontMetrics().lineSpacing()
        return QSize(_PICTURE.width() + 2 * _PAD, _PICTURE.height() + (1 + _LINES) * line + 2 * _PAD)

    @property
    def picture(self) -> QPixmap | None:
        """What is drawn, at its own resolution."""
        return self._picture

    def show_picture(self, rgba: Rgba | None) -> None:
        """Draw another map, or none."""
        if rgba is None:
            self._picture = None
        else:
            height, width = rgba.shape[:2]
            image = QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
            self._picture = QPixmap.fromImage(image.copy())
        self.update()

    def show_cost(self, stages: list[StageCost]) -> None:
        """Write the cost of some stages below the picture; without a picture, draw how it is shared among them."""
        self.cost = _cost_lines(stages)
        longest = max((stage.seconds for stage in stages), default=0.0)
        self._bars = {stage.name: stage.seconds / longest for stage in stages} if longest else {}
        self.update()

    def show_pointer(self, at: QPointF | None) -> None:
        """Mark a place, 0..1 in both directions, or none."""
        if at != self._pointer:
            self._pointer = at
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card."""
        c = colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse() or self.hasFocus():
            painter.setPen(QColor(c.accent if self.isChecked() or self.hasFocus() else c.line))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        line = self.fontMetrics().lineSpacing()
        text = QRectF(0, _PAD - 1, self.width(), line)
        painter.setPen(QColor(c.text))
        painter.drawText(text, Qt.AlignmentFlag.AlignCenter, self.step.title)
        frame = QRectF(QPointF(_PAD, _PAD + line), _PICTURE)
        self._draw_picture(painter, frame)
        painter.setPen(QColor(c.quiet))
        for row, words in enumerate(self.cost):
            text.moveTop(frame.bottom() + 1 + row * line)
            painter.drawText(text, Qt.AlignmentFlag.AlignCenter, words)

    def _draw_picture(self, painter: QPainter, frame: QRectF) -> None:
        if self._picture is None:
            self._draw_bars(painter, frame)
            return
        size = QSize(self._picture.size()).scaled(frame.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(0, 0), size)
        place.moveCenter(frame.center())
        painter.drawPixmap(place.toRect(), self._picture)
        if self._pointer is not None:
            at = place.topLeft() + QPointF(self._pointer.x() * place.width(), self._pointer.y() * place.height())
            for width, colour in ((3.0, QColor(0, 0, 0, 180)), (1.2, QColor(255, 255, 255))):
                pen = painter.pen()
                pen.setColor(colour)
                pen.setWidthF(width)
                painter.setPen(pen)
                painter.drawLine(at - QPointF(5, 0), at + QPointF(5, 0))
                painter.drawLine(at - QPointF(0, 5), at + QPointF(0, 5))

    def _draw_bars(self, painter: QPainter, frame: QRectF) -> None:
        c = colours()
        painter.setPen(QColor(c.line))
        painter.drawRect(frame.adjusted(0, 0, -1, -1))
        row = frame.height() / max(1, len(self._bars))
        for number, (name, share) in enumerate(self._bars.items()):
            place = QRectF(frame.left() + 4, frame.top() + number * row, frame.width() - 8, row)
            bar = place.adjusted(0, 2, 0, -2)
            bar.setWidth(bar.width() * share)
            painter.fillRect(bar, QColor(c.raised))
            painter.setPen(QColor(c.quiet))
            painter.drawText(place.adjusted(2, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)


class StagesPanel(QScrollArea):
    """All steps in a row.

    Signals:
        layer_requested(str, bool): show or hide an overlay.
    """

    layer_requested = Signal(str, bool)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.cards = {step.title: StageCard(step) for step in STEPS}
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        for card in self.cards.values():
            layout.addWidget(card)
            card.clicked.connect(lambda checked, card=card: self._clicked(card, checked))
        layout.addStretch(1)
        self.setWidget(row)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(row.sizeHint().height() + self.horizontalScrollBar().sizeHint().height())
        self._seen = WhileSeen(row, self._read)
        predictions = session.predictions
        for signal in (predictions.arrived, predictions.cleared, session.frame_changed, session.sequence_changed):
            signal.connect(self._seen.wish)
        predictions.threshold_changed.connect(self._seen.wish)
        session.display.levels_changed.connect(self._seen.wish)
        session.display.colour_map_changed.connect(self._seen.wish)
        session.display.overlay_changed.connect(self._read_layers)
        self._seen.wish()
        self._read_layers()

    def show_pointer(self, pointer: Pointer | None) -> None:
        """Mark the pointer of the canvas in every picture."""
        frame = self._session.frame
        at = None
        if pointer is not None and frame is not None:
            height, width = frame.pixels.shape
            x, y = (pointer.x + 0.5) / width, (pointer.y + 0.5) / height
            at = QPointF(x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None
        for card in self.cards.values():
            card.show_pointer(at)

    def _clicked(self, card: StageCard, checked: bool) -> None:
        if card.step.layer is not None:
            self.layer_requested.emit(card.step.layer, checked)
        elif card.step.title == "Frame":
            for step in STEPS:
                if step.layer is not None:
                    self.layer_requested.emit(step.layer, False)

    def _read_layers(self, _name: str = "") -> None:
        for card in self.cards.values():
            if card.step.layer is not None:
                card.setChecked(self._session.display.visible(card.step.layer))

    def _read(self) -> None:
        prediction = self._session.prediction
        pictures = self._pictures(prediction)
        costs = {stage.name: stage for stage in prediction.stages} if prediction is not None else {}
        for title, card in self.cards.items():
            card.show_picture(pictures.get(title))
            card.show_cost([costs[stage] for stage in card.step.stages if stage in costs])
        self.cards["Mask"].show_cost(list(costs.values()))

    def _pictures(self, prediction: Prediction | None) -> Mapping[str, Rgba]:
        pictures: dict[str, Rgba] = {}
        frame, display = self._session.frame, self._session.display
        if frame is not None:
            pictures["Frame"] = frame_rgba(
                frame.pixels, display.levels, colour_map=display.colour_map, gamma=display.gamma
            )
        if prediction is None:
            return pictures
        for attention in prediction.attentions:
            if attention.spatial.size and attention.stage in (4, 3):
                pictures[f"Attention {attention.stage}"] = map_rgba(_inside(attention, prediction))
        for decision in prediction.decisions:
            pictures[f"Decide {decision.decided_at} → {decision.applies_to}"] = decision_rgba(decision)
        pictures["Probability"] = map_rgba(prediction.probability)
        mask = self._session.predictions.mask
        if mask is not None:
            pictures["Mask"] = mask_rgba(mask)
        return pictures


def _inside(attention: Attention, prediction: Prediction) -> FloatMap:
    """The cells of a stage map that lie in the frame, without those of the padding alone."""
    (height, width), (padded_height, padded_width) = prediction.probability.shape, prediction.padded_shape
    rows, columns = attention.spatial.shape
    return attention.spatial[: -(-height * rows // padded_height), : -(-width * columns // padded_width)]


def _cost_lines(stages: list[StageCost]) -> tuple[str, ...]:
    """Milliseconds, GFLOP, and the share of the work that was saved."""
    if not stages:
        return ()
    seconds = sum(stage.seconds for stage in stages)
    dense, done = sum(stage.gflop_dense for stage in stages), sum(stage.gflop_done for stage in stages)
    saved = round(100 * (1 - done / dense)) if dense else 0
    work = f"{done:.2f} GFLOP" if done >= 0.01 or not done else f"{1000 * done:.1f} MFLOP"
    return f"{seconds * 1000:.1f} ms", work, *([f"{saved} % saved"] if saved else [])
