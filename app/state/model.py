"""The model in use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adsnet.config import Sparsity
from app.storage.prediction_cache import Recipe


@dataclass(frozen=True)
class Model:
    """A model that the worker has loaded.

    Attributes:
        name: for the user.
        path: its file.
        card: the header of the file: configuration, metrics and so on.
        stamp: size and time of the file when it was loaded; a model trained again may have the same name and path.
        device: what it was asked to compute on.
        computes: device and number type that it computes in, as in ``adsnet.messages.ModelLoaded``.
    """

    name: str
    path: Path
    card: dict[str, Any]
    stamp: tuple[int, int] | None = None
    device: str = "auto"
    computes: str = ""

    @property
    def identity(self) -> str:
        """What tells it from every other model, for ``PredictionKey``."""
        return f"{self.path} {self.stamp} {self.device} {self.computes}"

    def recipe(self, sparsity: Sparsity, engine: str) -> Recipe:
        """What a prediction with it depends on beside the pixels."""
        return Recipe(self.path, self.stamp, sparsity, engine, self.device, self.computes)
