"""Finding the way in the real window: changed keys, the palette, explanations, the layout, what was open lately."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWhatsThis

from app import bootstrap
from app.bootstrap import Studio
from app.views.keys_dialog import KeysDialog
from app.views.palette import Palette
from app.views.theme import DARK, LIGHT, colours
from tests.e2e.conftest import NoQuestions, RunStudio
from tests.waiting import pause


@pytest.fixture(autouse=True)
def ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is predicted here: the worker need not have started before it is ended."""
    monkeypatch.setattr(bootstrap, "_WORKER_GRACE_MS", 50)


CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "clip"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for i in range(3):
        Image.fromarray(np.full((24, 32), 100 + i, np.uint8)).save(root / "images" / f"night_{i}.png")
    return root


def press(studio: Studio, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key while the canvas has the focus."""
    studio.window.activateWindow()
    end = time.monotonic() + 10
    while QApplication.activeWindow() is not studio.window and time.monotonic() < end:
        pause(5)
    canvas = studio.window.workspace.canvas
    canvas.setFocus()
    QTest.keyClick(canvas, key, modifier)
    pause(5)


def keys_dialog(studio: Studio) -> KeysDialog:
    press(studio, Qt.Key.Key_F1)
    dialog = studio.window.guidance.keys_dialog
    assert dialog is not None and dialog.isVisible()
    return dialog


def palette(studio: Studio) -> Palette:
    press(studio, Qt.Key.Key_P, CTRL | SHIFT)
    opened = studio.window.guidance.palette
    assert opened is not None and opened.isVisible() and opened.field.hasFocus()
    return opened


def give_key(dialog: KeysDialog, action: str, key: Qt.Key) -> None:
    dialog.choose(action)
    dialog.new.click()
    QTest.keyClick(dialog.capture, key)
    pause(5)


def test_a_changed_key_works_at_once_and_after_a_restart(folder: Path, run_studio: RunStudio) -> None:
    def change(studio: Studio) -> None:
        dialog = keys_dialog(studio)
        give_key(dialog, "tool.brush", Qt.Key.Key_J)
        assert dialog.keys_shown("tool.brush") == "J" and "J is the key for “Brush” now" in dialog.message.text()
        dialog.close()
        press(studio, Qt.Key.Key_B)
        assert studio.selection.tool == "select"
        press(studio, Qt.Key.Key_J)
        assert studio.selection.tool == "brush"
        assert studio.window.action_set["tool.brush"].toolTip().endswith("(J)")

    def after_restart(studio: Studio) -> None:
        press(studio, Qt.Key.Key_J)
        assert studio.selection.tool == "brush"
        dialog = keys_dialog(studio)
        dialog.choose("tool.brush")
        dialog.reset.click()
        assert dialog.keys_shown("tool.brush") == "B" and not dialog.reset.isEnabled()
        dialog.close()
        press(studio, Qt.Key.Key_V)
        press(studio, Qt.Key.Key_J)
        assert studio.selection.tool == "select"
        press(studio, Qt.Key.Key_B)
        assert studio.selection.tool == "brush"

    assert run_studio([str(folder)], change) == 0
    assert run_studio([str(folder)], after_restart) == 0


def test_a_key_that_belongs_to_another_action_is_left_or_taken(folder: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        dialog = keys_dialog(studio)
        give_key(dialog, "view.fit", Qt.Key.Key_D)
        assert dialog.message.text() == "D belongs to “Next frame”. Take it for “Fit”?"
        assert dialog.take.text() == "Take it from “Next frame”"
        dialog.leave.click()
        assert dialog.keys_shown("go.next") == "D, Right" and dialog.take.isHidden()
        press(studio, Qt.Key.Key_D)
        assert studio.session.frame_index == 1
        give_key(dialog, "view.fit", Qt.Key.Key_D)
        dialog.take.click()
        assert dialog.keys_shown("go.next") == "Right" and dialog.keys_shown("view.fit") == "D"
        assert "“Next frame” has lost D" in dialog.message.text()
        press(studio, Qt.Key.Key_D)
        assert studio.session.frame_index == 1
        press(studio, Qt.Key.Key_Right)
        assert studio.session.frame_index == 2
        assert studio.window.workspace.timeline.next.toolTip() == "Next frame (Right)"
        dialog.reset_all.click()
        assert dialog.keys_shown("go.next") == "D, Right" and dialog.keys_shown("view.fit") == "Ctrl+0, F"
        assert studio.session.settings.shortcuts == {}

    assert run_studio([str(folder)], drive) == 0


def test_keys_that_are_held_cannot_be_given_away_and_escape_changes_nothing(
    folder: Path, run_studio: RunStudio
) -> None:
    def drive(studio: Studio) -> None:
        dialog = keys_dialog(studio)
        give_key(dialog, "tool.brush", Qt.Key.Key_H)
        assert "hides the overlays while it is held" in dialog.message.text() and dialog.capture.isVisible()
        QTest.keyClick(dialog.capture, Qt.Key.Key_Escape)
        assert dialog.isVisible() and dialog.capture.isHidden() and dialog.keys_shown("tool.brush") == "B"
        give_key(dialog, "label.reviewed", Qt.Key.Key_Return)
        dialog.take.click()
        dialog.close()
        press(studio, Qt.Key.Key_Return)
        assert studio.session.review.state(0) == "reviewed"
        studio.window.frames.filters.text.setFocus()
        QTest.keyClick(studio.window.frames.filters.text, Qt.Key.Key_Return)
        assert studio.session.review.state(0) == "reviewed", "fields keep the keys that they need"

    assert run_studio([str(folder)], drive) == 0


def test_keys_go_to_another_machine_in_a_file(folder: Path, run_studio: RunStudio, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"

    class Files(NoQuestions):
        def save_keys(self) -> Path | None:
            return file

        def open_keys(self) -> Path | None:
            return file

    def drive(studio: Studio) -> None:
        studio.context.dialogs = Files()
        dialog = keys_dialog(studio)
        give_key(dialog, "tool.brush", Qt.Key.Key_J)
        dialog.export.click()
        assert "keys.json" in dialog.message.text()
        assert json.loads(file.read_text())["keys"] == {"tool.brush": "J"}
        dialog.reset_all.click()
        dialog.load.click()
        assert dialog.keys_shown("tool.brush") == "J"
        file.write_text('{"format": "adsnet-keys-1", "keys": {"tool.eraser": "G", "no.such": "U", "view.fit": "H"}}')
        dialog.load.click()
        assert dialog.keys_shown("tool.eraser") == "G" and dialog.keys_shown("tool.brush") == "B"
        assert "no.such, view.fit" in dialog.message.text()
        file.write_text("{")
        dialog.load.click()
        assert "keys.json" in dialog.message.text() and dialog.keys_shown("tool.eraser") == "G"

    assert run_studio([str(folder)], drive) == 0


def test_damaged_keys_in_the_settings_give_one_sentence_and_defaults(folder: Path, run_studio: RunStudio) -> None:
    def damaged(studio: Studio) -> None:
        texts = [notice.text for notice in studio.session.notices.current if notice.key == "keys"]
        assert texts == ["Some keys are not usable and have their defaults: tool.brush."]
        press(studio, Qt.Key.Key_B)
        assert studio.selection.tool == "brush"
        press(studio, Qt.Key.Key_G)
        assert studio.selection.tool == "eraser"

    assert run_studio([str(folder)], lambda _studio: None) == 0
    settings = next(Path(os.environ["ADSNET_STUDIO_HOME"]).rglob("settings.json"))
    values = json.loads(settings.read_text())
    assert values["recent"] == [str(folder)], "also of a window that is closed at once"
    settings.write_text(json.dumps({**values, "shortcuts": {"tool.brush": "No+Such", "tool.eraser": "G"}}))
    assert run_studio([str(folder)], damaged) == 0


def test_the_palette_finds_runs_and_explains(folder: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        opened = palette(studio)
        QTest.keyClicks(opened.field, "eras")
        assert opened.current is not None
        assert (opened.current.title, opened.current.where, opened.current.keys) == ("Eraser", "Tools", "E")
        QTest.keyClick(opened.field, Qt.Key.Key_Return)
        assert studio.selection.tool == "eraser" and not opened.isVisible()

        opened = palette(studio)
        QTest.keyClicks(opened.field, "undo")
        assert opened.current is not None
        assert opened.current.reason == "There is nothing to undo in this frame."
        QTest.keyClick(opened.field, Qt.Key.Key_Return)
        assert opened.isVisible(), "what cannot be done stays there with its reason"
        QTest.keyClick(opened.field, Qt.Key.Key_Escape)
        assert not opened.isVisible()

        opened = palette(studio)
        QTest.keyClicks(opened.field, "night_2")
        QTest.keyClick(opened.field, Qt.Key.Key_Enter)
        assert studio.session.frame_index == 2

        opened = palette(studio)
        QTest.keyClicks(opened.field, "previous frame")
        first = opened.current
        QTest.keyClick(opened.field, Qt.Key.Key_Down)
        assert first is not None and opened.current is not None and opened.current is not first
        QTest.keyClick(opened.field, Qt.Key.Key_Up)
        QTest.keyClick(opened.field, Qt.Key.Key_Return)
        assert studio.session.frame_index == 1

        opened = palette(studio)
        QTest.keyClicks(opened.field, "display pan")
        QTest.keyClick(opened.field, Qt.Key.Key_Return)
        pause(5)
        assert not studio.window.display.visibleRegion().isEmpty()

    assert run_studio([str(folder)], drive) == 0


def explained() -> bool:
    """Whether the sheet of What's this is shown."""
    return any(w.inherits("QWhatsThat") and w.isVisible() for w in QApplication.topLevelWidgets())


def test_whats_this_explains_panels_tools_and_what_has_the_focus(folder: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        window = studio.window
        brush = window.bars.toolbar.widgetForAction(window.action_set["tool.brush"])
        assert "Draw label pixels" in window.action_set["tool.brush"].whatsThis()
        for clicked in (window.cascade, window.status.zoom, window.workspace.canvas.viewport(), brush):
            press(studio, Qt.Key.Key_F1, SHIFT)
            assert QWhatsThis.inWhatsThisMode() and not explained()
            QTest.mouseClick(clicked, Qt.MouseButton.LeftButton)
            assert explained() and not QWhatsThis.inWhatsThisMode(), clicked
            QWhatsThis.hideText()
            pause(5)
        assert studio.selection.tool == "select", "the click explained the tool and did not take it"
        press(studio, Qt.Key.Key_F1, SHIFT)
        press(studio, Qt.Key.Key_F1, SHIFT)
        assert explained() and not QWhatsThis.inWhatsThisMode()
        QWhatsThis.hideText()

    assert run_studio([str(folder)], drive) == 0


def test_the_layout_is_remembered_and_put_back(folder: Path, run_studio: RunStudio) -> None:
    right, left = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.LeftDockWidgetArea

    def move(studio: Studio) -> None:
        window = studio.window
        window.addDockWidget(right, window.docks["frames"])
        window.docks["stages"].close()
        window.docks["report"].setFloating(True)
        pause(20)

    def look(studio: Studio) -> None:
        window = studio.window
        pause(20)
        assert window.dockWidgetArea(window.docks["frames"]) == right
        assert not window.docks["stages"].isVisible() and window.docks["report"].isFloating()
        opened = palette(studio)
        QTest.keyClicks(opened.field, "reset layout")
        QTest.keyClick(opened.field, Qt.Key.Key_Return)
        pause(20)
        assert window.dockWidgetArea(window.docks["frames"]) == left
        assert window.docks["stages"].isVisible() and not window.docks["report"].isFloating()

    def stayed(studio: Studio) -> None:
        assert studio.window.dockWidgetArea(studio.window.docks["frames"]) == left

    for drive in (move, look, stayed):
        step: Callable[[Studio], None] = drive
        assert run_studio([str(folder)], step) == 0


def test_the_theme_changes_at_once_and_is_remembered(folder: Path, run_studio: RunStudio) -> None:
    def choose(studio: Studio) -> None:
        for name, expected in (("Light", LIGHT), ("Dark", DARK), ("Light", LIGHT)):
            opened = palette(studio)
            QTest.keyClicks(opened.field, name)
            assert opened.current is not None and opened.current.where == "View › Theme"
            QTest.keyClick(opened.field, Qt.Key.Key_Return)
            assert colours() is expected
            assert studio.window.action_set[f"theme.{name.lower()}"].isChecked()

    def stayed(studio: Studio) -> None:
        assert colours() is LIGHT and studio.window.action_set["theme.light"].isChecked()

    assert run_studio([str(folder)], choose) == 0
    assert run_studio([str(folder)], stayed) == 0


def test_the_next_start_offers_what_was_open_lately(folder: Path, run_studio: RunStudio) -> None:
    def first(studio: Studio) -> None:
        assert studio.session.sequence is not None
        studio.context.screen.close_window()

    def next_morning(studio: Studio) -> None:
        empty = studio.window.workspace.empty
        assert studio.session.sequence is None and empty.isVisible()
        offered = [button for button in empty.recent if button.isVisible()]
        assert [button.toolTip() for button in offered] == [str(folder)]
        offered[0].click()
        pause(300)
        assert studio.session.sequence is not None and studio.session.sequence.source == folder

    assert run_studio([], first) == 0  # the very first start shows the sample
    assert run_studio([str(folder)], first) == 0
    assert run_studio([], next_morning) == 0
