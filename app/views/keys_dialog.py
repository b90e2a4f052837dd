"""The list of keys and mouse gestures, made from the table of actions."""

from __future__ import annotations

from html import escape

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from app.actions.table import ACTIONS, MENUS
from app.views.action_set import key_text
from app.views.theme import colours

MOUSE = (
    ("Wheel", "Zoom at the pointer, up to 10,000 %"),
    ("Ctrl + wheel", "Size of the brush"),
    ("Space + drag, middle button", "Move the view"),
    ("Double click (select tool)", "Fit the frame"),
    ("Click (select tool)", "Select a predicted target; then Shift+Return accepts it, Del rejects it"),
    ("Shift + click (brush, eraser)", "Straight line from the end of the last stroke"),
    ("Right click", "Menu of the target; during a stroke: take it back"),
    ("Hold H", "Hide all overlays while held"),
)


def keys_html() -> str:
    """All keys as two columns."""
    quiet = colours().quiet
    rows: list[str] = []
    for menu in MENUS:
        lines = [
            f"<tr><td style='padding:1px 18px 1px 0'><b>{escape(', '.join(key_text(k) for k in spec.keys))}</b></td>"
            f"<td style='padding:1px 0'>{escape(spec.text.rstrip('…'))}"
            + (f"<span style='color:{quiet}'> – {escape(spec.tip)}</span>" if spec.tip else "")
            + "</td></tr>"
            for spec in ACTIONS
            if spec.menu == menu and spec.keys
        ]
        if lines:
            rows.append(f"<tr><td colspan='2' style='padding-top:9px; color:{quiet}'>{escape(menu)}</td></tr>")
            rows += lines
    rows.append(f"<tr><td colspan='2' style='padding-top:9px; color:{quiet}'>Mouse and held keys</td></tr>")
    rows += [
        f"<tr><td style='padding:1px 18px 1px 0'><b>{escape(keys)}</b></td><td>{escape(text)}</td></tr>"
        for keys, text in MOUSE
    ]
    return f"<table>{''.join(rows)}</table>"


class KeysDialog(QDialog):
    """A window beside the main one, so that keys can be tried while it is open."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.resize(640, 620)
        text = QTextBrowser()
        text.setHtml(keys_html())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(buttons)
