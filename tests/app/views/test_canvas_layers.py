"""The overlays follow the session, and only what is shown is computed."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.state.session import Session
from app.views.canvas import Canvas
from app.views.canvas_layers import CanvasLayers, kept_cells
from app.views.selection import Selection
from app.views.tools import Pointer
from tests.app.views.conftest import SHAPE, arrive, prediction


@pytest.fixture
def layers(session: Session, selection: Selection, qtbot: QtBot) -> CanvasLayers:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    return CanvasLayers(canvas, session, selection)


def _shown(layers: CanvasLayers, name: str) -> list[tuple[int, int]]:
    mask = layers.mask(name).mask
    assert mask is not None
    return [(int(r), int(c)) for r, c in np.argwhere(mask)]


def test_a_stroke_appears_where_it_was_painted(session: Session, layers: CanvasLayers) -> None:
    session.document.begin_stroke(True)
    session.document.paint((10, 5, 2, 1), np.ones((1, 2), np.bool_))
    assert _shown(layers, "label") == [(5, 10), (5, 11)]
    session.document.commit()
    session.document.undo()
    assert _shown(layers, "label") == []


def test_hidden_layers_are_made_when_they_are_shown(session: Session, layers: CanvasLayers) -> None:
    session.display.set_visible("label", False)
    session.document.apply_region("Draw", (3, 3, 1, 1), np.ones((1, 1), np.bool_))
    session.display.set_visible("label", True)
    assert _shown(layers, "label") == [(3, 3)]
    arrive(session, prediction((10, 10, 2, 2)))
    assert layers.raster("probability").pixels is None
    session.display.set_visible("probability", True)
    assert layers.raster("probability").pixels is not None


def test_the_prediction_arrives_and_goes(session: Session, layers: CanvasLayers) -> None:
    arrive(session, prediction((10, 12, 2, 1), (40, 30, 1, 1)))
    assert _shown(layers, "mask") == [(12, 10), (12, 11), (30, 40)]
    assert [m.box for m in layers.markers] == [(10, 12, 2, 1), (40, 30, 1, 1)]
    session.step(1)
    assert layers.mask("mask").mask is None and layers.markers == ()


def test_patches_and_attention_change_with_the_prediction(session: Session, layers: CanvasLayers) -> None:
    for name in ("patches3", "patches2", "attention4"):
        session.display.set_visible(name, True)
    arrive(session, prediction(dropped=3))
    first = layers.raster("attention4").pixels
    assert first is not None
    assert sum(r.width() for r in layers.patches("patches2").dropped) == 3 * 16
    arrive(session, prediction(dropped=6))
    second = layers.raster("attention4").pixels
    assert second is not None and (first != second).any()
    assert sum(r.width() for r in layers.patches("patches2").dropped) == 6 * 16
    assert sum(r.width() for r in layers.patches("patches3").dropped) == 5 * 16


def test_attention_is_faint_where_its_stage_was_skipped(session: Session, layers: CanvasLayers) -> None:
    session.display.set_visible("attention3", True)
    arrive(session, prediction(dropped=1))  # stage 3 computes all patches
    full = layers.raster("attention3").pixels
    arrive(session, prediction(dropped=1 + 4))  # stage 3 skips the first row of patches
    assert full is not None
    made = session.prediction
    assert made is not None
    cells = kept_cells(made.decisions[0], cells=(6, 8), padded_shape=(48, 64))
    assert not cells[:2].any() and cells[2:].all()
    faint = layers.raster("attention3").pixels
    assert faint is not None and (faint[0, :, 3] <= 64).all() and faint[1:, :, 3].max() > 150
    assert full[0, :, 3].max() > 64


def test_verdicts_follow_label_and_prediction(session: Session, layers: CanvasLayers) -> None:
    session.display.set_visible("verdicts", True)
    arrive(session, prediction((10, 10, 2, 2), (50, 40, 2, 2)))
    session.document.apply_region("Draw", (10, 10, 2, 2), np.ones((2, 2), np.bool_))
    pixels = layers.raster("verdicts").pixels
    assert pixels is not None
    found, false = pixels[10, 10, :3].tolist(), pixels[40, 50, :3].tolist()
    assert found != false and pixels[0, 0, 3] == 0
    boxes = layers.verdict_marks.boxes
    assert boxes == {"found": ((10, 10, 2, 2),), "missed": (), "false_alarm": ((50, 40, 2, 2),)}


def test_verdicts_lie_over_label_and_prediction_and_are_counted_while_shown(
    session: Session, layers: CanvasLayers
) -> None:
    told: list[object] = []
    layers.compared.connect(told.append)
    arrive(session, prediction((10, 10, 2, 2), (50, 40, 2, 2)))
    session.document.apply_region("Draw", (30, 30, 2, 2), np.ones((2, 2), np.bool_))
    assert told == [] and not layers.verdict_marks.isVisible()
    session.display.set_visible("verdicts", True)
    assert told == [{"found": 0, "missed": 1, "false_alarm": 2}] and layers.verdict_marks.isVisible()
    for below in (layers.mask("mask"), layers.mask("label")):
        assert layers.raster("verdicts").zValue() > below.zValue() < layers.verdict_marks.zValue()
    session.display.set_visible("verdicts", False)
    assert told[-1] is None


def test_hold_to_peek_hides_everything(session: Session, layers: CanvasLayers) -> None:
    arrive(session, prediction((10, 10, 2, 2)))
    session.display.set_hidden(True)
    assert not layers.mask("mask").isVisible() and not layers.mask("label").isVisible() and layers.markers == ()
    session.display.set_hidden(False)
    assert layers.mask("mask").isVisible() and len(layers.markers) == 1


def test_outlines_only_leaves_the_fill_out(session: Session, layers: CanvasLayers) -> None:
    arrive(session, prediction((10, 10, 2, 2)))
    session.display.set_outline_only(True)
    assert not layers.mask("mask").isVisible() and len(layers.markers) == 1


def test_the_selected_and_the_rejected_target_are_marked(
    session: Session, selection: Selection, layers: CanvasLayers
) -> None:
    arrive(session, prediction((10, 10, 2, 2), (40, 30, 2, 2)))
    selection.select(1)
    session.predictions.reject(0)
    assert [(m.selected, m.rejected) for m in layers.markers] == [(False, True), (True, False)]


def test_selection_follows_its_target_through_a_new_prediction(session: Session, selection: Selection) -> None:
    arrive(session, prediction((40, 30, 2, 2)))
    selection.select(0)
    arrive(session, prediction((5, 5, 2, 2), (40, 30, 3, 2)))
    assert selection.target == 1
    arrive(session, prediction((5, 5, 2, 2)))
    assert selection.target is None
    session.step(1)
    assert selection.target is None


def test_a_frame_with_a_label_that_cannot_be_read_shows_no_label(session: Session, layers: CanvasLayers) -> None:
    assert session.sequence is not None
    (session.sequence.root / "masks" / "frame_03.png").write_bytes(b"not a picture")
    session.document.apply_region("Draw", (3, 3, 1, 1), np.ones((1, 1), np.bool_))
    session.go_to(3)
    assert not session.document.is_open
    assert layers.mask("label").mask is None


def test_the_hovered_patch_is_found_on_pixel_borders(session: Session, layers: CanvasLayers) -> None:
    arrive(session, prediction())
    made = session.prediction
    assert made is not None
    layers._canvas.pointer_moved.emit(Pointer(15.6, 0.0))
    assert layers.patches("patches3")._hovered == (0, 1)
    layers._canvas.pointer_moved.emit(Pointer(15.4, 0.0))
    assert layers.patches("patches3")._hovered == (0, 0)
    layers._canvas.pointer_moved.emit(Pointer(float(SHAPE[1]), 0.0))
    assert layers.patches("patches3")._hovered is None
