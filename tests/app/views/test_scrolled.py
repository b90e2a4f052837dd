"""Panels in a small window."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QListWidget, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.views.scrolled import Scrolled


def test_a_panel_only_scrolls_below_its_least_height(qtbot: QtBot) -> None:
    panel = QWidget()
    layout = QVBoxLayout(panel)
    words = QLabel("words that wrap " * 10)
    words.setWordWrap(True)
    rows = QListWidget()
    rows.setMinimumHeight(150)  # it would like to have more
    layout.addWidget(words)
    layout.addWidget(rows)
    scrolled = Scrolled(panel)
    qtbot.addWidget(scrolled)
    least = panel.minimumSizeHint().height()
    scrolled.resize(300, least + 5)
    scrolled.show()
    assert scrolled.verticalScrollBar().maximum() == 0 and panel.height() == least + 5 < panel.sizeHint().height()
    scrolled.resize(300, least - 40)
    qtbot.waitUntil(lambda: scrolled.verticalScrollBar().maximum() == 40)
    assert panel.height() == least and scrolled.minimumSizeHint().height() < least - 40
    rows.setMinimumHeight(180)
    qtbot.waitUntil(lambda: scrolled.verticalScrollBar().maximum() == 70)
