"""The tools that measure, by feeding them positions; and the minimap, which paints no more than it must."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.imaging.thumbnail import frame_rgba
from app.state.session import Session
from app.views import minimap
from app.views.measuring import Line, Measuring, ProfileTool, RegionTool
from app.views.tools import Pointer
from app.views.window import MainWindow
from tests.waiting import pause


@pytest.fixture
def measuring(session: Session) -> Measuring:
    return Measuring(session)


def drag(tool: ProfileTool | RegionTool, *places: tuple[float, float], shift: bool = False) -> None:
    tool.press(Pointer(*places[0]))
    for x, y in places[1:]:
        tool.move(Pointer(x, y, shift))
    tool.release(Pointer(*places[-1], shift))


def test_a_line_is_drawn_between_pixels_of_the_frame(measuring: Measuring, session: Session) -> None:
    tool = ProfileTool(measuring, reach=lambda: 1.0)
    drag(tool, (3.4, 4.4), (10, 10), (20.6, 8.4))
    assert measuring.line == Line((3, 4), (21, 8)) and not tool.active
    session.step(1)
    assert measuring.line == Line((3, 4), (21, 8)), "it stays for the next frame"
    drag(tool, (-5, 2), (500, 500))
    assert measuring.line == Line((0, 2), (63, 47)), "ends stay in the frame"
    assert not session.document.mask.any() and not session.document.can_undo


@pytest.mark.parametrize(
    ("to", "expected"), [((20, 12), (20, 10)), ((11, 30), (10, 30)), ((20, 18), (18, 18)), ((4, 3), (4, 4))]
)
def test_shift_keeps_a_line_straight(measuring: Measuring, to: tuple[int, int], expected: tuple[int, int]) -> None:
    drag(ProfileTool(measuring, reach=lambda: 1.0), (10, 10), to, shift=True)
    assert measuring.line == Line((10, 10), expected)


def test_an_end_can_be_moved_and_a_click_removes_the_line(measuring: Measuring) -> None:
    tool = ProfileTool(measuring, reach=lambda: 2.0)
    drag(tool, (5, 5), (20, 5))
    drag(tool, (19, 6), (30, 9))
    assert measuring.line == Line((5, 5), (30, 9))
    drag(tool, (5, 6), (2, 2))
    assert measuring.line == Line((30, 9), (2, 2)), "the other end stays"
    drag(tool, (40, 40))
    assert measuring.line is None


def test_taking_back_brings_the_measurement_before(measuring: Measuring) -> None:
    for tool, read in (
        (ProfileTool(measuring, reach=lambda: 1.0), lambda: measuring.line),
        (RegionTool(measuring), lambda: measuring.region),
    ):
        drag(tool, (5, 5), (20, 15))
        before: Any = read()
        tool.press(Pointer(30, 30))
        tool.move(Pointer(40, 40))
        assert read() != before and tool.active
        tool.cancel()
        assert read() == before is not None and not tool.active


def test_a_box_or_the_surroundings_of_a_click(measuring: Measuring) -> None:
    tool = RegionTool(measuring)
    drag(tool, (20, 30), (10, 12))
    assert measuring.region == (10, 12, 11, 19)
    drag(tool, (32, 24))
    assert measuring.region == (16, 8, 33, 33)
    drag(tool, (1, 47))
    assert measuring.region == (0, 15, 33, 33), "moved into the frame"


def test_frames_of_another_size_have_other_places(measuring: Measuring, session: Session, monkeypatch: Any) -> None:
    drag(ProfileTool(measuring, reach=lambda: 1.0), (5, 5), (20, 5))
    monkeypatch.setattr(Measuring, "shape", property(lambda _self: (20, 20)))
    session.frame_changed.emit()
    assert measuring.line is None


def test_panning_makes_no_new_picture_of_the_frame(
    window: MainWindow, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, ...]] = []

    def count(pixels: np.ndarray[Any, Any], *rest: Any, **more: Any) -> Any:
        made.append(pixels.shape)
        return frame_rgba(pixels, *rest, **more)

    monkeypatch.setattr(minimap, "frame_rgba", count)
    canvas, small = window.workspace.canvas, window.workspace.minimap
    assert not small.isVisible(), "the whole frame is visible"
    canvas.zoom_to(40.0)
    pause(20)
    assert small.isVisible()
    for x in range(5, 60, 5):
        canvas.centre_on(x, 20)
        pause(2)
    assert len(made) == 1
    session.step(1)
    pause(20)
    assert len(made) == 2, "another frame, another picture"
    QTest.mouseClick(small, Qt.MouseButton.LeftButton, pos=small.place_of(50, 10).toPoint())
    middle = canvas.pointer_at(canvas.viewport().rect().toRectF().center())
    assert (middle.x, middle.y) == pytest.approx((50, 10), abs=1.0)
    session.display.set_aid("minimap", False)
    assert not small.isVisible()
    session.display.set_aid("minimap", True)
    canvas.fit()
    assert not small.isVisible()
