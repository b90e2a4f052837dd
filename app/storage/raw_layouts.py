"""How the values lie in files without a header: what the user once said about a file, kept for the next time."""

from __future__ import annotations

import os
from pathlib import Path

from adsnet.data.raw import RawLayout, file_size, guess_layout
from adsnet.errors import FrameError, StorageError
from adsnet.storage.atomic import read_json, write_json
from adsnet.storage.folders import config_folder

FORMAT = "adsnet-raw-layouts-1"
MAX_KEPT = 500


def layouts_path() -> Path:
    """The file that holds the layouts."""
    return config_folder() / "raw-layouts.json"


def _read() -> dict[str, str]:
    try:
        record = read_json(layouts_path(), max_bytes=2**22)
    except StorageError:
        return {}
    layouts = record.get("layouts") if isinstance(record, dict) and record.get("format") == FORMAT else None
    if not isinstance(layouts, dict):
        return {}
    return {str(name): text for name, text in layouts.items() if isinstance(text, str)}


def _known(layouts: dict[str, str], path: Path) -> RawLayout | None:
    try:
        return RawLayout.parse(layouts[os.path.abspath(path)])
    except (KeyError, FrameError):
        return None


def remembered_layout(path: Path) -> RawLayout | None:
    """The layout that was chosen for this very file or folder, or None."""
    return _known(_read(), path)


def proposed_layout(path: Path) -> RawLayout:
    """What to propose for a file: its own layout, that of its folder, else what its size suggests.

    Raises:
        FrameError: the file cannot be opened.
    """
    size, layouts = file_size(path), _read()
    for place in (path, path.parent):
        layout = _known(layouts, place)
        if layout is not None and layout.count_in(size):
            return layout
    return guess_layout(size)


def remember_layout(path: Path, layout: RawLayout) -> None:
    """Keep the layout of a file, as a proposal for the files beside it too, or of a folder. Raises StorageError."""
    layouts = _read()
    places = (path,) if path.is_dir() else (path.parent, path)
    for place in map(os.path.abspath, places):
        layouts.pop(place, None)
        layouts[place] = layout.text
    newest = list(layouts.items())[-MAX_KEPT:]
    write_json(layouts_path(), {"format": FORMAT, "layouts": dict(newest)})
