"""Autosave: once for a burst, never postponed for ever, quiet when it fails."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.storage.autosave import Autosave


def test_a_burst_is_saved_once_and_in_time(qtbot: QtBot) -> None:
    saves: list[int] = []

    def save() -> bool:
        saves.append(1)
        return True

    autosave = Autosave(save, delay_ms=60)
    for _ in range(10):
        autosave.touch()
        qtbot.wait(10)  # edits that go on must not push the save away
    qtbot.waitUntil(lambda: not autosave.waiting, timeout=20000)
    assert 1 <= len(saves) <= 2
    qtbot.wait(100)
    assert len(saves) <= 2


def test_a_failed_save_is_tried_again_and_an_edit_comes_first(qtbot: QtBot) -> None:
    results = [False, True]
    autosave = Autosave(lambda: results.pop(0), delay_ms=5, retry_ms=60_000)
    autosave.touch()
    qtbot.waitUntil(lambda: len(results) == 1, timeout=20000)
    assert autosave.waiting, "it tries again later"
    autosave.touch()
    qtbot.waitUntil(lambda: not results, timeout=20000)
    assert not autosave.waiting


def test_cancel_and_off() -> None:
    saves: list[int] = []

    def save() -> bool:
        saves.append(1)
        return True

    autosave = Autosave(save, delay_ms=10_000)
    autosave.touch()
    assert autosave.waiting
    autosave.cancel()
    assert not autosave.waiting and saves == []
    autosave.enabled = False
    autosave.touch()
    assert not autosave.waiting
