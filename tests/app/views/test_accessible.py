"""Every control of the window has a name for a screen reader, and icons and panels explain themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QGraphicsView,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QProgressBar,
    QScrollBar,
    QTabBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from adsnet.data.raw import RawLayout
from app.state.session import Session
from app.views.palette import Palette
from app.views.raw_dialog import RawDialog
from app.views.window import MainWindow

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QGraphicsView, QKeySequenceEdit,
    QLineEdit, QProgressBar,
)  # fmt: skip


COMPOUND = (QAbstractSpinBox, QComboBox, QLineEdit, QTabBar, QKeySequenceEdit, QAbstractItemView)


def of_another(widget: QWidget) -> bool:
    """Whether Qt made it as a part of another control, of a dock or of a menu bar."""
    inner = isinstance(widget, QScrollBar | QHeaderView) or widget.objectName().startswith("qt_")
    return inner or isinstance(widget.parentWidget(), COMPOUND) or widget.window().inherits("QComboBoxPrivateContainer")


def controls(root: QWidget) -> Iterator[QWidget]:
    for widget in root.findChildren(QWidget):
        if isinstance(widget, CONTROLS) and not of_another(widget):
            yield widget


def where(widget: QWidget) -> str:
    path = [widget.metaObject().className()]
    parent = widget.parentWidget()
    while parent is not None:
        path.append(parent.objectName() or parent.metaObject().className())
        parent = parent.parentWidget()
    return " < ".join(path)


def name_of(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text


def parts(window: MainWindow) -> list[QWidget]:
    """The window and the windows over it."""
    window.show_keys()
    window.show_palette()
    dialog, palette = window.guidance.keys_dialog, window.guidance.palette
    assert isinstance(dialog, QDialog) and isinstance(palette, Palette)
    palette.close()
    return [window, dialog, palette]


def test_every_control_has_a_name(window: MainWindow) -> None:
    found = [widget for part in parts(window) for widget in controls(part)]
    assert len(found) > 60
    assert [where(widget) for widget in found if not name_of(widget).strip()] == []
    keys = [f"{where(w)}: {name_of(w)}" for w in found if "(" in w.accessibleName()]
    assert keys == [], "a name holds no key: that may change"


def test_the_fields_of_raw_frames_have_names(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "clip.raw").write_bytes(bytes(64 * 48 * 2))
    dialog = RawDialog(tmp_path / "clip.raw", RawLayout(64, 48, "uint16"))
    qtbot.addWidget(dialog)
    found = list(controls(dialog))
    assert len(found) > 8 and [where(widget) for widget in found if not name_of(widget)] == []


def test_what_has_no_words_on_it_has_a_tool_tip(window: MainWindow) -> None:
    bare = [
        widget
        for part in parts(window)
        for widget in controls(part)
        if (isinstance(widget, QToolButton) and widget.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly)
        or isinstance(widget, QAbstractSlider | QComboBox | QAbstractSpinBox)
    ]
    assert len(bare) > 30
    assert [where(widget) for widget in bare if not widget.toolTip()] == []


def test_everything_is_explained_by_whats_this(window: MainWindow) -> None:
    silent = []
    for widget in controls(window):
        asked: QWidget | None = widget
        while asked is not None and not asked.whatsThis():
            asked = asked.parentWidget()
        if asked is None:
            silent.append(where(widget))
    assert silent == []
    assert [name for name, dock in window.docks.items() if not dock.whatsThis()] == []
    assert [a.text() for a in window.bars.toolbar.actions() if a.text() and not a.whatsThis()] == []


@pytest.mark.parametrize("name", ["frames", "targets", "layers", "display", "cascade", "fine_tune", "report"])
def test_the_focus_goes_down_a_panel_as_the_eyes_do(window: MainWindow, session: Session, name: str) -> None:
    window.show_panel(name)
    panel = window.docks[name].widget()
    assert panel is not None
    places: list[QPoint] = []
    widget: QWidget | None = panel.nextInFocusChain()
    while widget is not None and widget is not panel:
        takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
        if takes and panel.isAncestorOf(widget) and isinstance(widget, CONTROLS) and widget.isVisible():
            if not of_another(widget):
                places.append(widget.mapTo(panel, widget.rect().center()))
        widget = widget.nextInFocusChain()
    assert places, "nothing takes the focus"
    rows = [(round(place.y() / 14), place.x()) for place in places]
    assert rows == sorted(rows)
