"""The document: strokes, undo per frame, memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from app.imaging.raster import Box, brush, line
from app.state.document import MaskDocument
from app.state.edits import Edit, PackedEdit, difference

SHAPE = (16, 20)


class Heard:
    """Collects what a document tells, and mirrors the mask from dirty boxes alone."""

    def __init__(self, document: MaskDocument) -> None:
        self._document = document
        self.mirror = document.mask.copy()
        self.clean: list[bool] = []
        self.edits: list[Edit] = []
        self.loads = 0
        document.mask_changed.connect(self._on_changed)
        document.loaded.connect(self._on_loaded)
        document.clean_changed.connect(self.clean.append)
        document.committed.connect(self.edits.append)

    def _on_changed(self, box: Box) -> None:
        x, y, w, h = box
        self.mirror[y : y + h, x : x + w] = self._document.mask[y : y + h, x : x + w]

    def _on_loaded(self) -> None:
        self.loads += 1
        self.mirror = self._document.mask.copy()

    def check(self) -> None:
        np.testing.assert_array_equal(self.mirror, self._document.mask)


@pytest.fixture
def document(qapp: object) -> MaskDocument:
    document = MaskDocument()
    document.load("a", np.zeros(SHAPE, np.bool_))
    return document


def stroke(document: MaskDocument, *points: tuple[float, float], value: bool = True, size: int = 1) -> None:
    document.begin_stroke(value, "Draw" if value else "Erase")
    previous = points[0]
    for x, y in points:
        document.paint(*line(*previous, x, y, diameter=size, shape=document.shape))
        previous = (x, y)
    document.commit()


def test_a_stroke_is_one_step(document: MaskDocument) -> None:
    heard = Heard(document)
    stroke(document, (2, 2), (8, 2), (8, 9))
    assert document.mask.sum() == 14
    assert document.can_undo and document.undo_text == "Draw"
    assert [edit.box for edit in heard.edits] == [(2, 2, 7, 8)]
    assert document.undo() and not document.mask.any()
    assert not document.can_undo and not document.undo()
    assert document.redo_text == "Draw"
    assert document.redo() and document.mask.sum() == 14
    assert heard.clean == [False, True, False]
    assert [edit.text for edit in heard.edits] == ["Draw", "Undo: Draw", "Draw"]
    heard.check()


def test_a_new_stroke_takes_the_place_of_undone_ones(document: MaskDocument) -> None:
    heard = Heard(document)
    for x in (1, 2, 3):
        stroke(document, (x, x))
    document.undo()
    document.undo()
    stroke(document, (9, 9))
    assert not document.can_redo
    document.undo()
    document.undo()
    document.redo()
    document.redo()
    assert not document.redo() and np.argwhere(document.mask).tolist() == [[1, 1], [9, 9]]
    assert [edit.box[0] for edit in heard.edits] == [1, 2, 3, 3, 2, 9, 9, 1, 1, 9]
    sets = "".join("+" if edit.values.any() else "-" for edit in heard.edits)
    assert sets == "+++--+--++"


def test_the_brush_paints_its_footprint(document: MaskDocument) -> None:
    footprint = brush(4.3, 5.7, diameter=5, shape=SHAPE)
    document.begin_stroke(True)
    document.paint(*footprint)
    document.commit()
    x, y, w, h = footprint.box
    np.testing.assert_array_equal(document.mask[y : y + h, x : x + w], footprint.pixels)
    assert document.mask.sum() == footprint.pixels.sum()


def test_a_stroke_without_effect_is_no_step(document: MaskDocument) -> None:
    stroke(document, (2, 2), value=False)
    document.begin_stroke(True)
    assert not document.commit()
    assert document.is_clean and not document.can_undo
    assert not document.apply_mask("Same", document.mask)
    assert not document.grow() and not document.shrink()


def test_an_aborted_stroke_leaves_nothing(document: MaskDocument) -> None:
    stroke(document, (5, 5))
    heard = Heard(document)
    before = document.mask.copy()
    document.begin_stroke(False, "Erase")
    document.paint(*brush(5, 5, diameter=4, shape=SHAPE))
    assert document.stroke_active and not document.mask.any()
    document.abort()
    np.testing.assert_array_equal(document.mask, before)
    assert not document.stroke_active and heard.edits == []
    heard.check()


def test_undo_during_a_stroke_takes_the_stroke_back_and_late_points_are_ignored(document: MaskDocument) -> None:
    stroke(document, (5, 5))
    document.begin_stroke(True)
    document.paint(*brush(9, 9, diameter=1, shape=SHAPE))
    assert document.can_undo and not document.can_redo and not document.redo()
    assert document.undo()
    document.paint(*brush(10, 9, diameter=1, shape=SHAPE))
    assert not document.commit()
    assert np.argwhere(document.mask).tolist() == [[5, 5]]


def test_a_second_stroke_keeps_the_first(document: MaskDocument) -> None:
    document.begin_stroke(True)
    document.paint(*brush(1, 1, diameter=1, shape=SHAPE))
    document.begin_stroke(True)
    document.paint(*brush(3, 3, diameter=1, shape=SHAPE))
    document.commit()
    assert document.mask.sum() == 2
    document.undo()
    assert np.argwhere(document.mask).tolist() == [[1, 1]]


def test_the_mask_cannot_be_written_from_outside(document: MaskDocument) -> None:
    with pytest.raises(ValueError, match="read-only"):
        document.mask[0, 0] = True


@pytest.mark.parametrize("box", [(-1, 0, 2, 2), (19, 0, 2, 2), (0, 15, 2, 2)])
def test_pixels_outside_are_a_programming_error(document: MaskDocument, box: Box) -> None:
    document.begin_stroke(True)
    with pytest.raises(ValueError, match="fit"):
        document.paint(box, np.ones((2, 2), np.bool_))
    document.abort()
    with pytest.raises(ValueError, match="fit"):
        document.apply_region("x", (0, 0, 2, 2), np.ones((3, 2), np.bool_))
    with pytest.raises(ValueError, match="replace"):
        document.apply_mask("x", np.ones((3, 2), np.bool_))


def test_regions_and_masks_are_one_step_with_their_source(document: MaskDocument) -> None:
    heard = Heard(document)
    pixels = np.array([[True, False], [True, True]])
    assert document.apply_region("Accept target", (3, 4, 2, 2), pixels, source="net")
    assert document.apply_region("Erase target", (3, 4, 1, 2), np.ones((2, 1), np.bool_), value=False)
    assert np.argwhere(document.mask).tolist() == [[5, 4]]
    whole = np.eye(*SHAPE, dtype=np.bool_)
    assert document.apply_mask("Accept all", whole, source="net")
    assert [edit.source for edit in heard.edits] == ["net", None, "net"]
    for _ in range(3):
        assert document.undo()
    assert not document.mask.any() and document.is_clean
    heard.check()


def test_grow_and_shrink_only_where_asked(document: MaskDocument) -> None:
    document.apply_region("x", (2, 2, 1, 1), np.ones((1, 1), np.bool_))
    document.apply_region("x", (10, 10, 3, 3), np.ones((3, 3), np.bool_))
    assert document.grow((0, 0, 5, 5)) and document.mask.sum() == 9 + 5
    assert document.shrink((8, 8, 8, 8)) and document.mask.sum() == 1 + 5
    assert document.grow() and document.mask[10:13, 10:13].sum() == 5
    for _ in range(3):
        document.undo()
    assert document.mask.sum() == 10


def test_each_frame_has_its_own_steps(document: MaskDocument) -> None:
    heard = Heard(document)
    stroke(document, (1, 1))
    document.load("b", np.ones((3, 3), np.bool_))
    assert document.is_clean and not document.can_undo and document.shape == (3, 3)
    stroke(document, (0, 0), value=False)
    document.show("a")
    heard.check()
    assert not document.is_clean and document.undo() and not document.mask.any()
    document.show("b")
    assert document.mask.sum() == 8 and document.undo() and document.mask.all()
    assert document.dirty_stems == ()
    assert heard.clean == [False, True, False, True, False, True]


def test_only_frames_with_steps_are_remembered(document: MaskDocument) -> None:
    document.load("b", np.zeros(SHAPE, np.bool_))
    assert not document.remembers("a")
    stroke(document, (1, 1))
    document.close()
    assert document.remembers("b") and not document.is_open and document.shape == (0, 0)
    assert document.dirty_stems == ("b",) and document.mask_of("b").sum() == 1
    document.begin_stroke(True)
    document.paint((0, 0, 1, 1), np.ones((1, 1), np.bool_))
    assert not document.commit() and not document.apply_mask("x", np.zeros((0, 0), np.bool_))
    document.load("b", np.zeros(SHAPE, np.bool_))
    assert not document.can_undo, "a load forgets the steps of another mask"


def test_a_change_of_frame_ends_the_stroke_and_keeps_it(document: MaskDocument) -> None:
    document.begin_stroke(True)
    document.paint(*brush(1, 1, diameter=1, shape=SHAPE))
    document.load("b", np.zeros(SHAPE, np.bool_))
    document.paint(*brush(2, 2, diameter=1, shape=SHAPE))
    assert not document.mask.any()
    assert document.mask_of("a").sum() == 1


def test_saving_moves_the_clean_place(document: MaskDocument) -> None:
    stroke(document, (1, 1))
    stroke(document, (2, 2))
    document.mark_saved("a")
    assert document.is_clean
    document.undo()
    assert not document.is_clean and document.dirty_stems == ("a",)
    document.redo()
    assert document.is_clean
    document.undo()
    stroke(document, (3, 3))  # the saved state can never come back
    document.undo()
    assert not document.is_clean
    document.mark_saved("unknown")


def test_saving_during_a_stroke_means_what_was_before_it(document: MaskDocument) -> None:
    stroke(document, (1, 1))
    document.begin_stroke(True)
    document.paint(*brush(2, 2, diameter=1, shape=SHAPE))
    assert document.mask_of("a").sum() == 1
    document.mark_saved("a")
    document.commit()
    assert not document.is_clean


def test_memory_is_limited_and_no_label_is_lost(qapp: object) -> None:
    document = MaskDocument(undo_bytes=6000)
    for name in ("a", "b"):
        document.load(name, np.zeros(SHAPE, np.bool_))
        for x in range(10):
            stroke(document, (x, 3))
    document.mark_saved("a")
    document.load("c", np.zeros(SHAPE, np.bool_))
    for x in range(20):
        stroke(document, (x, 5))
    assert not document.remembers("a"), "a saved frame is forgotten first"
    assert document.mask_of("b").sum() == 10, "an unsaved one keeps its mask"
    undone = 0
    while document.undo():
        undone += 1
    assert 1 <= undone < 20
    assert document.mask.sum() == 20 - undone
    assert not document.can_undo and document.undo_text == ""
    while document.redo():
        pass
    assert document.mask.sum() == 20


def test_one_step_always_stays(qapp: object) -> None:
    document = MaskDocument(undo_bytes=1)
    document.load("a", np.zeros(SHAPE, np.bool_))
    for x in range(5):
        stroke(document, (x, 3))
    assert document.undo() and not document.undo()
    assert document.mask.sum() == 4


def test_reset_forgets_everything(document: MaskDocument) -> None:
    stroke(document, (1, 1))
    document.begin_stroke(True)
    document.paint(*brush(2, 2, diameter=1, shape=SHAPE))
    heard = Heard(document)
    document.reset()
    assert not document.is_open and document.dirty_stems == () and document.is_clean
    assert heard.loads == 1 and heard.edits == []
    assert heard.clean == [True]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_edits_go_there_and_back(first: bytes, second: bytes) -> None:
    def mask(data: bytes) -> NDArray[np.bool_]:
        return np.unpackbits(np.frombuffer(data, np.uint8)).view(np.bool_).reshape(16, 16)

    before, after = mask(first), mask(second)
    edit = difference(before, after, within=(0, 0, 16, 16), text="x", source=None)
    if edit is None:
        assert (before == after).all()
        return
    packed = PackedEdit(edit)

    def applied(one: Edit, onto: NDArray[np.bool_]) -> NDArray[np.bool_]:
        result = onto.copy()
        x, y, w, h = one.box
        result[y : y + h, x : x + w][one.changed] = one.values[one.changed]
        return result

    np.testing.assert_array_equal(applied(packed.forward(), before), after)
    np.testing.assert_array_equal(applied(packed.backward(), after), before)
    assert not (packed.forward().values & ~packed.forward().changed).any()


def test_a_stroke_on_a_large_frame_is_quick(qtbot: QtBot, document: MaskDocument) -> None:
    import time

    document.load("large", np.zeros((4096, 4096), np.bool_))
    document.begin_stroke(True)
    times: list[Any] = []
    for step in range(50):
        footprint = line(step * 9, 100, step * 9 + 9, 100, diameter=15, shape=(4096, 4096))
        start = time.perf_counter()
        document.paint(*footprint)
        times.append(time.perf_counter() - start)
    document.commit()
    assert sorted(times)[25] < 0.002
