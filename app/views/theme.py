"""Light and dark, on the Fusion style with our own palettes.

``system`` follows the colour scheme of the desktop. Desktops that do not tell it get the dark theme, which is
kinder to dim infrared frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.views.icons import icon_path

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, as #rrggbb."""

    window: str
    base: str
    raised: str
    line: str
    text: str
    quiet: str
    faint: str
    accent: str
    accent_text: str
    canvas: str
    good: str
    warn: str
    bad: str


DARK = Colours(
    window="#23272d", base="#1a1d22", raised="#2d333a", line="#3b424b", text="#e4e7eb", quiet="#a0a8b2",
    faint="#6a727c", accent="#4b8fe2", accent_text="#ffffff", canvas="#14161a",
    good="#4fb286", warn="#e0a13c", bad="#e26a5f",
)  # fmt: skip
LIGHT = Colours(
    window="#f2f3f5", base="#ffffff", raised="#ffffff", line="#cfd4da", text="#1c2026", quiet="#58616c",
    faint="#9aa2ac", accent="#2a6cc8", accent_text="#ffffff", canvas="#3a3e44",
    good="#22805a", warn="#a86a00", bad="#bf3b30",
)  # fmt: skip

# Overlay colours: from the Okabe-Ito set, which stays distinct for colour-blind eyes and on grey imagery.
PREDICTION = "#ff9f1c"
LABEL = "#56c8f0"
PATCH = {3: "#d18ae0", 2: "#3ecf9a"}
SELECTED = "#ffffff"

STATE_COLOURS = {"new": "#8b95a1", "corrected": "#f0c24b", "reviewed": "#4fb286"}


def is_dark(theme: Theme) -> bool:
    """Whether ``theme`` means dark on this desktop now."""
    if theme == "system":
        return QGuiApplication.styleHints().colorScheme() != Qt.ColorScheme.Light
    return theme == "dark"


