"""TensorBoard event files of a run, where the ``tensorboard`` package is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"


class Board:
    """Curves of a run in ``<out>/tensorboard``. Trouble with them must not cost a training: it ends the curves.

    Attributes:
        trouble: why there are no more curves, None while all is well.
    """

    def __init__(self, out: Path, first: int) -> None:
        """``first``: the step that the run starts at; what a killed run wrote of later ones is hidden."""
        self.trouble: str | None = None
        self._writer: Any = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            with self._guarded():
                self._writer = SummaryWriter(str(out / FOLDER), purge_step=first)

    def add(self, iteration: int, values: Mapping[str, float]) -> None:
        """One point of every curve."""
        with self._guarded():
            for name, value in values.items():
                if self._writer is not None:
                    self._writer.add_scalar(name, value, iteration)

    def close(self) -> None:
        """Write what is held back."""
        with self._guarded():
            if self._writer is not None:
                self._writer.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._writer, self.trouble = None, str(error)
