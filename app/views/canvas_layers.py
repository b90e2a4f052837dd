"""Puts the overlays of the session on the canvas and keeps them true.

A layer is only computed while it is shown; one that changed while hidden is made again when it is shown next.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from adsnet.prediction import Attention, BoolMap, Decision, FloatMap
from app.imaging.colours import ROLES
from app.imaging.overlay import heat_rgba, verdict_rgba, verdicts
from app.imaging.raster import Box, box_slices, outline
from app.state.display import FEATURES
from app.state.session import Session
from app.views.canvas import Canvas
from app.views.overlay_shapes import FrameShape, Marker, MarkerShape, OutlineShape
from app.views.patch_layer import PatchLayer
from app.views.raster_layer import MaskLayer, RasterLayer
from app.views.selection import Selection
from app.views.tools import Pointer
from app.views.verdict_shape import VerdictShape

_ATTENTION = {"attention4": 4, "attention3": 3, "attention2": 2}
_PATCHES = {"patches3": 3, "patches2": 2}
_OUTLINE_DELAY_MS = 30
_SKIPPED_SHARE = 0.25  # of its opacity that attention has left where its stage was not computed
_OUTLINE_AT_ONCE = 1_000_000  # pixels up to which the outline follows every piece of a stroke


class CanvasLayers(QObject):
    """The overlays of one canvas.

    Signals:
        compared(object): number of found, missed and false_alarm targets by these names; None while it is not shown.
    """

    compared = Signal(object)

    def __init__(self, canvas: Canvas, session: Session, selection: Selection) -> None:
        super().__init__(canvas)
        self._canvas, self._session, self._selection = canvas, session, selection
        heat = (*_ATTENTION, *FEATURES, "probability")
        self._rasters = {name: RasterLayer(10.0 + z) for z, name in enumerate(heat)}
        self._rasters["verdicts"] = RasterLayer(45.0)  # over label and prediction, whose pixels it judges
        self._verdicts = VerdictShape(65.0)
        self._counts: dict[str, int] | None = None
        self._told: dict[str, int] | None = None
        self._hint = ""
        self._masks = {"mask": MaskLayer(20.0, ROLES["prediction"]), "label": MaskLayer(21.0, ROLES["label"])}
        self._outlines = {
            "mask": OutlineShape(40.0, ROLES["prediction"]),
            "label": OutlineShape(41.0, ROLES["label"]),
        }
        self._patches = {
            "patches3": PatchLayer(30.0, ROLES["patches3"], second=False),
            "patches2": PatchLayer(31.0, ROLES["patches2"], second=True),
        }
        self._markers = MarkerShape(60.0, ROLES["prediction"])
        drawings: list[RasterLayer | MaskLayer | FrameShape] = [
            *self._rasters.values(),
            *self._masks.values(),
            *self._outlines.values(),
            *self._patches.values(),
            self._markers,
            self._verdicts,
        ]
        for drawing in drawings:
            canvas.view.addItem(drawing)
        self._makers: dict[str, Callable[[], None]] = {
            "label": self._make_label,
            "mask": self._make_mask,
            "probability": self._make_probability,
            "verdicts": self._make_verdicts,
            **{name: self._patch_maker(name) for name in _PATCHES},
            **{name: self._attention_maker(name) for name in _ATTENTION},
            **{name: self._feature_maker(name) for name in FEATURES},
        }
        self._stale = set(self._makers)
        self._outline_timer = QTimer(self, singleShot=True, interval=_OUTLINE_DELAY_MS)
        self._outline_timer.timeout.connect(self._make_label_outline)
        self._connect()
        self._refresh()

    def raster(self, name: str) -> RasterLayer:
        """The image layer of this name; its pixels are empty while it is not shown."""
        return self._rasters[name]

    def mask(self, name: str) -> MaskLayer:
        """The layer ``mask`` (predicted) or ``label``; empty while it is not shown."""
        return self._masks[name]

    def patches(self, name: str) -> PatchLayer:
        """The patch layer ``patches3`` or ``patches2``."""
        return self._patches[name]

    @property
    def verdict_marks(self) -> VerdictShape:
        """The marks around found, missed and false targets."""
        return self._verdicts

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The target markers that are drawn."""
        return self._markers.markers if self._markers.isVisible() else ()

    def set_hint(self, text: str) -> None:
        """Write beside the selected target what can be done with it."""
        self._hint = text
        self._make_markers()

    def _connect(self) -> None:
        session, predictions = self._session, self._session.predictions
        session.document.loaded.connect(self._label_replaced)
        session.document.mask_changed.connect(self._label_changed)
        session.document.committed.connect(self._label_committed)
        for signal in (predictions.arrived, predictions.cleared):
            signal.connect(self._prediction_replaced)
        predictions.features.changed.connect(lambda: self._refresh(*FEATURES))
        predictions.threshold_changed.connect(self._threshold_changed)
        predictions.rejected_changed.connect(self._make_markers)
        self._selection.target_changed.connect(self._make_markers)
        session.display.overlay_changed.connect(self._overlay_changed)
        self._canvas.pointer_moved.connect(self._pointer_moved)

    # ---- what changed -----------------------------------------------------------------------------------

    def _label_replaced(self) -> None:
        self._refresh("label", "verdicts")

    def _label_changed(self, box: Box) -> None:
        layer, mask = self._masks["label"], self._session.document.mask
        if "label" in self._stale or layer.mask is None or layer.mask.shape != mask.shape:
            self._refresh("label")
        else:
            layer.set_region(box, mask=mask[box_slices(box)])
            if mask.size <= _OUTLINE_AT_ONCE:
                self._make_label_outline()
            else:
                self._outline_timer.start()
        if not self._session.document.stroke_active:
            self._refresh("verdicts")

    def _label_committed(self) -> None:
        self._refresh("verdicts")

    def _want_features(self) -> None:
        if any(self._session.display.visible(name) for name in FEATURES):
            self._session.predictions.features.want()

    def _prediction_replaced(self) -> None:
        self._want_features()
        self._refresh("mask", "probability", "verdicts", *_PATCHES, *_ATTENTION)

    def _threshold_changed(self) -> None:
        self._refresh("mask", "verdicts")

    def _overlay_changed(self, _name: str) -> None:
        """Showing a layer costs nothing when it is not stale."""
        self._want_features()
        self._refresh()

    def _pointer_moved(self, pointer: Pointer | None) -> None:
        for name in _PATCHES:
            decision = self._decision(name)
            inside = pointer is not None and decision is not None
            patch = decision.patch_at(pointer.y + 0.5, pointer.x + 0.5) if inside and decision and pointer else None
            self._patches[name].set_hovered(patch)

    # ---- making the layers ------------------------------------------------------------------------------

    def _refresh(self, *changed: str) -> None:
        """Mark layers as changed, make those that are shown, and apply visibility and opacity to all."""
        self._stale.update(changed)
        display = self._session.display
        for name, make in self._makers.items():
            shown = display.shown(name)
            if shown and name in self._stale:
                self._stale.discard(name)
                make()
            opacity = display.opacity(name)
            fill = self._rasters.get(name) or self._masks.get(name) or self._patches[name]
            outlined = self._outlines.get(name)
            fill.setVisible(shown and not (outlined is not None and display.outline_only))
            if isinstance(fill, PatchLayer):
                fill.set_strength(opacity)
            else:
                fill.setOpacity(opacity)
            if outlined is not None:
                outlined.setVisible(shown)
                outlined.setOpacity(min(1.0, 0.4 + opacity))
        self._markers.setVisible(display.shown("mask"))
        self._verdicts.setVisible(display.shown("verdicts"))
        self._verdicts.setOpacity(min(1.0, 0.4 + display.opacity("verdicts")))
        counts = self._counts if display.visible("verdicts") and "verdicts" not in self._stale else None
        if counts != self._told:
            self._told = counts
            self.compared.emit(counts)

    def _make_label(self) -> None:
        document = self._session.document
        if not document.is_open:
            self._masks["label"].clear()
            self._outlines["label"].set_lines(np.zeros((0, 2, 2), np.float32))
            return
        self._masks["label"].set_mask(document.mask)
        self._make_label_outline()

    def _make_label_outline(self) -> None:
        if self._session.document.is_open:
            self._outlines["label"].set_lines(outline(self._session.document.mask))

    def _make_mask(self) -> None:
        mask = self._session.predictions.mask
        if mask is None:
            self._masks["mask"].clear()
            self._outlines["mask"].set_lines(np.zeros((0, 2, 2), np.float32))
        else:
            self._masks["mask"].set_mask(mask)
            self._outlines["mask"].set_lines(outline(mask))
        self._make_markers()

    def _make_markers(self) -> None:
        predictions, selected = self._session.predictions, self._selection.target
        markers = [
            Marker(target.bbox, selected=i == selected, rejected=i in predictions.rejected)
            for i, target in enumerate(predictions.targets)
        ]
        self._markers.set_markers(markers, hint=self._hint)

    def _make_probability(self) -> None:
        prediction = self._session.prediction
        if prediction is None:
            self._rasters["probability"].clear()
            return
        shape = (int(prediction.probability.shape[0]), int(prediction.probability.shape[1]))
        self._rasters["probability"].set_rgba(
            heat_rgba(prediction.probability, padded_shape=shape, shape=shape, opacity=1.0)
        )

    def _make_verdicts(self) -> None:
        mask, document = self._session.predictions.mask, self._session.document
        if mask is None or not document.is_open or mask.shape != document.shape:
            self._rasters["verdicts"].clear()
            self._verdicts.set_boxes({})
            self._counts = None
        else:
            compared = verdicts(document.mask, mask)
            self._rasters["verdicts"].set_rgba(verdict_rgba(compared, opacity=1.0))
            self._verdicts.set_boxes(compared.boxes)
            self._counts = compared.counts

    def _patch_maker(self, name: str) -> Callable[[], None]:
        def make() -> None:
            forced = {(f.row, f.column): f.keep for f in self._session.sparsity.forced if f.stage == _PATCHES[name]}
            self._patches[name].set_decision(self._decision(name), forced)

        return make

    def _attention_maker(self, name: str) -> Callable[[], None]:
        return lambda: self._make_attention(name)

    def _make_attention(self, name: str) -> None:
        layer, prediction = self._rasters[name], self._session.prediction
        attention = self._attention(name)
        if prediction is None or attention is None or attention.spatial.size == 0:
            layer.clear()
            return
        values = stretched(attention.spatial)
        # Coloured cell by cell and stretched over the padded frame when it is drawn.
        shape = (int(values.shape[0]), int(values.shape[1]))
        rgba = heat_rgba(values, padded_shape=shape, shape=shape, opacity=1.0)
        skipped = next((d for d in prediction.decisions if d.applies_to == attention.stage), None)
        if skipped is not None:
            dim = ~kept_cells(skipped, cells=shape, padded_shape=prediction.padded_shape)
            rgba[dim, 3] = np.rint(rgba[dim, 3] * _SKIPPED_SHARE)
        height, width = prediction.probability.shape
        padded_height, padded_width = prediction.padded_shape
        layer.set_rgba(rgba, extent=(padded_width, padded_height), clip=(width, height))

    def _feature_maker(self, name: str) -> Callable[[], None]:
        def make() -> None:
            layer, state, frame = self._rasters[name], self._session.predictions.features, self._session.frame
            strength = state.map(name)
            if state.current is None or strength is None or frame is None:
                layer.clear()
                return
            values = stretched(strength.values)
            shape = (int(values.shape[0]), int(values.shape[1]))
            height, width = frame.pixels.shape
            padded_height, padded_width = state.current.padded_shape
            rgba = heat_rgba(values, padded_shape=shape, shape=shape, opacity=1.0)
            layer.set_rgba(rgba, extent=(padded_width, padded_height), clip=(width, height))

        return make

    def _decision(self, name: str) -> Decision | None:
        prediction = self._session.prediction
        decisions = prediction.decisions if prediction is not None else ()
        return next((d for d in decisions if d.applies_to == _PATCHES[name]), None)

    def _attention(self, name: str) -> Attention | None:
        prediction = self._session.prediction
        attentions = prediction.attentions if prediction is not None else ()
        return next((a for a in attentions if a.stage == _ATTENTION[name]), None)


def kept_cells(decision: Decision, *, cells: tuple[int, int], padded_shape: tuple[int, int]) -> BoolMap:
    """Which cells of a stage map have their middle in a kept patch: (h, w) bool for ``cells`` = (h, w)."""
    places = []
    for count, padded, edges in zip(cells, padded_shape, (decision.row_edges, decision.column_edges), strict=True):
        middles = (np.arange(count) + 0.5) * padded / count
        # Cells in the padding belong to the last patch.
        places.append(np.clip(np.searchsorted(edges, middles, side="right") - 1, 0, len(edges) - 2))
    kept: BoolMap = decision.kept[np.ix_(places[0], places[1])]
    return kept


def stretched(values: FloatMap) -> FloatMap:
    """The map with its own smallest and largest value at 0 and 1, so that small differences can be seen."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return np.zeros_like(values)
    scaled: FloatMap = ((values - low) / (high - low)).astype(np.float32)
    return scaled
