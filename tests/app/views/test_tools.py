"""The tools as state machines, fed with points, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from app.state.document import MaskDocument
from app.views.tools import PaintTool, Pointer, SelectTool


@pytest.fixture
def document() -> MaskDocument:
    made = MaskDocument()
    made.load("frame", np.zeros((8, 12), np.bool_))
    return made


def _brush(document: MaskDocument, *, size: int = 1, value: bool = True) -> PaintTool:
    return PaintTool("brush", document, value=value, size=lambda: size)


def test_a_click_paints_exactly_its_pixel(document: MaskDocument) -> None:
    tool = _brush(document)
    tool.press(Pointer(3.4, 5.4))
    tool.release(Pointer(3.4, 5.4))
    assert np.argwhere(document.mask).tolist() == [[5, 3]]


def test_a_stroke_is_one_undo_step_without_gaps(document: MaskDocument) -> None:
    tool = _brush(document)
    tool.press(Pointer(0, 0))
    tool.move(Pointer(6, 3))
    tool.release(Pointer(11, 3))
    columns = np.flatnonzero(document.mask.any(axis=0))
    assert columns.tolist() == list(range(12))
    document.undo()
    assert not document.mask.any() and not document.can_undo


def test_eraser_takes_pixels_away(document: MaskDocument) -> None:
    document.apply_mask("Fill", np.ones((8, 12), np.bool_))
    tool = _brush(document, size=3, value=False)
    tool.press(Pointer(5, 4))
    tool.release(Pointer(5, 4))
    assert (~document.mask).sum() == 9 and not document.mask[3:6, 4:7].any()


def test_cancel_takes_the_stroke_back(document: MaskDocument) -> None:
    tool = _brush(document)
    tool.press(Pointer(2, 2))
    tool.move(Pointer(5, 2))
    assert tool.active and document.mask.any()
    tool.cancel()
    assert not tool.active and not document.mask.any() and not document.can_undo


def test_finish_keeps_the_stroke_and_later_moves_paint_nothing(document: MaskDocument) -> None:
    tool = _brush(document)
    tool.press(Pointer(2, 2))
    tool.finish()
    tool.move(Pointer(9, 6))
    tool.release(Pointer(9, 6))
    assert np.argwhere(document.mask).tolist() == [[2, 2]]


def test_a_move_without_a_press_paints_nothing(document: MaskDocument) -> None:
    _brush(document).move(Pointer(4, 4))
    assert not document.mask.any()


def test_shift_draws_a_line_from_the_last_stroke(document: MaskDocument) -> None:
    tool = _brush(document)
    tool.press(Pointer(1, 1))
    tool.release(Pointer(1, 1))
    tool.press(Pointer(6, 1, shift=True))
    tool.release(Pointer(6, 1))
    assert document.mask[1].nonzero()[0].tolist() == [1, 2, 3, 4, 5, 6]


def test_the_footprint_shown_is_what_a_click_paints(document: MaskDocument) -> None:
    for size in (1, 2, 3, 4, 7):
        for at in (Pointer(4.3, 3.6), Pointer(0.0, 0.0), Pointer(11.4, 7.4)):
            document.load("frame", np.zeros((8, 12), np.bool_))
            tool = _brush(document, size=size)
            shown = tool.footprint(at)
            assert shown is not None
            tool.press(at)
            tool.release(at)
            expected = np.zeros((8, 12), np.bool_)
            x, y, w, h = shown.box
            expected[y : y + h, x : x + w] = shown.pixels
            assert (document.mask == expected).all()


def test_painting_outside_the_frame_changes_nothing(document: MaskDocument) -> None:
    tool = _brush(document, size=3)
    tool.press(Pointer(-40, -40))
    tool.release(Pointer(90, -40))
    assert not document.mask.any()


def test_without_a_label_nothing_happens() -> None:
    document = MaskDocument()
    tool = _brush(document)
    tool.press(Pointer(1, 1))
    assert not tool.active and tool.footprint(Pointer(1, 1)) is None


def test_select_picks_the_target_under_a_click() -> None:
    picked: list[int | None] = []
    tool = SelectTool(target_at=lambda x, y: 4 if (x, y) == (2.0, 3.0) else None, select=picked.append)
    tool.press(Pointer(2, 3))
    assert picked == []
    tool.release(Pointer(2, 3))
    tool.release(Pointer(9, 9))
    assert picked == [4, None]
