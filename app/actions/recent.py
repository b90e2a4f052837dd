"""What the person opened lately."""

from __future__ import annotations

from pathlib import Path

from adsnet.resources import path_of
from app.storage.settings import Settings


def own_recent(settings: Settings) -> tuple[Path, ...]:
    """What was opened lately, the last one first, without the sample, which has a button of its own."""
    return tuple(path for path in map(Path, settings.recent) if path != path_of("sample"))
