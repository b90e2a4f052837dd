"""A folder of many frames in the real window: natural order, filters, sorting."""

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
from app.bootstrap import Studio
from app.state.report import Conditions, Judged
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

COUNT = 3_000


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
        wait(lambda: panel.model.rowCount() == 111, "the names with that text")
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

        peaks = np.random.default_rng(0).permutation(2000) / 2000
        session.report.begin(Conditions("m", Sparsity(), 0.5))
        for i, peak in enumerate(peaks):
            session.report.add(Judged(i, sequence.stems[i], predicted=int(peak > 0.5), peak=peak, unsure=peak / 2))
        session.report.end("done")
        filters.order.setCurrentIndex(filters.order.findData("uncertainty"))
        assert panel.frames.frame_at(0) == int(peaks.argmax()) and panel.frames.frame_at(2000) == 2000
        filters.low.setValue(0.9)
        wait(lambda: panel.model.rowCount() == 200, "the scores from 0.9")
        folder_of_pictures = os.environ.get("ADSNET_PICTURES")
        if folder_of_pictures:
            pause(500)
            window.grab().save(str(Path(folder_of_pictures) / "many.png"))
        filters.reset.click()
        filters.order.setCurrentIndex(0)
        assert panel.frames.frame_at(10) == 10

    assert run_studio([str(folder.parent / "0.png")], drive) == 0
