"""Writes predictions to the disk behind the window."""

from __future__ import annotations

from PySide6.QtCore import QObject

from adsnet.prediction import Prediction
from app.state.backstage import Backstage
from app.state.predictions import MEGABYTE, size_of
from app.storage.prediction_cache import PredictionCache

MOST_WAITING = 256 * MEGABYTE
"""A fast device predicts quicker than predictions can be compressed, and those that wait are in memory."""


class Keeping(Backstage):
    """``finished`` gives None for a prediction that was kept, and how many bytes went when all were removed.

    Args:
        cache: where they are kept; None keeps nothing.
    """

    def __init__(self, cache: PredictionCache | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cache = cache

    def keep(self, name: str | None, prediction: Prediction) -> None:
        """Keep a prediction under its name in the cache, unless too much waits already: it can be made again."""
        cache = self._cache
        if cache is not None and self.waiting * size_of(prediction) <= MOST_WAITING:
            self.submit(lambda: cache.keep(name, prediction))

    def clear(self) -> None:
        """Remove all that are on disk."""
        if self._cache is not None:
            self.submit(self._cache.clear)
