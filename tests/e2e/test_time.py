"""Moving through time in the real window: judging in the background, the marks of the timeline, steps and playing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from adsnet.data.labels import read_mask
from adsnet.prediction import BoolMap
from adsnet.resources import path_of
from adsnet.storage.folders import cache_folder
from adsnet.targets import find_targets, match_targets
from app.bootstrap import Studio
from app.engine.client import WorkerClient
from app.imaging.colours import FOUND, MISSED
from app.views.frame_strip import FrameStrip
from app.views.theme import STATE_COLOURS, colours
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SECONDS = 100
COUNT, SIDE = 24, 64
CORRECTED, REVIEWED = 7, 8
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Cuts of the sample around a target, by turns with its label, with one too many, an empty one and none.

    The last one, without a label, is blank: no model finds anything in it.
    """
    for part in ("images", "masks"):
        (tmp_path / "clip" / part).mkdir(parents=True)
    stems = [f"{scene}_{i:02}" for scene in ("ground", "sea") for i in range(2, 14)]
    for number, stem in enumerate(stems):
        mask = read_mask(path_of("sample") / "masks" / f"{stem}.png")
        target = max(find_targets(mask), key=lambda one: one.area)
        left = min(max(round(target.x) - SIDE // 2, 0), mask.shape[1] - SIDE)
        top = min(max(round(target.y) - SIDE // 2, 0), mask.shape[0] - SIDE)
        cut = slice(top, top + SIDE), slice(left, left + SIDE)
        pixels = np.asarray(Image.open(path_of("sample") / "images" / f"{stem}.png"))
        if number == COUNT - 1:
            pixels = np.full_like(pixels, np.median(pixels))
        Image.fromarray(np.ascontiguousarray(pixels[cut])).save(tmp_path / "clip" / "images" / f"f{number:02}.png")
        label = mask[cut].copy()
        label[2:4, 2:4] |= number % 4 == 1
        if number % 4 != 3:
            label &= number % 4 != 2
            Image.fromarray(label.astype(np.uint8) * 255).save(tmp_path / "clip" / "masks" / f"f{number:02}.png")
    return tmp_path / "clip"


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(25)


def press(studio: Studio, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(studio.window.workspace.canvas, key, modifier)


class Painted(QObject):
    """What the canvas was painted with: the frame, and the predicted mask over it."""

    def __init__(self, studio: Studio) -> None:
        canvas = studio.window.workspace.canvas
        super().__init__(canvas)
        self._canvas, self._layer = canvas, studio.window.workspace.layers.mask("mask")
        self.seen: list[tuple[NDArray[np.uint16] | None, BoolMap | None]] = []
        canvas.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.seen.append((self._canvas.pixels, self._layer.mask if self._layer.isVisible() else None))
        return False


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sequence_is_judged_marked_stepped_through_and_played(
    clip: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[WorkerClient, int]] = []
    predict = WorkerClient.predict

    def noted(client: WorkerClient, generation: int, *rest: object) -> None:
        asked.append((client, generation))
        predict(client, generation, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(WorkerClient, "predict", noted)
    frames = [np.asarray(Image.open(clip / "images" / f"f{i:02}.png")) for i in range(COUNT)]

    def drive(studio: Studio) -> None:
        studio.window.resize(1400, 900)
        wait(lambda: studio.session.prediction is not None, "the first prediction")
        judge_and_stop(studio)
        before = len(studio.session.report.frames)
        asked.clear()
        press(studio, Qt.Key.Key_J, CTRL)
        wait(lambda: studio.session.report.status == "done", "the rest of the judgement")
        again = [number for client, number in asked if client is not studio.client]
        # The frame that was judged when it was stopped may be kept or not.
        assert again in (list(range(before, COUNT)), list(range(before + 1, COUNT)))
        assert [frame.index for frame in studio.session.report.frames] == list(range(COUNT))
        masks = [predicted(studio, i) for i in range(COUNT)]
        correct_and_review(studio)
        assert_marked(studio, clip, masks)
        step_by_ten(studio, frames)
        play(studio, frames, masks)
        assert_played_as_fast_as_told(studio, monkeypatch)

    assert run_studio([str(clip)], drive) == 0


def judge_and_stop(studio: Studio) -> None:
    """With the button in the status line, which says how far it is; what is done stays."""
    report, status = studio.session.report, studio.window.status
    press(studio, Qt.Key.Key_J, CTRL)
    wait(lambda: len(report.frames) >= 3, "the first frames")
    done = len(report.frames)
    assert done < COUNT and status.stop.isVisible()
    assert re.match(f"Judging all frames {100 * done / COUNT:.0f} %( ·|$)", status.running.text())
    QTest.mouseClick(status.stop, Qt.MouseButton.LeftButton)
    assert studio.window.report.summary.text().startswith(f"Stopped before the end: {len(report.frames)} frames")
    assert report.status == "stopped" and not status.stop.isVisible() and status.running.text() == ""
    wait(lambda: len(list((cache_folder() / "predictions").iterdir())) >= done, "the predictions on disk")
    pause(100)
    table = studio.window.report.table.model()
    assert len(report.frames) == table.rowCount() == done and studio.window.report.judge.text() == "Judge all frames"
    strip = studio.window.workspace.timeline.findChild(FrameStrip)
    assert isinstance(strip, FrameStrip) and strip.targets[:done].any() and not strip.targets[done:].any()


def predicted(studio: Studio, index: int) -> BoolMap:
    session = studio.session
    key, sequence = session.prediction_key(), session.sequence
    assert key is not None and sequence is not None
    made = session.predictions.known(key._replace(frame=sequence.key(index)))
    assert made is not None
    return made.probability > session.predictions.threshold


def correct_and_review(studio: Studio) -> None:
    """A pixel is drawn in one frame, another one is marked as reviewed."""
    session, canvas = studio.session, studio.window.workspace.canvas
    session.go_to(CORRECTED)
    press(studio, Qt.Key.Key_B)
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(60, 5).toPoint())
    press(studio, Qt.Key.Key_V)
    session.go_to(REVIEWED)
    press(studio, Qt.Key.Key_R)
    wait(lambda: not session.unsaved and session.report.frames[CORRECTED].sweep is not None, "the label of a pixel")


def assert_marked(studio: Studio, clip: Path, masks: list[BoolMap]) -> None:
    """In the colours and in the tool tips of the strip."""
    strip = studio.window.workspace.timeline.findChild(FrameStrip)
    assert isinstance(strip, FrameStrip)
    pause(100)
    columns: dict[str, list[int]] = {}
    for x in range(strip.width()):
        columns.setdefault(strip.words_at(x).partition(":")[0], []).append(x)
    picture = strip.grab().toImage()
    empty = strip.palette().window().color()
    kinds = set()
    for index, mask in enumerate(masks):
        path = clip / "masks" / f"f{index:02}.png"
        label = read_mask(path) if path.exists() else None
        said = {CORRECTED: "corrected", REVIEWED: "reviewed"}.get(index, "no label" if label is None else "labelled")
        found = find_targets(mask)
        targets = find_targets(label) if label is not None else found
        matching = match_targets(targets, found)
        differ = bool(matching.missed or matching.false)
        marks = "disagree" if differ else "targets" if targets else "nothing"
        told = {"disagree": ", prediction and label disagree", "targets": ", targets", "nothing": ""}[marks]
        x = int(np.median(columns[f"f{index:02}"]))
        place = QPoint(x, 2)
        QApplication.sendEvent(strip, QHelpEvent(QEvent.Type.ToolTip, place, strip.mapToGlobal(place)))
        assert QToolTip.text() == f"f{index:02}: {said}{told}"
        line = {"labelled": colours().faint, "no label": colours().line, **STATE_COLOURS}[said]
        upper, lower = (
            QColor(*c) if marks == what else empty for c, what in ((FOUND, "targets"), (MISSED, "disagree"))
        )
        assert [picture.pixelColor(x, y).name() for y in (2, 7, 10)] == [
            QColor(line).name(),
            upper.name(),
            lower.name(),
        ]
        kinds |= {said, marks}
    assert kinds == {"corrected", "reviewed", "labelled", "no label", "targets", "disagree", "nothing"}


def step_by_ten(studio: Studio, frames: list[NDArray[np.uint16]]) -> None:
    timeline, canvas = studio.window.workspace.timeline, studio.window.workspace.canvas
    letters, pages = ((Qt.Key.Key_D, SHIFT), (Qt.Key.Key_A, SHIFT)), ((Qt.Key.Key_PageDown,), (Qt.Key.Key_PageUp,))
    for forwards, backwards in (letters, pages):
        press(studio, Qt.Key.Key_Home)
        for keys, places in ((backwards, (0,)), (forwards, (10, 20, 23, 23)), (backwards, (13, 3, 0, 0))):
            for place in places:
                press(studio, *keys)
                assert studio.session.frame_index == place and timeline.number.value() == place + 1
                assert canvas.pixels is not None and np.array_equal(canvas.pixels, frames[place])


def play(studio: Studio, frames: list[NDArray[np.uint16]], masks: list[BoolMap]) -> None:
    """At 60 frames a second: to the end, and round and round; every frame is painted with its own mask over it."""
    session, player, painted = studio.session, studio.session.player, Painted(studio)

    def order() -> list[int]:
        places = []
        for pixels, mask in painted.seen:
            place = next(i for i, frame in enumerate(frames) if pixels is not None and np.array_equal(pixels, frame))
            assert mask is not None and np.array_equal(mask, masks[place])
            places.append(place)
        return places

    type_speed(studio, 60)
    press(studio, Qt.Key.Key_Home)
    painted.seen.clear()
    press(studio, Qt.Key.Key_K)
    assert player.playing and studio.window.workspace.timeline.play.toolTip().startswith("Pause")
    wait(lambda: not player.playing, "the end")
    pause(50)
    assert session.frame_index == order()[-1] == COUNT - 1 and order() == sorted(order())

    press(studio, Qt.Key.Key_K, SHIFT)
    assert studio.window.workspace.timeline.loop.isChecked()
    press(studio, Qt.Key.Key_K)
    pause(1)
    painted.seen.clear()
    wait(lambda: any(b < a for a, b in pairwise(order())) and set(order()) == set(range(COUNT)), "another round")
    press(studio, Qt.Key.Key_K)
    place = session.frame_index
    pause(100)
    assert not player.playing and session.frame_index == order()[-1] == place


def type_speed(studio: Studio, fps: int) -> None:
    """Return ends the number and does nothing to the label."""
    field = studio.window.workspace.timeline.fps
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, str(fps))
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert studio.session.player.fps == fps and studio.session.document.is_clean
    studio.window.workspace.canvas.setFocus()


def assert_played_as_fast_as_told(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only goes when it is told to."""
    now = [0.0]
    monkeypatch.setattr("app.state.player.time", SimpleNamespace(monotonic=lambda: now[0]))
    for fps in (4, 20):
        type_speed(studio, fps)
        press(studio, Qt.Key.Key_Home)
        press(studio, Qt.Key.Key_K)
        now[0] += 0.51
        wait(lambda: studio.session.frame_index > 0, "half a second of frames")
        assert studio.session.frame_index == fps // 2
        press(studio, Qt.Key.Key_K)
