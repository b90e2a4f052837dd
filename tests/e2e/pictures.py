"""Takes the pictures of the documentation from the real window: ``python -m tests.e2e.pictures [NAME …]``.

It works on a copy of the sample, with real child processes, and writes ``docs/images/NAME.png``, all of them by
default. Look at them before they are committed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adsnet.resources import path_of

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QWidget

    from app.bootstrap import Studio
    from app.views.window import MainWindow

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE = (1400, 860)
SECONDS = 600
ITERATIONS = 60
SHOWN = "sea_14"
"""The frame of most pictures: some of its targets are found, some are not."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures with these names, or all."""
    names = [name for name, _ in PICTURES]
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.pictures", description="Take pictures of the window.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    wanted = parser.parse_args(arguments).names or names
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"there is no picture {unknown[0]}; there are {', '.join(names)}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADSNET_STUDIO_HOME"] = str(Path(folder) / "home")
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        sample = Path(folder) / "sample"
        shutil.copytree(path_of("sample"), sample)
        from app.bootstrap import main as run

        failures: list[BaseException] = []

        def started(studio: Studio) -> None:
            try:
                Photographer(studio).take_all(wanted)
            except BaseException as failure:  # noqa: BLE001  carried out of the event loop, and the window closes
                failures.append(failure)
                studio.window.may_close = lambda: True
            studio.window.close()

        code = run([str(sample)], started=started)
        if failures:
            raise failures[0]
        return code