def colours() -> Colours:
    """The colours of the theme in use."""
    return DARK if QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Put the palette and the few style rules of ``theme`` on the application."""
    schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark, "system": Qt.ColorScheme.Unknown}
    application.styleHints().setColorScheme(schemes[theme])
    chosen = DARK if is_dark(theme) else LIGHT
    application.setPalette(palette_of(chosen))
    application.setStyleSheet(style_sheet_of(chosen))


class ThemeFollower(QObject):
    """Keeps the application in the theme of the settings, and in that of the desktop where they say so."""

    def __init__(self, application: QApplication, wanted: Callable[[], str]) -> None:
        super().__init__(application)
        self._application, self._wanted = application, wanted
        self._applied = ""
        application.styleHints().colorSchemeChanged.connect(self._desktop_changed)
        self.apply()

    def follow(self) -> None:
        """Apply the theme that is wanted, if that is another one than before."""
        if self._wanted() != self._applied:
            self.apply()

    def apply(self) -> None:
        """Apply the theme that is wanted now."""
        name = self._applied = self._wanted()
        apply_theme(self._application, next((theme for theme in THEMES if theme == name), "system"))

    def release(self) -> None:
        """Follow no longer."""
        self._application.styleHints().colorSchemeChanged.disconnect(self._desktop_changed)
        self.deleteLater()

    def _desktop_changed(self) -> None:
        # Applying a theme may itself change the scheme; only a real change is worth the repaint.
        if self._wanted() == "system" and is_dark("system") != (colours() is DARK):
            self.apply()


def palette_of(c: Colours) -> QPalette:
    """The Qt palette made of the colours of one theme."""
    role = QPalette.ColorRole
    palette = QPalette()
    for target, value in (
        (role.Window, c.window), (role.WindowText, c.text), (role.Base, c.base), (role.AlternateBase, c.window),
        (role.Text, c.text), (role.Button, c.raised), (role.ButtonText, c.text), (role.BrightText, c.bad),
        (role.ToolTipBase, c.raised), (role.ToolTipText, c.text), (role.Highlight, c.accent),
        (role.HighlightedText, c.accent_text), (role.Link, c.accent), (role.LinkVisited, c.accent),
        (role.PlaceholderText, c.faint), (role.Light, c.line), (role.Midlight, c.line), (role.Mid, c.line),
        (role.Dark, c.line), (role.Shadow, c.base), (role.Accent, c.accent),
    ):  # fmt: skip
        palette.setColor(target, QColor(value))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(c.faint))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(c.line))
    return palette


def style_sheet_of(c: Colours) -> str:
    """The style rules that a palette cannot express: flat tool buttons, quiet dock titles, thin borders."""
    tick = icon_path("tick-white").as_posix()
    return f"""
    QToolBar {{ background: {c.window}; border: 0; border-bottom: 1px solid {c.line}; spacing: 2px; padding: 3px 6px; }}
    QToolBar::separator {{ background: {c.line}; width: 1px; margin: 4px 5px; }}
    QToolButton {{ border: 1px solid transparent; border-radius: 5px; padding: 4px; }}
    QToolButton:hover {{ background: {c.raised}; border-color: {c.line}; }}
    QToolButton:pressed, QToolButton:checked {{ background: {_mix(c.accent, c.window, 0.3)};
        border-color: {c.accent}; }}
    QToolButton[plain="true"] {{ padding: 3px; }}
    QToolButton[narrow="true"] {{ padding: 0 6px; border-color: {c.line}; border-radius: 4px; }}
    QToolButton[plain="true"]:checked {{ background: transparent; border-color: transparent; }}
    QToolButton[plain="true"]:hover {{ background: {c.raised}; border-color: {c.line}; }}
    QToolButton:disabled {{ background: transparent; border-color: transparent; }}
    QToolButton::menu-indicator {{ image: none; }}
    QStatusBar {{ border-top: 1px solid {c.line}; }}
    QStatusBar::item {{ border: 0; }}
    QMainWindow::separator {{ background: {c.line}; width: 1px; height: 1px; }}
    QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.line}; padding: 3px 5px; }}
    QHeaderView::section {{ background: {c.window}; color: {c.quiet}; border: 0; border-bottom: 1px solid {c.line};
        padding: 3px 6px; font-weight: normal; }}
    QTableView, QListView, QTreeView {{ border: 1px solid {c.line}; border-radius: 4px; gridline-color: {c.window}; }}
    QTreeView::item {{ padding: 2px 3px; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QTabBar::tab {{ padding: 5px 12px; color: {c.quiet}; border: 0; border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {c.text}; border-bottom-color: {c.accent}; }}
    QTabBar::tab:hover {{ color: {c.text}; }}
    QPushButton {{ background: {c.raised}; border: 1px solid {c.line}; border-radius: 5px; padding: 4px 12px; }}
    QPushButton:hover {{ border-color: {c.accent}; }}
    QPushButton:pressed {{ background: {c.base}; }}
    QPushButton:focus {{ border-color: {c.accent}; }}
    QPushButton:disabled {{ color: {c.faint}; border-color: {c.line}; background: {c.window}; }}
    QPushButton[primary="true"] {{ background: {c.accent}; color: {c.accent_text}; border-color: {c.accent}; }}
    QPushButton[primary="true"]:hover {{ background: {_mix(c.accent, c.text, 0.85)}; }}
    QPushButton[primary="true"]:disabled {{ background: {c.window}; color: {c.faint}; border-color: {c.line}; }}
    QProgressBar {{ border: 0; border-radius: 3px; background: {c.line}; max-height: 6px; min-height: 6px; }}
    QProgressBar::chunk {{ border-radius: 3px; background: {c.accent}; }}
    QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {c.faint}; border-radius: 3px;
        background: {c.base}; }}
    QCheckBox::indicator:hover {{ border-color: {c.accent}; }}
    QCheckBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; image: url({tick}); }}
    QCheckBox::indicator:disabled {{ border-color: {c.line}; background: {c.window}; }}
    QLabel[quiet="true"] {{ color: {c.quiet}; }}
    QLabel[heading="true"] {{ font-weight: 600; }}
    QFrame[rule="true"] {{ background: {c.line}; border: 0; max-height: 1px; min-height: 1px; }}
    """


def _mix(first: str, second: str, share: float) -> str:
    """The colour ``share`` of the way from ``second`` to ``first``."""
    a, b = QColor(first), QColor(second)
    parts = (round(x * share + y * (1 - share)) for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True))  # type: ignore[index]
    return QColor(*parts).name()
