"""Icons from our own SVG files, drawn in the text colour of the current theme.

The files use ``currentColor``. An icon that was set with ``set_icon`` is drawn again by ``refresh_icons`` after
the palette has changed.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

_SIZES = (16, 20, 24, 32)
_PROPERTY = "icon_name"
_sources: dict[str, bytes] = {}
_folder: list[Path] = []


def use_folder(folder: Path) -> None:
    """Say where the SVG files are; called once at the start."""
    _folder[:] = [folder]
    _sources.clear()


def icon_path(name: str) -> Path:
    """The file of an icon."""
    return (_folder[0] if _folder else Path()) / f"{name}.svg"


def source_of(name: str) -> bytes:
    """The SVG text of an icon; an empty drawing when there is no such file."""
    if name not in _sources:
        path = icon_path(name)
        _sources[name] = path.read_bytes() if path.is_file() else b"<svg viewBox='0 0 1 1'/>"
    return _sources[name]


def pixmap_of(name: str, *, size: int, colour: QColor, ratio: float = 1.0) -> QPixmap:
    """The icon as a pixmap of ``size`` logical pixels a side in one colour."""
    renderer = QSvgRenderer(QByteArray(source_of(name).replace(b"currentColor", colour.name().encode())))
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


def icon_of(name: str, colour: QColor | None = None) -> QIcon:
    """The icon in the colours of the application palette, or in ``colour``."""
    palette = QGuiApplication.palette()
    application = QGuiApplication.instance()
    ratio = application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0
    normal = colour or palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.ButtonText)
    disabled = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText)
    icon = QIcon()
    for size in _SIZES:
        icon.addPixmap(pixmap_of(name, size=size, colour=normal, ratio=ratio), QIcon.Mode.Normal)
        icon.addPixmap(pixmap_of(name, size=size, colour=disabled, ratio=ratio), QIcon.Mode.Disabled)
    return icon


def set_icon(target: QAction | QAbstractButton, name: str) -> None:
    """Give ``target`` the icon and remember its name for the next change of the theme.

    An icon that is there already is left alone: to draw one takes a millisecond, and panels set theirs at every change.
    """
    if target.property(_PROPERTY) != name:
        target.setProperty(_PROPERTY, name)
        target.setIcon(icon_of(name))


def refresh_icons(root: QObject) -> None:
    """Draw the icons of all actions and buttons below ``root`` in the colours of the current palette."""
    targets: list[QAction | QAbstractButton] = [*root.findChildren(QAction), *root.findChildren(QAbstractButton)]
    for target in targets:
        name = target.property(_PROPERTY)
        if isinstance(name, str) and name:
            target.setIcon(icon_of(name))
