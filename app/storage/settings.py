"""What the person can choose, as one frozen dataclass, stored as JSON.

The window sets some of it where it is used (theme, colour map, brush, engine, dropped fractions, recent files); the
rest is changed in the file.

Only values that differ from the defaults are stored, so that a better default reaches everyone.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adsnet.config import Sparsity
from adsnet.errors import StorageError
from adsnet.storage.atomic import read_json, write_json
from adsnet.storage.files import shown
from adsnet.storage.folders import config_folder
from app.imaging.colours import COLOUR_MAPS
from app.storage.paths import set_aside

FORMAT = "adsnet-settings-1"
GROUPS = ("Appearance", "Display", "Editing", "Saving", "Network", "Hidden")
MAX_RECENT = 12


def _choice(default: str, label: str, group: str, choices: tuple[str, ...], note: str = "") -> Any:
    return field(default=default, metadata={"label": label, "group": group, "choices": choices, "note": note})


def _number(default: float, label: str, group: str, low: float, high: float, note: str = "") -> Any:
    limits = {"minimum": low, "maximum": high}
    return field(default=default, metadata={"label": label, "group": group, "note": note, **limits})


def _plain(default: bool | str, label: str, group: str, note: str = "") -> Any:
    return field(default=default, metadata={"label": label, "group": group, "note": note})


@dataclass(frozen=True)
class Settings:
    """All settings; each field carries label, group, note and its choices or limits as metadata."""

    theme: str = _choice("system", "Theme", "Appearance", ("system", "light", "dark"))
    colour_map: str = _choice("white_hot", "Colour map", "Display", COLOUR_MAPS)
    window: str = _choice(
        "percentile",
        "Window",
        "Display",
        ("percentile", "min_max", "sigma", "fixed"),
        "How the limits of the colour map follow the frame. This never changes what the network sees.",
    )
    percentile_low: float = _number(0.5, "Lower percentile", "Display", 0.0, 49.0)
    percentile_high: float = _number(99.95, "Upper percentile", "Display", 51.0, 100.0)
    sigmas: float = _number(3.0, "Standard deviations", "Display", 0.5, 20.0, "On either side of the mean.")
    lock_levels: bool = _plain(False, "Keep the limits over the sequence", "Display")
    gamma: float = _number(1.0, "Gamma", "Display", 0.1, 10.0, "Above 1 lifts the dark end.")
    clahe: bool = _plain(False, "Local contrast (CLAHE)", "Display", "For the eye only: the network never sees it.")
    clahe_limit: float = _number(3.0, "Limit of CLAHE", "Display", 1.0, 16.0, "How many times contrast is raised.")
    pixel_grid: bool = _plain(True, "Lines between the pixels at high zoom", "Display")
    minimap: bool = _plain(True, "Minimap while a part of the frame is shown", "Display")
    brush_size: int = _number(1, "Brush size", "Editing", 1, 64, "In pixels of the frame.")
    undo_megabytes: int = _number(64, "Memory for undo (MB)", "Editing", 1, 4096)
    autosave: bool = _plain(True, "Save labels by themselves", "Saving", "After each stroke and on leaving a frame.")
    autosave_seconds: float = _number(1.0, "Seconds until a stroke is saved", "Saving", 0.1, 60.0)
    model: str = _plain("", "Model file", "Network", "Empty for the model that comes with the program.")
    device: str = _choice("auto", "Device", "Network", ("auto", "cpu", "cuda"))
    engine: str = _choice("auto", "Sparse engine", "Network", ("auto", "dense", "gather", "spconv"))
    threads: int = _number(0, "Threads of a worker", "Network", 0, 256, "0 leaves the choice to the worker.")
    predict_automatically: bool = _plain(True, "Predict every frame that is shown", "Network")
    prediction_megabytes: int = _number(128, "Memory for predictions (MB)", "Network", 1, 8192)
    drop_stage3: float = _number(0.25, "Dropped fraction of stage 3", "Network", 0.0, 1.0)
    drop_stage2: float = _number(0.5, "Dropped fraction of stage 2", "Network", 0.0, 1.0)
    patches_by: str = _choice("fraction", "Patches are dropped by", "Network", ("fraction", "threshold"))
    keep_stage3: float = _number(0.5, "Keep threshold of stage 3", "Network", 0.0, 1.0)
    keep_stage2: float = _number(0.5, "Keep threshold of stage 2", "Network", 0.0, 1.0)
    recent: tuple[str, ...] = field(default=(), metadata={"label": "Recent", "group": "Hidden", "note": ""})
    shortcuts: dict[str, str] = field(
        default_factory=dict, metadata={"label": "Shortcuts", "group": "Hidden", "note": "Key by the id of its action."}
    )

    @property
    def sparsity(self) -> Sparsity:
        """Which patches the network computes."""
        keep = (self.keep_stage3, self.keep_stage2) if self.patches_by == "threshold" else None
        return Sparsity(drop=(self.drop_stage3, self.drop_stage2), threshold=keep)


def _default(entry: dataclasses.Field[Any]) -> object:
    return entry.default_factory() if entry.default_factory is not dataclasses.MISSING else entry.default


def _checked(entry: dataclasses.Field[Any], value: object) -> object:
    """The value in the type of the field; raises ValueError where it cannot be used."""
    default, limits = _default(entry), entry.metadata
    if isinstance(default, bool) or isinstance(value, bool):
        good = isinstance(default, bool) and isinstance(value, bool)
    elif isinstance(default, int):
        good = isinstance(value, int)
    elif isinstance(default, float):
        good = isinstance(value, int | float) and math.isfinite(value)
    elif isinstance(default, tuple):
        good = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
    elif isinstance(default, dict):
        good = isinstance(value, dict) and all(isinstance(v, str) for pair in value.items() for v in pair)
    else:
        good = isinstance(value, str)
    if good and isinstance(value, int | float) and "minimum" in limits:
        good = limits["minimum"] <= value <= limits["maximum"]
    if not good or ("choices" in limits and value not in limits["choices"]):
        raise ValueError(entry.name)
    if isinstance(default, float) and isinstance(value, int):
        return float(value)
    return tuple(value) if isinstance(default, tuple) and isinstance(value, list) else value


def parse_settings(values: object) -> tuple[Settings, tuple[str, ...]]:
    """Settings from JSON types; what is unknown or out of range takes its default.

    Returns:
        the settings and the names that were not used.
    """
    if not isinstance(values, dict):
        return Settings(), ("the whole file",)
    known = {entry.name: entry for entry in dataclasses.fields(Settings)}
    used: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in values.items():
        if name == "format":
            continue
        try:
            used[name] = _checked(known[name], value)
        except (KeyError, ValueError):
            dropped.append(str(name))
    return Settings(**used), tuple(dropped)


def settings_path() -> Path:
    """The settings file; it may not exist yet."""
    return config_folder() / "settings.json"


def load_settings() -> tuple[Settings, str]:
    """The stored settings.

    Returns:
        the settings, and one sentence for the user when something in the file was not usable, else "". A file that
        cannot be read at all is kept beside as ``.bad`` and the defaults are used.
    """
    path = settings_path()
    if not path.exists():
        return Settings(), ""
    try:
        values = read_json(path, max_bytes=2**20)
    except StorageError:
        values = None
    if not isinstance(values, dict):
        return Settings(), f"The settings in {shown(path)} cannot be read and were set aside as {set_aside(path).name}."
    settings, dropped = parse_settings(values)
    if not dropped:
        return settings, ""
    names = shown(", ".join(dropped[:5]))
    return settings, f"Some settings in {shown(path)} are not usable and have their defaults: {names}."


def save_settings(settings: Settings) -> None:
    """Store what differs from the defaults. Raises StorageError; the previous file is untouched then."""
    values: dict[str, Any] = {"format": FORMAT}
    for entry in dataclasses.fields(settings):
        value = getattr(settings, entry.name)
        if value != _default(entry):
            values[entry.name] = list(value) if isinstance(value, tuple) else value
    write_json(settings_path(), values)


def with_recent(settings: Settings, path: Path) -> Settings:
    """The settings with ``path`` first among the recent ones."""
    name = str(path)
    others = tuple(other for other in settings.recent if other != name)
    return dataclasses.replace(settings, recent=(name, *others)[:MAX_RECENT])
