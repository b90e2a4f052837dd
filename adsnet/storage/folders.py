"""Where the program keeps its own files.

The environment variable ``ADSNET_STUDIO_HOME`` overrides all of the system's places, for tests and for a copy that
is carried around.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP = "adsnet-studio"
HOME_VARIABLE = "ADSNET_STUDIO_HOME"


def _folder(name: str, usual: str) -> Path:
    home = os.environ.get(HOME_VARIABLE, "")
    return Path(home) / name if home else Path(usual)


def config_folder() -> Path:
    """The folder of the settings; it may not exist yet."""
    return _folder("config", platformdirs.user_config_dir(APP, appauthor=False))


def data_folder() -> Path:
    """The folder of projects whose frames lie where nothing may be written; it may not exist yet."""
    return _folder("data", platformdirs.user_data_dir(APP, appauthor=False))


def cache_folder() -> Path:
    """The folder of what can be computed again; it may not exist yet."""
    return _folder("cache", platformdirs.user_cache_dir(APP, appauthor=False))


def log_folder() -> Path:
    """The folder of log files; it may not exist yet."""
    return _folder("logs", platformdirs.user_log_dir(APP, appauthor=False))
