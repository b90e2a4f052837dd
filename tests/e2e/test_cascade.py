"""The cascade through the real window: what its views show are the tensors of the network."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from adsnet.config import Sparsity
from adsnet.prediction import Prediction
from adsnet.resources import path_of
from app.bootstrap import Studio
from tests.e2e.conftest import RunStudio

SECONDS = 120


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    folder = tmp_path / "sample"
    shutil.copytree(path_of("sample"), folder)
    return folder


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        QTest.qWait(10)


def settled(studio: Studio) -> Prediction:
    """The prediction of what is asked for now."""
    session = studio.session
    QTest.qWait(100)
    wait(lambda: session.prediction is not None and not session.jobs.busy("predict"), "a prediction")
    QTest.qWait(50)
    assert session.prediction is not None
    return session.prediction


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_patches_are_kept_above_a_threshold_of_each_stage(sample: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        session, cascade = studio.session, studio.window.cascade
        settled(studio)
        QTest.keyClick(cascade.rule, Qt.Key.Key_Down)
        made = settled(studio)
        assert session.sparsity.threshold == (0.5, 0.5)
        assert_kept_above(made, 0.5, 0.5)
        cascade._stage3.slider.setValue(40)
        cascade._stage2.slider.setValue(700)
        made = settled(studio)
        assert session.sparsity.threshold == (0.04, 0.7)
        assert_kept_above(made, 0.04, 0.7)
        kept, count = int(made.decisions[1].kept.sum()), made.decisions[1].kept.size
        assert cascade._stage2._kept.text().startswith(f"{kept} of {count} patches kept")
        for engine in ("dense", "gather"):
            cascade._engine.activated.emit(["auto", "dense", "gather"].index(engine))
            same = settled(studio)
            assert same.engine == engine and np.array_equal(same.mask, made.mask)
            assert [d.kept.tolist() for d in same.decisions] == [d.kept.tolist() for d in made.decisions]
        QTest.mouseClick(cascade.reset, Qt.MouseButton.LeftButton)
        assert session.sparsity == Sparsity() and settled(studio).kept == {"3": 0.75, "2": 0.5}

    assert run_studio([str(sample)], drive) == 0


def assert_kept_above(made: Prediction, stage3: float, stage2: float) -> None:
    first, second = made.decisions
    assert np.array_equal(first.kept, first.keep_probability > np.float32(stage3))
    assert np.array_equal(second.kept, first.kept & (second.keep_probability > np.float32(stage2)))
    assert 0 < second.kept.sum() < first.kept.sum() < first.kept.size
