"""The model in use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Model:
    """A model that the worker has loaded.

    Attributes:
        name: for the user.
        path: its file.
        card: the header of the file: configuration, metrics and so on.
        stamp: size and time of the file when it was loaded; a model trained again may have the same name and path.
    """

    name: str
    path: Path
    card: dict[str, Any]
    stamp: tuple[int, int] | None = None

    @property
    def identity(self) -> str:
        """What tells it from every other model, for ``PredictionKey``."""
        return f"{self.path} {self.stamp}"
