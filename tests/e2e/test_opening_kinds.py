"""What people have on their disks, dropped on the real window: the colours on the screen are those of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtTest import QTest

from app.bootstrap import Studio
from app.state.sequence import Sequence
from app.storage.settings import Settings, save_settings
from tests.adsnet.data.golden import CASES, Opens
from tests.adsnet.data.making import ramp
from tests.e2e.conftest import RunStudio
from tests.e2e.hands import assert_colours, colours_seen, drop_files, let_go, links
from tests.e2e.test_showing import choose, drawn, press, ready, wait
from tests.waiting import pause

KINDS = {
    "tiff float32 with nan and inf": "still",
    "tiff tiled": "still",
    "tiff big endian": "still",
    "tiff palette": "still",
    "png palette": "still",
    "png colour and alpha": "still",
    "tiff pages big endian deflate": "pages",
    "npy stack": "array",
    "video with a header that lies": "video",
}


@pytest.fixture(autouse=True)
def settings() -> None:
    """White is the largest value of the frame and black the smallest; the network has nothing to do."""
    save_settings(Settings(predict_automatically=False, window="min_max"))


def opened(studio: Studio, path: Path) -> Sequence:
    """Drop it and wait until it is there."""
    session = studio.session
    drop_files(studio, path)
    wait(lambda: session.sequence is not None and session.sequence.source == path, path.name)
    pause(20)  # the keys are told what can be done now
    assert session.sequence is not None
    return session.sequence


def assert_shown(studio: Studio, expected: NDArray[Any]) -> None:
    assert drawn(studio).dtype == expected.dtype and np.array_equal(drawn(studio), expected)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    assert_colours(studio, expected, (float(expected.min()), float(expected.max())), greys)


@pytest.mark.timeout(120)
def test_files_of_every_kind_are_shown_as_they_are(tmp_path: Path, run_studio: RunStudio) -> None:
    cases = [case for case in CASES if case.name in KINDS]
    assert len(cases) == len(KINDS)

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        ready(studio)
        for case in cases:
            sequence, expected = opened(studio, case.make(tmp_path)), case.expected
            assert isinstance(expected, Opens) and sequence.kind == KINDS[case.name]
            assert len(sequence) == window.frames.model.rowCount() == len(expected.frames)
            for number, pixels in enumerate(expected.frames):
                assert session.frame_index == number
                assert_shown(studio, pixels)
                press(studio, Qt.Key.Key_D)  # at the last one nothing happens
            assert session.frame_index == len(expected.frames) - 1 and not session.notices.current

        # What is no file is not taken, and what is open stays.
        text = QMimeData()
        text.setText("a line of text")
        for other in (text, links(QUrl("https://example.com/a.png")), QMimeData()):
            assert not let_go(studio, other)
        assert session.sequence is sequence and not session.jobs.busy("open")

    assert run_studio([], drive) == 0


def data_set(root: Path, ending: str, lists: dict[str, str]) -> dict[str, NDArray[np.bool_]]:
    """Four frames ``t0`` … with one target each but the last, which has no label; returns the labels."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    labels = {}
    for i in range(4):
        labels[f"t{i}"] = np.zeros((24, 32), np.bool_)
        Image.fromarray(ramp(24, 32)).save(root / "images" / f"t{i}.png")
        if i < 3:
            labels[f"t{i}"][5 + i : 8 + 2 * i, 10 : 12 + i] = True
            Image.fromarray(labels[f"t{i}"].astype(np.uint8) * 255).save(root / "masks" / f"t{i}{ending}.png")
    for place, stems in lists.items():
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text("".join(f"{stem}\n" for stem in stems.split()))
    return labels


def coloured(studio: Studio) -> NDArray[np.bool_]:
    """Which pixels are not grey on the screen: what is laid over the frame."""
    seen = colours_seen(studio).astype(np.int16)
    return np.asarray(np.ptp(seen, axis=-1) > 8)


@pytest.mark.timeout(120)
def test_data_sets_of_three_layouts_open_with_their_lists_and_labels(tmp_path: Path, run_studio: RunStudio) -> None:
    layouts = {
        "SIRST": ("_pixels0", "idx_427/trainval.txt", "idx_427/test.txt"),
        "NUDT-SIRST": ("", "img_idx/train_NUDT-SIRST.txt", "img_idx/test_NUDT-SIRST.txt"),
        "IRSTD-1k": ("", "trainval.txt", "test.txt"),
    }

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        panel, filters = window.frames, window.frames.filters
        ready(studio)
        for name, (ending, training, test) in layouts.items():
            labels = data_set(tmp_path / name, ending, {training: "t0 t2", test: "t1 t3"})
            sequence = opened(studio, tmp_path / name)
            assert sequence.kind == "dataset" and sequence.stems == tuple(labels)
            assert panel.counter.text().startswith("4 frames; 3 labelled")
            for split, stems in {training: ["t0", "t2"], test: ["t1", "t3"]}.items():
                choose(filters.splits, Path(split).stem)
                assert [sequence.stems[panel.frames.frame_at(row)] for row in range(panel.model.rowCount())] == stems
                for row, stem in enumerate(stems):
                    place = panel.list.visualRect(panel.model.index(row, 0)).center()
                    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
                    assert session.document.stem == stem
                    assert np.array_equal(session.document.mask, labels[stem])
                    assert np.array_equal(coloured(studio), labels[stem])
            choose(filters.splits, "")
            assert panel.model.rowCount() == 4
            press(studio, Qt.Key.Key_X)
            assert not coloured(studio).any()
            press(studio, Qt.Key.Key_X)

    assert run_studio([], drive) == 0
