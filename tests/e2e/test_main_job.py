"""The whole job on the sample, through the real ``main()`` with real child processes.

Open, predict, see patches and attention change with the slider, erase a false target, paint a missed one with three
clicks, undo, redo, accept, save, fine-tune, compare, accept the candidate, close, open again: everything is there.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from adsnet.data.labels import read_mask
from adsnet.resources import path_of
from adsnet.targets import find_targets, match_targets
from app.bootstrap import Studio
from tests.e2e.conftest import RunStudio
from tests.e2e.stall import StallWatch
from tests.waiting import pause

ITERATIONS = 2
WORKER_SECONDS = 120
STALL_SECONDS = 1.0  # generous: a loaded machine with two cores trains beside the window


def _wait(holds: Callable[[], bool], what: str, *, seconds: float = WORKER_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


def _predicted(studio: Studio) -> None:
    session = studio.session

    def there() -> bool:
        return session.prediction is not None and not session.jobs.busy("predict")

    _wait(there, "a prediction")
    pause(20)


def _key(studio: Studio, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(studio.window.workspace.canvas, key, modifier)


def _click(studio: Studio, column: int, row: int) -> None:
    canvas = studio.window.workspace.canvas
    QTest.mouseMove(canvas.viewport(), canvas.position_of(column, row).toPoint())
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(column, row).toPoint())


def _picture(studio: Studio, watch: StallWatch) -> NDArray[np.uint8]:
    """What the canvas shows, (rows, columns, 4)."""
    pause(20)
    with watch.not_counted():
        image = studio.window.workspace.canvas.grab().toImage()
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
        return rows[:, : image.width()].copy()


def _truth(root: Path, studio: Studio) -> NDArray[np.bool_]:
    sequence = studio.session.sequence
    assert sequence is not None and studio.session.frame is not None
    name = sequence.stems[studio.session.frame_index]
    return read_mask(root / "truth" / f"{name}.png", shape=studio.session.document.shape)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample in a folder of our own, its labels put aside as the truth: the frames are still to be labelled."""
    root = tmp_path / "sample"
    shutil.copytree(path_of("sample") / "images", root / "images")
    shutil.copytree(path_of("sample") / "masks", root / "truth")
    (root / "masks").mkdir()
    return root


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_main_job(sample: Path, run_studio: RunStudio, capsys: pytest.CaptureFixture[str]) -> None:
    left: dict[str, object] = {}
    torch_was_there = "torch" in sys.modules  # other tests of this process may have brought it in

    def first(studio: Studio) -> None:
        watch = StallWatch(studio.window)
        session, window = studio.session, studio.window
        window.resize(1280, 760)
        assert session.sequence is not None and len(session.sequence) == 48

        watch.step = "the window appears"
        pause(200)
        watch.step = "first prediction"
        _predicted(studio)

        watch.step = "drop slider"
        for name in ("layer.patches3", "layer.patches2", "layer.attention3"):
            window.action_set[name].trigger()
        before = _picture(studio, watch)
        layers = window.workspace.layers
        attention = layers.raster("attention3").pixels
        dropped = sum(r.width() for r in layers.patches("patches2").dropped)
        window.cascade._stage3.slider.setValue(60)
        window.cascade._stage2.slider.setValue(95)
        _wait(lambda: session.prediction is not None and session.prediction.kept["2"] < 0.06, "the other drop")
        after = _picture(studio, watch)
        assert (before != after).any(axis=-1).mean() > 0.05
        moved = layers.raster("attention3").pixels
        assert attention is not None and moved is not None and (attention != moved).any()
        assert sum(r.width() for r in layers.patches("patches2").dropped) > dropped
        for name in ("layer.patches3", "layer.patches2", "layer.attention3"):
            window.action_set[name].trigger()
        window.cascade._stage3.slider.setValue(0)
        window.cascade._stage2.slider.setValue(0)
        _wait(lambda: session.prediction is not None and session.prediction.kept["2"] > 0.99, "no drop")

        watch.step = "look for a frame with a false and a missed target"
        frame, false, missed = _worst_frame(studio, sample)
        session.go_to(frame)
        _predicted(studio)

        watch.step = "accept the frame"
        _key(studio, Qt.Key.Key_Return)
        accepted = session.document.mask.copy()
        assert accepted.any() and session.predictions.mask is not None
        assert (accepted == session.predictions.mask).all()

        watch.step = "erase"
        target = session.predictions.targets[false]
        window.workspace.jump_to(false)
        _key(studio, Qt.Key.Key_E)
        session.display.set_brush_size(max(target.bbox[2:]) + 2)
        _click(studio, round(target.x), round(target.y))
        x, y, w, h = target.bbox
        assert not session.document.mask[y : y + h, x : x + w].any()

        watch.step = "paint"
        window.fit()
        window.zoom_to(12.0)
        column, row = missed
        window.workspace.canvas.centre_on(column, row)
        _key(studio, Qt.Key.Key_B)
        session.display.set_brush_size(1)
        clicks = [(column, row), (column + 1, row), (column, row + 1)]
        for place in clicks:
            _click(studio, *place)
        assert all(session.document.mask[r, c] for c, r in clicks)

        watch.step = "undo and redo"
        _key(studio, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert not session.document.mask[row + 1, column]
        _key(studio, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
        assert session.document.mask[row + 1, column]
        _key(studio, Qt.Key.Key_Escape)

        watch.step = "save"
        _key(studio, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        stem = session.sequence.stems[frame]
        with watch.not_counted():
            saved = read_mask(sample / "masks" / f"{stem}.png")
            assert (saved == session.document.mask).all() and session.unsaved == ()
        left["stem"], left["mask"], left["frame"] = stem, session.document.mask.copy(), frame

        watch.step = "review others"
        for other in [i for i in range(6) if i != frame][:4]:
            session.go_to(other)
            _predicted(studio)
            _key(studio, Qt.Key.Key_Return)
            _key(studio, Qt.Key.Key_R)
        assert session.review.count("reviewed") == 4 and session.review.count("corrected") == 1

        watch.step = "fine-tune"
        _key(studio, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
        panel = window.fine_tune
        panel.iterations.setValue(ITERATIONS)
        QTest.mouseClick(panel.start, Qt.MouseButton.LeftButton)
        _wait(lambda: session.fine_tune.iteration >= 1, "the first training step", seconds=240)
        session.go_to(frame)
        _predicted(studio)  # predictions go on while the model is tuned
        _wait(lambda: not session.fine_tune.active, "the end of the training", seconds=240)
        assert session.fine_tune.status == "done", session.fine_tune.text

        watch.step = "compare"
        assert panel.tabs.currentWidget() is panel.comparison
        assert panel.comparison.frames.topLevelItemCount() >= 1
        assert all(after.text() != "" for _, after in panel.comparison._cells.values())
        assert panel._total.getData()[0].size == ITERATIONS
        QTest.mouseClick(panel.comparison.accept, Qt.MouseButton.LeftButton)
        assert session.project is not None and session.project.model is not None
        accepted_model = session.project.model
        _wait(lambda: session.model is not None and session.model.path == accepted_model, "the accepted model")
        left["model"] = accepted_model

        with capsys.disabled():
            print(  # noqa: T201
                f"\nlongest stall of the window: {watch.longest * 1000:.0f} ms, during: {watch.during}; "
                f"of its own work: {watch.own * 1000:.0f} ms, during: {watch.own_during}"
            )
        assert watch.longest < STALL_SECONDS
        assert torch_was_there or "torch" not in sys.modules

    def second(studio: Studio) -> None:
        session = studio.session
        assert session.sequence is not None
        _wait(lambda: session.model is not None, "the model")
        assert session.model is not None and session.model.path == left["model"]
        frame = session.sequence.index_of(str(left["stem"]))
        assert frame is not None and frame == left["frame"]
        session.go_to(frame)
        assert (session.document.mask == left["mask"]).all()
        assert session.review.count("reviewed") == 4 and session.review.state(frame) == "corrected"
        assert session.sparsity.drop == (0.0, 0.0)
        _predicted(studio)

    assert run_studio([str(sample)], first) == 0
    assert run_studio([str(sample)], second) == 0


def _worst_frame(studio: Studio, sample: Path) -> tuple[int, int, tuple[int, int]]:
    """A frame to correct.

    Returns:
        the frame, the place of a predicted target to erase (a false one where there is one), and (column, row) of a
        labelled target that was missed, or else of a place without any target.
    """
    session = studio.session
    assert session.sequence is not None
    best: tuple[int, int, int, tuple[int, int]] | None = None
    for frame in range(0, len(session.sequence), 3):
        session.go_to(frame)
        _predicted(studio)
        targets = session.predictions.targets
        if not targets:
            continue
        truth = find_targets(_truth(sample, studio))
        matching = match_targets(truth, targets)
        place = (round(truth[matching.missed[0]].x), round(truth[matching.missed[0]].y)) if matching.missed else (4, 4)
        found = bool(matching.false) + bool(matching.missed)
        if best is None or found > best[0]:
            best = (found, frame, matching.false[0] if matching.false else 0, place)
        if found == 2:
            break
    assert best is not None, "the model predicts no target in any frame of the sample"
    return best[1], best[2], best[3]
