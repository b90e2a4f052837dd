"""Takes the pictures of the documentation from the real window: ``python -m tests.e2e.pictures``.

It works on a copy of the sample, with real child processes, and writes ``docs/images/*.png``. Look at them before they
are committed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from adsnet.resources import path_of

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap

    from app.views.window import MainWindow

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE = (1400, 860)
SECONDS = 600
ITERATIONS = 60


def main() -> int:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADSNET_STUDIO_HOME"] = str(Path(folder) / "home")
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        sample = Path(folder) / "sample"
        shutil.copytree(path_of("sample"), sample)
        from app.bootstrap import main as run

        return run([str(sample)], started=_take_all)


def _take_all(studio: object) -> None:
    from PySide6.QtTest import QTest

    from app.bootstrap import Studio
    from app.views.tools import Pointer

    assert isinstance(studio, Studio)
    session, window = studio.session, studio.window
    assert session.sequence is not None
    stems = session.sequence.stems
    IMAGES.mkdir(parents=True, exist_ok=True)

    def wait(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, "the program did not get there"
            QTest.qWait(20)

    def show(stem: str) -> None:
        session.go_to(stems.index(stem))
        wait(lambda: session.prediction is not None and not session.jobs.busy("predict"))
        QTest.qWait(300)

    def toggle(*layers: str) -> None:
        for layer in layers:
            window.action_set[f"layer.{layer}"].trigger()
        QTest.qWait(100)

    def take(name: str) -> None:
        QTest.qWait(300)
        picture_of(window).save(str(IMAGES / f"{name}.png"))
        sys.stdout.write(f"{name}.png\n")

    _take_raw_dialog(sample_frames=[session.sequence.read(i).pixels for i in range(4)], folder=session.sequence.root)

    window.resize(*SIZE)
    session.set_settings(replace(session.settings, theme="dark"))
    show("ground_06")
    window.fit()
    toggle("patches3", "patches2")
    take("window")

    find(window, "targ")
    take("find")
    assert window.guidance.palette is not None
    window.guidance.palette.close()

    toggle("patches3", "patches2")
    wait(lambda: session.predictions.features.current is not None)
    session.display.set_visible("B3", True)
    window.workspace.canvas.pointer_moved.emit(Pointer(95, 60))
    take("features")
    session.display.set_visible("B3", False)
    toggle("patches3", "patches2")

    window.cascade._stage3.slider.setValue(90)
    window.cascade._stage2.slider.setValue(97)
    wait(lambda: session.prediction is not None and session.prediction.kept["2"] < 0.04)
    take("cascade")

    toggle("patches3", "patches2", "attention4")
    take("attention")
    toggle("attention4")

    window.action_set["model.judge"].trigger()
    wait(lambda: session.report.status == "done")
    window.show_panel("why")
    take("why")
    window.show_panel("measures")
    window.show_panel("report")
    wait(lambda: session.report.shown is not None)
    take("measures")
    window.show_panel("targets")
    window.show_panel("cascade")

    window.cascade._stage3.slider.setValue(25)
    window.cascade._stage2.slider.setValue(50)
    _measure(studio, lambda: show("ground_01"), take)
    show("clouds_06")
    if session.predictions.targets:
        window.workspace.jump_to(0)
    window.action_set["tool.brush"].trigger()
    session.display.set_brush_size(3)
    take("correct")
    window.action_set["tool.select"].trigger()

    window.fit()
    for stem in stems[2::3]:
        session.go_to(stems.index(stem))
        session.mark_reviewed()
    window.action_set["model.fine_tune"].trigger()
    window.fine_tune.iterations.setValue(ITERATIONS)
    window.fine_tune.start.click()
    wait(lambda: session.fine_tune.iteration >= ITERATIONS // 2)
    take("fine-tune")
    wait(lambda: not session.fine_tune.active)
    take("compare")

    window.comparison.choose("aadcdd", False)
    window.action_set["compare.view"].trigger()
    window.action_set["compare.start"].trigger()
    wait(lambda: window.comparison.status == "done")
    window.compare.kinds.setCurrentIndex(1)
    show("ground_06")
    wait(lambda: window.comparison.frame is not None and len(window.comparison.frame.outcomes) == 4)
    take("detectors")
    window.action_set["compare.view"].trigger()

    session.set_settings(replace(session.settings, theme="light"))
    show("sea_09")
    take("light")
    window.close()


def _take_raw_dialog(sample_frames: Sequence[NDArray[Any]], folder: Path) -> None:
    """The dialog on frames of the sample that were written without a header."""
    from PySide6.QtTest import QTest

    from adsnet.data.raw import RawLayout
    from app.views.raw_dialog import RawDialog

    height, width = sample_frames[0].shape
    clip = folder / "clip.raw"
    clip.write_bytes(bytes(1024) + b"".join(f.tobytes() for f in sample_frames if f.shape == (height, width)))
    dialog = RawDialog(clip, RawLayout(width, height, str(sample_frames[0].dtype), offset=1024))
    dialog.show()
    end = time.monotonic() + SECONDS
    while dialog.layout_chosen is None and time.monotonic() < end:
        QTest.qWait(20)
    dialog.grab().save(str(IMAGES / "raw.png"))
    sys.stdout.write("raw.png\n")
    dialog.reject()


def _measure(studio: object, show: Callable[[], None], take: Callable[[str], None]) -> None:
    """A line and a region over the first target of a frame, and the frame evened out."""
    from PySide6.QtTest import QTest

    from adsnet.targets import find_targets
    from app.bootstrap import Studio
    from app.views.measuring import Line

    assert isinstance(studio, Studio)
    session, window = studio.session, studio.window
    show()
    target = find_targets(session.document.mask)[0]
    x, y = round(target.x), round(target.y)
    session.display.set_visible("label", False)
    window.action_set["tool.surface"].trigger()
    window.action_set["tool.profile"].trigger()
    QTest.qWait(100)  # the panels take their room from the canvas
    window.workspace.canvas.centre_on(x, y, least_zoom=11.0)
    window.workspace.measuring.set_line(Line((x - 13, y - 6), (x + 13, y + 6)))
    window.workspace.measuring.set_region((x - 16, y - 14, 33, 29))
    take("measure")
    window.action_set["tool.select"].trigger()
    session.display.set_visible("label", True)
    window.show_panel("display")
    window.fit()
    session.display.set_clahe(True)
    session.display.set_colour_map("ironbow")
    take("clahe")
    session.display.set_clahe(False)
    session.display.set_colour_map("white_hot")
    window.workspace.measuring.set_line(None)
    window.workspace.measuring.set_region(None)
    for panel in ("stages", "layers", "cascade"):
        window.show_panel(panel)


def find(window: MainWindow, typed: str) -> None:
    """Open the palette and type into it."""
    from PySide6.QtTest import QTest

    window.show_palette()
    assert window.guidance.palette is not None
    QTest.keyClicks(window.guidance.palette.field, typed)


def picture_of(window: MainWindow) -> QPixmap:
    """The window with the palette over it where that is open."""
    from PySide6.QtGui import QPainter

    picture, palette = window.grab(), window.guidance.palette
    if palette is not None and palette.isVisible():
        painter = QPainter(picture)
        painter.drawPixmap(window.mapFromGlobal(palette.pos()), palette.grab())
        painter.end()
    return picture


if __name__ == "__main__":
    sys.exit(main())
