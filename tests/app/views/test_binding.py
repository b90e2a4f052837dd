"""What panels do only while somebody looks."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QTabWidget
from pytestqt.qtbot import QtBot

from app.views.binding import WhileSeen


def test_many_wishes_are_carried_out_once_and_only_where_they_can_be_seen(qtbot: QtBot) -> None:
    tabs = QTabWidget()
    qtbot.addWidget(tabs)
    front, back = QLabel("front"), QLabel("back")
    tabs.addTab(front, "front")
    tabs.addTab(back, "back")
    done: list[str] = []
    seen = [WhileSeen(front, lambda: done.append("front")), WhileSeen(back, lambda: done.append("back"))]
    tabs.show()
    for one in seen * 3:
        one.wish()
    assert done == []
    qtbot.waitUntil(lambda: done == ["front"])
    tabs.setCurrentWidget(back)
    qtbot.waitUntil(lambda: done == ["front", "back"])
    tabs.setCurrentWidget(front)
    qtbot.wait(20)
    assert done == ["front", "back"], "nothing new was wished"
