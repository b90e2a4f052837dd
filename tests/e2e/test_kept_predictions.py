"""Through the real window: a sequence that was predicted is shown in the next run without the network."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from adsnet.prediction import Prediction
from adsnet.resources import path_of
from adsnet.storage.folders import cache_folder
from app.bootstrap import Studio
from app.engine.client import WorkerClient
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SECONDS = 200
STEMS = ("clouds_03", "ground_06", "sea_04")


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_predicted_sequence_is_opened_again_without_the_network(
    tmp_path: Path, run_studio: RunStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stem in STEMS:
        (tmp_path / "few").mkdir(exist_ok=True)
        shutil.copy(path_of("sample") / "images" / f"{stem}.png", tmp_path / "few")
    made: list[Prediction] = []
    started: list[WorkerClient] = []
    start = WorkerClient.start

    def noted(client: WorkerClient) -> None:
        started.append(client)
        start(client)

    def judge(studio: Studio) -> None:
        QTest.keyClick(studio.window.workspace.canvas, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
        wait(lambda: studio.session.report.status == "done", "the judgement of the sequence")

    def visit(studio: Studio) -> list[Prediction]:
        session, found = studio.session, []
        for index in range(len(STEMS)):
            session.go_to(index)
            wait(lambda: session.prediction is not None and not session.jobs.busy("predict"), f"frame {index}")
            assert session.prediction is not None
            found.append(session.prediction)
        return found

    def first(studio: Studio) -> None:
        made.extend(visit(studio))
        judge(studio)
        wait(lambda: len(list((cache_folder() / "predictions").iterdir())) == len(STEMS), "the predictions on disk")

    def second(studio: Studio) -> None:
        computed: list[object] = []
        studio.client.predicted.connect(computed.append)
        again = visit(studio)
        judge(studio)
        assert computed == [] and studio.window.report.isVisibleTo(studio.window)
        for ours, theirs in zip(again, made, strict=True):
            assert np.array_equal(ours.probability, theirs.probability) and ours.stages == theirs.stages
            assert all(np.array_equal(a.kept, b.kept) for a, b in zip(ours.decisions, theirs.decisions, strict=True))
        # What was not computed yet is: the worker is there and takes over from the disk.
        studio.window.cascade._stage3.slider.setValue(60)
        wait(lambda: len(computed) == 1 and not studio.session.jobs.busy("predict"), "another dropped fraction")
        assert studio.session.prediction is not None and studio.session.prediction.kept["3"] < 0.5

    assert run_studio([str(tmp_path / "few")], first) == 0
    monkeypatch.setattr(WorkerClient, "start", noted)
    assert run_studio([str(tmp_path / "few")], second) == 0
    assert len(started) == 1, "the judgement needed no process of its own"