class Photographer:
    """Brings the window to what a picture shows and back; every picture can be taken alone, in any order."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.session, self.window = studio.session, studio.window
        assert self.session.sequence is not None
        self.stems = self.session.sequence.stems

    def take_all(self, names: Sequence[str]) -> None:
        """Take these pictures."""
        IMAGES.mkdir(parents=True, exist_ok=True)
        self.window.resize(*SIZE)
        self.session.set_settings(replace(self.session.settings, theme="dark"))
        for name, prepared in PICTURES:
            if name in names:
                self.wait(lambda: self.session.model is not None)
                with prepared(self) as dialog:
                    self.rest(300)
                    picture = picture_of(self.window) if dialog is None else dialog.grab()
                    picture.save(str(IMAGES / f"{name}.png"))
                sys.stdout.write(f"{name}.png\n")

    # ---- what several pictures need -------------------------------------------------------------------------

    def rest(self, milliseconds: int) -> None:
        """Let the window work."""
        from tests.waiting import pause

        pause(milliseconds)

    def wait(self, holds: Callable[[], bool]) -> None:
        """Let the window work until something holds."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, "the program did not get there"
            self.rest(20)

    def show(self, stem: str) -> None:
        """Go to a frame and wait for its prediction."""
        self.session.go_to(self.stems.index(stem))
        self.wait(lambda: self.session.prediction is not None and not self.session.jobs.busy("predict"))
        self.window.fit()
        self.rest(300)

    @contextlib.contextmanager
    def layers(self, *names: str) -> Iterator[None]:
        """Show other layers than usually."""
        display = self.session.display
        before = {name: display.visible(name) for name in names}
        for name in names:
            display.set_visible(name, True)
        self.rest(100)
        yield
        for name, visible in before.items():
            display.set_visible(name, visible)

    @contextlib.contextmanager
    def dropped(self, stage3: int = 90, stage2: int = 97) -> Iterator[None]:
        """Drop more patches than usually, in per cent."""
        self._drop(stage3, stage2)
        yield
        self._drop(25, 50)

    def _drop(self, stage3: int, stage2: int) -> None:
        self.window.cascade._stage3.slider.setValue(stage3)
        self.window.cascade._stage2.slider.setValue(stage2)
        kept = 1 - stage2 / 100
        self.wait(lambda: (now := self.session.prediction) is not None and abs(now.kept["2"] - kept) < 0.01)

    @contextlib.contextmanager
    def panels(self, *names: str) -> Iterator[None]:
        """Bring panels to the front."""
        for name in names:
            self.window.show_panel(name)
        self.rest(100)
        yield
        for name in ("targets", "layers", "cascade", "stages"):
            self.window.show_panel(name)

    def judge(self) -> None:
        """Judge all frames, unless they are."""
        if self.session.report.status != "done":
            self.window.action_set["model.judge"].trigger()
            self.wait(lambda: self.session.report.status == "done")

    # ---- the pictures ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def raw(self) -> Iterator[QWidget]:
        """The dialog for raw frames, with frames of the sample that were written without a header."""
        from adsnet.data.raw import RawLayout
        from app.views.raw_dialog import RawDialog

        sequence = self.session.sequence
        assert sequence is not None
        frames = [sequence.read(i).pixels for i in range(4)]
        height, width = frames[0].shape
        clip = sequence.root / "clip.raw"
        clip.write_bytes(bytes(1024) + b"".join(f.tobytes() for f in frames if f.shape == (height, width)))
        dialog = RawDialog(clip, RawLayout(width, height, str(frames[0].dtype), offset=1024))
        dialog.show()
        self.wait(lambda: dialog.layout_chosen is not None)
        yield dialog
        dialog.reject()

    @contextlib.contextmanager
    def overview(self) -> Iterator[None]:
        """The window as it is met."""
        self.show(SHOWN)
        with self.layers("patches3", "patches2"):
            yield

    @contextlib.contextmanager
    def find(self) -> Iterator[None]:
        """The palette."""
        with self.overview():
            find(self.window, "targ")
            yield
            assert self.window.guidance.palette is not None
            self.window.guidance.palette.close()

    @contextlib.contextmanager
    def frames(self) -> Iterator[None]:
        """The list of frames with its filters, by disagreement."""
        from PySide6.QtCore import Qt

        self.show(SHOWN)
        filters, docks = self.window.frames.filters, [self.window.docks[name] for name in ("frames", "targets")]
        heights = [dock.height() for dock in docks]
        with self.dropped():
            self.judge()
            filters.more.setChecked(True)
            filters.order.setCurrentIndex(filters.order.findData("disagreement"))
            filters.targets.setCurrentIndex(filters.targets.findData("labelled"))
            filters.low.setValue(0.2)
            self.window.resizeDocks(docks, [600, 200], Qt.Orientation.Vertical)
            self.wait(lambda: self.window.frames.model.rowCount() > 2)  # labels are read for their targets
            self.show(self.stems[self.window.frames.frames.frame_at(1)])
            with self.layers("verdicts"):
                yield
            filters.reset.click()
            filters.order.setCurrentIndex(0)
            filters.more.setChecked(False)
            self.window.resizeDocks(docks, heights, Qt.Orientation.Vertical)

    @contextlib.contextmanager
    def features(self) -> Iterator[None]:
        """The strip, and a level of the backbone over the frame."""
        from app.views.tools import Pointer

        self.show(SHOWN)
        self.wait(lambda: self.session.predictions.features.current is not None)
        with self.layers("B3"):
            self.window.workspace.canvas.pointer_moved.emit(Pointer(95, 60))
            yield
            self.window.workspace.canvas.pointer_moved.emit(None)

    @contextlib.contextmanager
    def cascade(self) -> Iterator[None]:
        """Nearly all patches dropped."""
        self.show(SHOWN)
        strip = self.window.stages.horizontalScrollBar()
        with self.dropped(), self.layers("patches3", "patches2"):
            strip.setValue(strip.maximum())
            yield
            strip.setValue(0)

    @contextlib.contextmanager
    def what_if(self) -> Iterator[None]:
        """The patch of the lowest target is dropped by hand."""
        from adsnet.targets import find_targets
        from app.state.what_if import flip_patch, free_patches

        self.show(SHOWN)
        with self.layers("patches3", "patches2"), self.panels("why"):
            target = find_targets(self.session.document.mask)[1]  # which lies in one patch
            before = self.session.prediction
            self.window.action_set["tool.patches"].trigger()
            flip_patch(self.session, target.x, target.y)
            self.wait(lambda: (now := self.session.prediction) is not None and now is not before)
            yield
            free_patches(self.session)
            self.window.action_set["tool.select"].trigger()

    @contextlib.contextmanager
    def attention(self) -> Iterator[None]:
        """Spatial attention over the frame."""
        self.show(SHOWN)
        with self.dropped(), self.layers("attention4"):
            yield

    @contextlib.contextmanager
    def why(self) -> Iterator[None]:
        """One line for each target of a frame that found some and lost one to sparsity, and that one's reason."""
        from PySide6.QtCore import Qt

        with self.dropped(95, 98):
            self.session.report.clear()
            self.judge()
            frames = [f for f in self.session.report.frames if any(v.skipped is not None for v in f.verdicts)]
            lost = max(frames, key=lambda frame: frame.counts["found"])
            self.show(lost.stem)
            docks = [self.window.docks["frames"]]
            with self.panels("why"), self.layers("patches3", "patches2"):
                self.window.resizeDocks(docks, [430], Qt.Orientation.Horizontal)
                self.rest(300)
                table, number = self.window.why.table, [v.skipped is not None for v in lost.verdicts].index(True)
                row = table.topLevelItem(number)
                assert row is not None
                table.setCurrentItem(row)
                yield
                self.window.resizeDocks(docks, [290], Qt.Orientation.Horizontal)
            self.session.report.clear()

    @contextlib.contextmanager
    def measures(self) -> Iterator[None]:
        """Pd over Fa, and the report."""
        self.show(SHOWN)
        with self.dropped():
            self.judge()
            with self.panels("measures", "report"):
                self.wait(lambda: self.session.report.shown is not None)
                yield

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        """A line and a region over the first target of a frame."""
        from adsnet.targets import find_targets
        from app.views.measuring import Line

        self.show("ground_01")
        measuring = self.window.workspace.measuring
        target = find_targets(self.session.document.mask)[0]
        x, y = round(target.x), round(target.y)
        self.session.display.set_visible("label", False)
        self.window.action_set["tool.surface"].trigger()
        self.window.action_set["tool.profile"].trigger()
        self.rest(100)  # the panels take their room from the canvas
        self.window.workspace.canvas.centre_on(x, y, least_zoom=11.0)
        measuring.set_line(Line((x - 13, y - 6), (x + 13, y + 6)))
        measuring.set_region((x - 16, y - 14, 33, 29))
        with self.panels():
            yield
        measuring.set_line(None)
        measuring.set_region(None)
        self.window.action_set["tool.select"].trigger()
        self.session.display.set_visible("label", True)

    @contextlib.contextmanager
    def clahe(self) -> Iterator[None]:
        """The same frame evened out and in colours."""
        display = self.session.display
        with self.measure(), self.panels("display"):
            self.window.action_set["tool.select"].trigger()
            display.set_visible("label", True)
            self.window.fit()
            display.set_clahe(True)
            display.set_colour_map("ironbow")
            yield
            display.set_clahe(False)
            display.set_colour_map("white_hot")

    @contextlib.contextmanager
    def correct(self) -> Iterator[None]:
        """A brush over a target."""
        from PySide6.QtTest import QTest

        from adsnet.targets import find_targets

        self.show("clouds_06")
        self.session.report.clear()
        target, canvas = find_targets(self.session.document.mask)[0], self.window.workspace.canvas
        canvas.centre_on(round(target.x), round(target.y), least_zoom=11.0)
        self.window.action_set["tool.brush"].trigger()
        self.session.display.set_brush_size(3)
        QTest.mouseMove(canvas.viewport(), canvas.position_of(target.x + 1, target.y).toPoint())
        yield
        self.session.display.set_brush_size(1)
        self.window.action_set["tool.select"].trigger()

    @contextlib.contextmanager
    def fine_tune(self) -> Iterator[None]:
        """A training half way."""
        self.show("clouds_06")
        self._start_tuning()
        self.wait(lambda: self.session.fine_tune.iteration >= ITERATIONS // 2)
        with self.panels("fine_tune"):
            yield

    @contextlib.contextmanager
    def compare(self) -> Iterator[None]:
        """The candidate of the training."""
        self.show("clouds_06")
        if not self.session.fine_tune.active:
            self._start_tuning()
        self.wait(lambda: not self.session.fine_tune.active)
        with self.panels("fine_tune"):
            yield

    def _start_tuning(self) -> None:
        shown = self.session.frame_index
        for index in range(2, len(self.stems), 3):
            self.session.go_to(index)
            self.session.mark_reviewed()
        self.show(self.stems[shown])
        self.window.action_set["model.fine_tune"].trigger()
        self.window.fine_tune.iterations.setValue(ITERATIONS)
        self.window.fine_tune.start.click()

    @contextlib.contextmanager
    def detectors(self) -> Iterator[None]:
        """Four detectors side by side."""
        window, comparison = self.window, self.window.comparison
        comparison.choose("aadcdd", False)
        window.action_set["compare.view"].trigger()
        window.action_set["compare.start"].trigger()
        self.wait(lambda: comparison.status == "done")
        window.compare.kinds.setCurrentIndex(1)
        self.show(SHOWN)
        self.wait(lambda: comparison.frame is not None and len(comparison.frame.outcomes) == 4)
        yield
        window.action_set["compare.view"].trigger()
        self.window.show_panel("stages")

    @contextlib.contextmanager
    def light(self) -> Iterator[None]:
        """The light theme."""
        self.session.set_settings(replace(self.session.settings, theme="light"))
        self.show("sea_09")
        yield
        self.session.set_settings(replace(self.session.settings, theme="dark"))


Prepared = Callable[[Photographer], contextlib.AbstractContextManager["QWidget | None"]]
"""Shows what is to be pictured, the window itself or the dialog that it gives, and brings everything back."""

PICTURES: tuple[tuple[str, Prepared], ...] = (
    ("raw", Photographer.raw),
    ("window", Photographer.overview),
    ("find", Photographer.find),
    ("features", Photographer.features),
    ("cascade", Photographer.cascade),
    ("what-if", Photographer.what_if),
    ("attention", Photographer.attention),
    ("why", Photographer.why),
    ("measures", Photographer.measures),
    ("frames", Photographer.frames),
    ("measure", Photographer.measure),
    ("clahe", Photographer.clahe),
    ("correct", Photographer.correct),
    ("fine-tune", Photographer.fine_tune),
    ("compare", Photographer.compare),
    ("detectors", Photographer.detectors),
    ("light", Photographer.light),
)


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
