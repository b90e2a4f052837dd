"""A folder of a hundred thousand frames in the real window: natural order, filters, sorting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from adsnet.config import Sparsity
from adsnet.metrics import FrameScore
from app.bootstrap import Studio
from app.state.report import Conditions, Judged
from app.views.frame_list import FrameListPanel
from tests.e2e.conftest import RunStudio
from tests.e2e.hands import drop_files
from tests.e2e.test_showing import choose, press
from tests.waiting import pause

COUNT = 100_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Links to a few small images; numbers without zeros, so that only natural order is the order of recording."""
    root = tmp_path_factory.mktemp("many") / "recording"
    root.mkdir()
    sources = []
    for i in range(4):
        pixels = np.random.default_rng(i).normal(7000, 40, (32, 40)).astype(np.uint16)
        Image.fromarray(pixels).save(root.parent / f"{i}.png")
        sources.append(root.parent / f"{i}.png")
    for i in range(COUNT):
        os.symlink(sources[i % 4], root / f"{'sky' if i < COUNT // 2 else 'sea'}_{i}.png")
    (root / "masks").mkdir()
    for i in (5, 7):
        mask = np.zeros((32, 40), np.uint8)
        mask[3, 3] = 255 * (i == 5)
        Image.fromarray(mask).save(root / "masks" / f"sky_{i}.png")
    (root / "test_list.txt").write_text("".join(f"sky_{i}\n" for i in range(0, 1200, 3)))
    return root


def wait(holds: Callable[[], bool], what: str, seconds: float = 100) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


def rows(panel: FrameListPanel) -> list[int]:
    """The frames as they are listed."""
    return [panel.frames.frame_at(row) for row in range(panel.model.rowCount())]


@pytest.mark.timeout(120)
def test_many_frames(folder: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        window.resize(1400, 900)
        panel, filters = window.frames, window.frames.filters
        session.open_later([folder])
        wait(lambda: session.sequence is not None and len(session.sequence) == COUNT, "the folder")
        pause(300)
        sequence = session.sequence
        assert sequence is not None
        assert sequence.stems[0] == f"sea_{COUNT // 2}" and sequence.stems[-1] == f"sky_{COUNT // 2 - 1}"
        first_sky = COUNT // 2
        assert sequence.stems[first_sky + 9 : first_sky + 11] == ("sky_9", "sky_10")
        assert panel.model.rowCount() == COUNT

        QTest.keyClicks(filters.text, "sky_9")
        wait(lambda: panel.model.rowCount() == 1111, "the names with that text")
        QTest.mouseClick(filters.regex, Qt.MouseButton.LeftButton)
        filters.text.selectAll()
        QTest.keyClicks(filters.text, "^sky_[0-9]{2}[.]")
        wait(lambda: panel.model.rowCount() == 90, "the names of that form")
        panel.list.scrollToBottom()
        last = panel.list.visualRect(panel.model.index(89, 0)).center()
        QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=last)
        assert sequence.stems[session.frame_index] == "sky_99"
        QTest.mouseClick(filters.more, Qt.MouseButton.LeftButton)
        QTest.mouseClick(filters.reset, Qt.MouseButton.LeftButton)
        assert panel.model.rowCount() == COUNT

        filters.splits.setCurrentIndex(filters.splits.findData("test_list"))
        assert panel.model.rowCount() == 400
        filters.reset.click()
        filters.labels.setCurrentIndex(filters.labels.findData("labelled"))
        assert panel.model.rowCount() == 2
        filters.targets.setCurrentIndex(filters.targets.findData("labelled"))
        wait(lambda: panel.model.rowCount() == 1, "the labels to be read")
        assert sequence.stems[panel.frames.frame_at(0)] == "sky_5"
        filters.reset.click()

        # Sorted by what judging found, the largest first or last; those that were not judged come last.
        rng = np.random.default_rng(0)
        found = {name: rng.permutation(2000) / 2000 for name in ("score", "uncertainty", "disagreement")}
        session.report.begin(Conditions("m", Sparsity(), 0.5))
        for i, (peak, unsure, wrong) in enumerate(zip(*found.values(), strict=True)):
            score = FrameScore(1, 1, 0, 0, 1 - wrong)
            stem, marked = sequence.stems[i], int(peak > 0.5)
            session.report.add(Judged(i, stem, score=score, predicted=marked, peak=peak, unsure=unsure))
        session.report.end("done")
        unjudged = list(range(2000, COUNT))
        for name, values in found.items():
            choose(filters.order, name)
            assert rows(panel) == [*np.argsort(-values), *unjudged]
            QTest.mouseClick(filters.descending, Qt.MouseButton.LeftButton)
            assert rows(panel) == [*np.argsort(values), *unjudged]
        assert found["disagreement"].argmax() != found["score"].argmax() != found["uncertainty"].argmax()
        choose(filters.order, "uncertainty")
        filters.low.setValue(0.9)
        wait(lambda: panel.model.rowCount() == 200, "the scores from 0.9")
        folder_of_pictures = os.environ.get("ADSNET_PICTURES")
        if folder_of_pictures:
            pause(500)
            window.grab().save(str(Path(folder_of_pictures) / "many.png"))
        filters.reset.click()
        filters.order.setCurrentIndex(0)
        assert panel.frames.frame_at(10) == 10

        # By review state: two are marked as reviewed, the label of one is corrected.
        for row, key in ((3, Qt.Key.Key_R), (5, Qt.Key.Key_R), (4, Qt.Key.Key_B)):
            place = panel.list.visualRect(panel.model.index(row, 0)).center()
            QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
            press(studio, key)
        canvas = window.workspace.canvas
        QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(9, 9).toPoint())
        press(studio, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        for state, expected in {"reviewed": [3, 5], "corrected": [4]}.items():
            choose(filters.states, state)
            assert rows(panel) == expected
        choose(filters.states, "new")
        assert rows(panel) == [frame for frame in range(COUNT) if session.review.state(frame) == "new"] != []

        # Files in the order in which they were dropped; by name in natural order, either way.
        few = [folder / f"{name}.png" for name in ("sky_10", "sea_51700", "sky_9", "sky_100")]
        drop_files(studio, *few)
        wait(lambda: session.sequence is not None and session.sequence.kind == "files", "four files")
        assert rows(panel) == [0, 1, 2, 3] and [panel.frames.name(i) for i in range(4)] == [path.name for path in few]
        choose(filters.order, "name")
        assert rows(panel) == [1, 2, 0, 3]
        QTest.mouseClick(filters.descending, Qt.MouseButton.LeftButton)
        assert rows(panel) == [3, 0, 2, 1]

    assert run_studio([str(folder.parent / "0.png")], drive) == 0
