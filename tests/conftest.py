"""What every test needs: no screen, one thread, and a home of its own."""

from __future__ import annotations

import os

# Both must be set before Qt or a numeric library is imported by any test module.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from app.garbage import sweep

# Timing limits of single examples fail on a busy machine for no reason of ours; shared fixtures only isolate folders.
settings.register_profile("adsnet", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("adsnet")


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, data, caches and logs of the program go to an empty folder, never to those of the person testing."""
    home = tmp_path_factory.mktemp("home")
    for variable, folder in {
        "HOME": home,
        "USERPROFILE": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_CACHE_HOME": home / ".cache",
        "APPDATA": home / "AppData" / "Roaming",
        "LOCALAPPDATA": home / "AppData" / "Local",
        "ADSNET_STUDIO_HOME": home / "studio",
    }.items():
        monkeypatch.setenv(variable, str(folder))
    return home


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """``go_to`` returns when the frame is there, on a busy machine too; what happens if not has tests of its own."""
    monkeypatch.setattr("app.state.fetching.PATIENCE_S", 20.0)


@pytest.fixture(autouse=True)
def garbage() -> Iterator[None]:
    """Collected between tests, in the main thread: windows that were left behind must not be destroyed in another."""
    gc.disable()
    yield
    sweep()
