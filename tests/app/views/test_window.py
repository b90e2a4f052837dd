"""The window as a whole: menus, keys, tools, notices, closing, themes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent, QIcon, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QMenu, QToolButton
from pytestqt.qtbot import QtBot

from app.actions.table import ACTIONS, MENUS, SUBMENUS
from app.state.notices import Notices
from app.state.session import Session
from app.storage.settings import Settings
from app.views import icons
from app.views.notice_bar import NoticeBar
from app.views.selection import Selection
from app.views.theme import DARK, LIGHT, apply_theme, colours
from app.views.window import MainWindow
from tests.app.views.conftest import arrive, prediction
from tests.waiting import pause


def _performed(window: MainWindow) -> list[str]:
    done: list[str] = []
    window.performed.connect(done.append)
    return done


def _menus(window: MainWindow) -> dict[str, QMenu]:
    """All menus by their path, those within menus too."""
    found: dict[str, QMenu] = {}

    def add(path: str, actions: Sequence[QAction]) -> None:
        for action in actions:
            menu = action.menu()
            if isinstance(menu, QMenu):
                name = f"{path}{action.text().replace('&', '')}"
                found[name] = menu
                add(f"{name}/", menu.actions())

    add("", window.menuBar().actions())
    return found


def test_every_action_is_in_its_menu(window: MainWindow) -> None:
    menus = _menus(window)
    assert [name for name in menus if "/" not in name] == list(MENUS)
    assert {name.partition("/")[2] for name in menus} - {""} == set(SUBMENUS)
    for spec in ACTIONS:
        menu = menus[f"{spec.menu}/{spec.submenu}" if spec.submenu else spec.menu]
        assert spec.label in [a.text() for a in menu.actions()], spec.id


def test_every_entry_of_a_menu_has_a_letter_of_its_own(window: MainWindow) -> None:
    window.bars.recent.aboutToShow.emit()
    lists = {name: menu.actions() for name, menu in _menus(window).items()}
    assert len(lists) == len(MENUS) + len(SUBMENUS)
    for name, entries in {"": window.menuBar().actions(), **lists}.items():
        named = [QKeySequence.mnemonic(entry.text()).toString() for entry in entries if not entry.isSeparator()]
        assert named and len(set(named)) == len(named) and "" not in named, (name, named)
    used = {key for spec in ACTIONS for key in spec.keys}
    assert not used & {QKeySequence.mnemonic(title).toString() for title in MENUS.values()}


def test_a_menu_is_opened_by_its_letter_and_an_entry_by_its_own(window: MainWindow, qtbot: QtBot) -> None:
    done = _performed(window)
    window.activateWindow()
    menu = _menus(window)["Tools"]
    QTest.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(menu.isVisible)
    QTest.keyClick(menu, Qt.Key.Key_B)
    assert done == ["tool.brush"] and not menu.isVisible()


def test_buttons_and_panels_do_not_show_the_letters(window: MainWindow) -> None:
    texts = [button.text() for button in window.bars.toolbar.findChildren(QToolButton)]
    texts += [dock.windowTitle() for dock in window.docks.values()]
    assert "Accept all" in texts and "Frames" in texts and not any("&" in text for text in texts)


@pytest.mark.parametrize("way", ["menu", "key", "toolbar"])
def test_a_tool_is_reached_by_menu_key_and_toolbar(window: MainWindow, qtbot: QtBot, way: str) -> None:
    done = _performed(window)
    if way == "menu":
        window.action_set["tool.brush"].trigger()
    elif way == "key":
        window.activateWindow()
        window.workspace.canvas.setFocus()
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_B)
    else:
        button = window.bars.toolbar.widgetForAction(window.action_set["tool.brush"])
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == ["tool.brush"]


def test_local_keys_work_on_the_canvas_only(window: MainWindow, session: Session) -> None:
    done = _performed(window)
    arrive(session, prediction((10, 10, 2, 2)))
    pause(5)
    window.activateWindow()
    window.frames.filters.text.setFocus()
    QTest.keyClick(window.frames.filters.text, Qt.Key.Key_Return)
    QTest.keyClick(window.frames.filters.text, Qt.Key.Key_Delete)
    assert done == []
    window.workspace.canvas.setFocus()
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_Return)
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_Right)
    assert done == ["label.accept_frame", "go.next"]
    window.bars.toolbar.setFocus()
    for widget in (window, window.bars.toolbar, window.docks["layers"]):
        QTest.keyClick(widget, Qt.Key.Key_Delete)
    assert done == ["label.accept_frame", "go.next"]
    assert window.action_set["label.accept_frame"].shortcut().toString() == "Return", "the menu shows it"


def test_letters_typed_into_the_filter_stay_there(window: MainWindow) -> None:
    done = _performed(window)
    window.frames.filters.text.setFocus()
    QTest.keyClicks(window.frames.filters.text, "bed")
    assert window.frames.filters.text.text() == "bed" and done == []


def test_a_goes_back_and_shift_return_accepts_the_target_also_with_one_selected(
    window: MainWindow, session: Session
) -> None:
    selection: Selection = window._selection
    session.step(1)
    arrive(session, prediction((10, 10, 2, 2)))
    pause(5)
    done = _performed(window)
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_A)
    selection.select(0)
    pause(5)
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_A)
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert done == ["go.previous", "go.previous", "label.accept_target"]
    assert "Shift+Return" in window.targets.accept.toolTip()


def test_return_in_the_table_of_targets_accepts_the_frame(window: MainWindow, session: Session) -> None:
    arrive(session, prediction((10, 10, 2, 2), (20, 20, 2, 2)))
    pause(5)
    done = _performed(window)
    window.activateWindow()
    window.targets.table.setFocus()
    QTest.keyClick(window.targets.table, Qt.Key.Key_Down)
    QTest.keyClick(window.targets.table, Qt.Key.Key_Return)
    QTest.keyClick(window.targets.table, Qt.Key.Key_Delete)
    assert done == ["label.accept_frame"]  # nothing is connected that would select the target for Del


def test_a_first_frame_that_cannot_be_read_is_told_by_a_window_made_later(
    folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    frame = folder / "images" / "frame_00.png"
    frame.write_bytes(frame.read_bytes()[:200])
    session = Session(Settings(theme="dark", autosave=False))
    session.open([folder])
    memory = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    window = MainWindow(session, Selection(session), memory=memory)
    qtbot.addWidget(window)
    window.show()
    assert session.frame is None
    assert window.workspace.notices.isVisible() and "frame_00.png" in window.workspace.notices.text.text()
    session.step(1)
    assert not window.workspace.notices.isVisible()
    session.close_sequence(discard=True)


def test_the_targets_panel_counts_found_and_missed_while_that_layer_is_shown(
    window: MainWindow, session: Session
) -> None:
    arrive(session, prediction((10, 10, 2, 2)))
    session.display.set_visible("verdicts", True)
    assert "0 found, 0 missed, 1 false" in window.targets.summary
    session.accept_frame()
    assert "1 found, 0 missed, 0 false" in window.targets.summary
    session.display.set_visible("verdicts", False)
    assert window.targets.summary == "1 predicted target"


@pytest.mark.parametrize("gone", ["disabled", "hidden"])
def test_a_button_that_goes_with_its_click_gives_the_keys_to_the_canvas(
    window: MainWindow, session: Session, gone: str
) -> None:
    window.activateWindow()
    window.show_panel("fine_tune")
    button = window.fine_tune.comparison.accept if gone == "disabled" else window.fine_tune.start
    window.fine_tune.tabs.setCurrentIndex(int(gone == "disabled"))
    button.setEnabled(True)
    button.clicked.connect(lambda: button.setEnabled(False) if gone == "disabled" else button.hide())
    button.setFocus()
    assert window.focusWidget() is button
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert window.focusWidget() is window.workspace.canvas


def test_the_window_fits_a_small_screen(window: MainWindow) -> None:
    window.resize(1000, 700)
    pause(5)
    assert (window.width(), window.height()) == (1000, 700)
    window.toggle_comparison()
    pause(5)
    assert (window.width(), window.height()) == (1000, 700)


def test_the_list_marks_the_frame_that_is_shown_already(window: MainWindow) -> None:
    assert [index.row() for index in window.frames.list.selectionModel().selectedRows()] == [0]


def test_the_reason_is_told_where_an_action_is_disabled(window: MainWindow) -> None:
    action = window.action_set["label.accept_frame"]
    assert not action.isEnabled() and "no prediction yet" in action.toolTip()


def test_the_brush_draws_with_the_size_of_the_toolbar(
    window: MainWindow, session: Session, selection: Selection
) -> None:
    window.bars.brush_requested.connect(session.display.set_brush_size)
    window.bars.brush.setValue(3)
    selection.use_tool("brush")
    canvas = window.workspace.canvas
    pause(10)
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(20, 20).toPoint())
    assert session.document.mask.sum() == 9


def test_h_hides_the_overlays_while_held_wherever_the_focus_is(window: MainWindow, session: Session) -> None:
    for widget in (window.workspace.canvas, window.frames.list):
        QTest.keyPress(widget, Qt.Key.Key_H)
        assert session.display.hidden
        QTest.keyRelease(widget, Qt.Key.Key_H)
        assert not session.display.hidden


def test_clicking_a_target_selects_it_and_the_table_follows(window: MainWindow, session: Session) -> None:
    arrive(session, prediction((10, 10, 4, 4), (40, 30, 4, 4)))
    pause(10)
    canvas = window.workspace.canvas
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(41, 31).toPoint())
    assert window._selection.target == 1 and window.targets.table.currentIndex().row() == 1


def test_dropped_files_are_asked_for(window: MainWindow, folder: Path) -> None:
    dropped: list[list[Path]] = []
    window.paths_dropped.connect(dropped.append)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, left, none))
    assert dropped == [[folder]]


def test_the_window_stays_when_it_may_not_close(window: MainWindow) -> None:
    window.may_close = lambda: False
    assert not window.close() and window.isVisible()
    window.may_close = lambda: True
    assert window.close()


def test_docks_are_remembered(session: Session, selection: Selection, qtbot: QtBot, tmp_path: Path) -> None:
    path = str(tmp_path / "memory.ini")
    first = MainWindow(session, selection, memory=QSettings(path, QSettings.Format.IniFormat))
    qtbot.addWidget(first)
    first.show()
    first.docks["targets"].close()
    first.resize(900, 640)
    first.close()
    second = MainWindow(session, selection, memory=QSettings(path, QSettings.Format.IniFormat))
    qtbot.addWidget(second)
    second.show()
    assert not second.docks["targets"].isVisible() and second.docks["frames"].isVisible()
    second.default_layout()
    assert second.docks["targets"].isVisible()


def test_tabs_need_no_title_bar_and_floating_docks_do(window: MainWindow, qtbot: QtBot) -> None:
    dock: QDockWidget = window.docks["cascade"]
    assert dock.titleBarWidget() is not None and window.docks["frames"].titleBarWidget() is None
    dock.setFloating(True)
    qtbot.waitUntil(lambda: dock.titleBarWidget() is None)
    window.default_layout()
    qtbot.waitUntil(lambda: dock.titleBarWidget() is not None)


def test_the_theme_changes_palette_and_icons(window: MainWindow, qapp: QApplication) -> None:
    def ink() -> int:
        icon = window.action_set["tool.brush"].icon().pixmap(20, 20).toImage()
        shades = [icon.pixelColor(x, y) for x in range(20) for y in range(20)]
        return max((c.lightness() for c in shades if c.alpha() > 200), default=0)

    assert colours() is DARK and ink() > 150
    apply_theme(qapp, "light")
    pause(10)
    assert colours() is LIGHT and ink() < 120


def test_an_icon_is_drawn_only_where_it_is_another_one(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def icon_of(name: str) -> QIcon:
        drawn.append(name)
        return QIcon()

    monkeypatch.setattr(icons, "icon_of", icon_of)
    button = QToolButton()
    qtbot.addWidget(button)
    for name in ("eye", "eye", "eye-off", "eye-off", "eye"):
        icons.set_icon(button, name)
    assert drawn == ["eye", "eye-off", "eye"]


def test_closing_the_sequence_shows_the_two_buttons(window: MainWindow, session: Session, qtbot: QtBot) -> None:
    session.close_sequence(discard=True)
    empty = window.workspace.empty
    assert empty.isVisible() and not window.workspace.timeline.isVisible()
    with qtbot.waitSignal(empty.sample_requested):
        empty.sample.click()
    with qtbot.waitSignal(empty.open_requested):
        empty.open.click()


def test_a_stroke_that_is_open_ends_before_another_frame_is_shown(window: MainWindow, session: Session) -> None:
    window._selection.use_tool("brush")
    canvas = window.workspace.canvas
    pause(10)
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(20, 20).toPoint())
    session.step(1)
    QTest.mouseMove(canvas.viewport(), canvas.position_of(30, 20).toPoint() + QPoint(1, 1))
    assert not session.document.mask.any()
    session.step(-1)
    assert np.argwhere(session.document.mask).tolist() == [[20, 20]]


def test_the_list_of_keys_names_every_key(window: MainWindow) -> None:
    window.show_keys()
    dialog = window.guidance.keys_dialog
    assert dialog is not None
    for spec in ACTIONS:
        for key in spec.keys:
            written = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
            assert written in dialog.keys_shown(spec.id).split(", ")


def test_notices_replace_each_other_by_key_and_show_details(qtbot: QtBot) -> None:
    notices = Notices()
    bar = NoticeBar(notices)
    qtbot.addWidget(bar)
    assert bar.isHidden()
    notices.error("The disk is full.", key="save", details="errno 28")
    notices.warn("The disk is nearly full.", key="save")
    assert bar.text.text() == "The disk is nearly full." and not bar.details_button.isVisibleTo(bar)
    notices.error("No model.", key="model", details="trace")
    assert bar.text.text() == "No model." and bar._more.text() == "+1"
    bar.details_button.click()
    assert bar.details.isVisibleTo(bar) and bar.details.toPlainText() == "trace"
    notices.withdraw("model")
    assert bar.text.text() == "The disk is nearly full." and not bar.details.isVisibleTo(bar)
    bar._close.click()
    assert notices.current == () and bar.isHidden()
    notices.info("Passing by.")
    assert bar.text.text() == "Passing by." and not bar.isHidden()
    bar._close.click()
    assert bar.isHidden()
