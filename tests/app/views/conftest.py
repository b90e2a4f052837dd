"""A session on a small sequence, predictions made by hand, and icons, for the tests of the views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from adsnet.prediction import Attention, Decision, FeatureMap, Features, Prediction
from adsnet.resources import path_of
from app.state.session import Model, Session
from app.storage.settings import Settings
from app.views.icons import use_folder
from app.views.selection import Selection
from app.views.theme import apply_theme
from app.views.window import MainWindow

SHAPE = (48, 64)
FRAMES = 6
MakePrediction = Callable[..., Prediction]


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> None:
    """Icons and palette as in the program."""
    use_folder(path_of("icons"))
    qapp.setStyle("Fusion")
    apply_theme(qapp, "dark")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six 16-bit frames in a data set without labels."""
    root = tmp_path / "clip"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rng = np.random.default_rng(3)
    for i in range(FRAMES):
        pixels = rng.normal(7000, 40, SHAPE)
        pixels[20:22, 30:32] += 900
        Image.fromarray(pixels.astype(np.uint16)).save(root / "images" / f"frame_{i:02d}.png")
    return root


@pytest.fixture
def session(folder: Path, qapp: QApplication) -> Iterator[Session]:
    """The sequence is open, its first frame is shown, a model is named."""
    made = Session(Settings(theme="dark", autosave=False))
    made.open([folder])
    made.set_model(Model("test-model", folder / "test.safetensors", {}))
    yield made
    made.close_sequence(discard=True)


@pytest.fixture
def empty_session(qapp: QApplication) -> Session:
    """Nothing is open."""
    return Session(Settings(theme="dark"))


@pytest.fixture
def selection(session: Session) -> Selection:
    return Selection(session)


@pytest.fixture
def window(session: Session, selection: Selection, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """The real window on the session; nothing is connected to what it asks for."""
    made = MainWindow(session, selection, memory=QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat))
    qtbot.addWidget(made)
    made.show()
    return made


def decision(kept: NDArray[np.bool_], *, applies_to: int) -> Decision:
    """A decision mask on 16-pixel patches."""
    rows, columns = kept.shape
    return Decision(
        decided_at=applies_to + 1,
        applies_to=applies_to,
        keep_probability=np.where(kept, 0.875, 0.125).astype(np.float32),
        kept=kept,
        class_probability=np.zeros((rows, columns), np.float32),
        iou_score=np.zeros((0, 0), np.float32),
        row_edges=np.minimum(np.arange(rows + 1) * 16, SHAPE[0]).astype(np.int32),
        column_edges=np.minimum(np.arange(columns + 1) * 16, SHAPE[1]).astype(np.int32),
    )


def prediction(*boxes: tuple[int, int, int, int], dropped: int = 3) -> Prediction:
    """Targets as boxes (x, y, w, h); the first ``dropped`` patches are dropped for stage 2, one less for stage 3."""
    probability = np.full(SHAPE, 0.02, np.float32)
    for x, y, w, h in boxes:
        probability[y : y + h, x : x + w] = 0.9
    order = np.arange(12).reshape(3, 4)
    rng = np.random.default_rng(dropped)
    return Prediction(
        probability=probability,
        decisions=(decision(order >= dropped - 1, applies_to=3), decision(order >= dropped, applies_to=2)),
        attentions=tuple(
            Attention(stage, rng.random(8, np.float32), rng.random((3, 4), np.float32)) for stage in (4, 3)
        ),
        padded_shape=(48, 64),
        seconds=0.034,
        detector="adsnet",
        model="test-model",
        engine="gather",
    )


def features() -> Features:
    """Of a frame of ``SHAPE``: random strengths."""
    rng = np.random.default_rng(11)
    strides = {"B2": 4, "B3": 8, "B4": 16, "joined 4": 16, "F4": 16, "joined 3": 8, "F3": 8}
    maps = (
        FeatureMap(name, rng.random((SHAPE[0] // s, SHAPE[1] // s), np.float32), rng.random(8, np.float32))
        for name, s in strides.items()
    )
    return Features(tuple(maps), SHAPE)


def arrive(session: Session, made: Prediction) -> None:
    """The prediction is the answer for the frame shown."""
    key = session.prediction_key()
    assert key is not None
    assert session.predictions.take(session.predictions.next_generation(), key, made)
