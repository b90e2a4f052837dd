"""Finds out, without touching Qt, whether a window can be opened at all.

Qt aborts the process when it cannot load a platform plugin, and no Python code can catch that. So everything
that makes it abort on Linux is looked at before: the environment, the shared libraries and the display itself.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_BASE_LIBRARIES = (
    ("libEGL.so.1", "libegl1"),
    ("libGL.so.1", "libgl1"),
    ("libxkbcommon.so.0", "libxkbcommon0"),
    ("libfontconfig.so.1", "libfontconfig1"),
    ("libfreetype.so.6", "libfreetype6"),
    ("libX11.so.6", "libx11-6"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
)
_XCB_LIBRARIES = (
    ("libxcb-cursor.so.0", "libxcb-cursor0"),
    ("libxcb-icccm.so.4", "libxcb-icccm4"),
    ("libxcb-image.so.0", "libxcb-image0"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    ("libxcb-randr.so.0", "libxcb-randr0"),
    ("libxcb-render-util.so.0", "libxcb-render-util0"),
    ("libxcb-shape.so.0", "libxcb-shape0"),
    ("libxcb-sync.so.1", "libxcb-sync1"),
    ("libxcb-xfixes.so.0", "libxcb-xfixes0"),
    ("libxcb-xkb.so.1", "libxcb-xkb1"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ("libX11-xcb.so.1", "libx11-xcb1"),
)
_PLATFORMS_WITHOUT_SCREEN = ("offscreen", "minimal", "vnc")


def why_no_window(
    environment: Mapping[str, str],
    *,
    platform: str = sys.platform,
    loads: Callable[[str], bool] | None = None,
    connects: Callable[[str], bool] | None = None,
    plugins: Callable[[], frozenset[str]] | None = None,
) -> str | None:
    """One sentence that says why no window can be opened and what to do, or None when one can.

    Args:
        environment: the environment variables of the process.
        platform: as ``sys.platform``; only Linux is looked at, elsewhere Qt always finds its plugin.
        loads: tells whether a shared library can be loaded; replaced in tests.
        connects: tells whether the X server of a DISPLAY value answers; replaced in tests.
        plugins: the names of the platform plugins that are installed; replaced in tests.
    """
    if not platform.startswith("linux"):
        return None
    loads = loads or _loads
    connects = connects or _connects
    wanted = environment.get("QT_QPA_PLATFORM", "").split(";")[0].split(":")[0]
    if not wanted and not environment.get("DISPLAY") and not environment.get("WAYLAND_DISPLAY"):
        return (
            "there is no display to open the window on (neither DISPLAY nor WAYLAND_DISPLAY is set); start it in a "
            "desktop session, or use the command line `adsnet`"
        )
    known = (plugins or _plugins)()
    if wanted and known and wanted not in known:
        return f"QT_QPA_PLATFORM names '{wanted}', which is none of {', '.join(sorted(known))}; unset it"
    needs_xcb = wanted == "xcb" or (not wanted and not environment.get("WAYLAND_DISPLAY"))
    libraries = _BASE_LIBRARIES + (_XCB_LIBRARIES if needs_xcb else ())
    missing = [package for name, package in libraries if not loads(name)]
    if missing:
        return f"system libraries are missing; install them with: apt-get install {' '.join(missing)}"
    if needs_xcb and wanted not in _PLATFORMS_WITHOUT_SCREEN and not connects(environment.get("DISPLAY", "")):
        shown = environment.get("DISPLAY") or "(not set)"
        return f"the display {shown} does not answer; check the DISPLAY variable and the permission to use it"
    return None


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _connects(display: str) -> bool:
    """Whether an X server answers at ``display``; True when this cannot be found out."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(display.encode(errors="surrogateescape"), None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed


def _plugins() -> frozenset[str]:
    """Names that QT_QPA_PLATFORM may have, or nothing when they cannot be found out."""
    spec = importlib.util.find_spec("PySide6")
    if spec is None or spec.origin is None:
        return frozenset()
    folder = Path(spec.origin).parent / "Qt" / "plugins" / "platforms"
    names = {path.stem.removeprefix("libq") for path in folder.glob("libq*.so")}
    if "wayland" in names:
        names |= {"wayland-egl", "wayland-brcm"}
    return frozenset(names)
