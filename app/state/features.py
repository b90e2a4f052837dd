"""What the network sees in the frame that is shown, where somebody looks at it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from adsnet.prediction import FeatureMap, Features


class FeatureState(QObject):
    """The features of the frame that is shown. They cost time, so they are only computed where they are wanted.

    Signals:
        changed(): there are others, or none any more.
        wanted_changed(): somebody looks at a frame without them, or need not any more.
    """

    changed = Signal()
    wanted_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current: Features | None = None
        self._wanted = False

    @property
    def current(self) -> Features | None:
        """The features, or None while they are not known."""
        return self._current

    @property
    def wanted(self) -> bool:
        """Whether somebody looks for them and they are not known."""
        return self._wanted and self._current is None

    def map(self, name: str) -> FeatureMap | None:
        """The map of this name, or None."""
        return next((one for one in self._current.maps if one.name == name), None) if self._current else None

    def want(self) -> None:
        """Somebody looks at the frame that is shown."""
        if not self._wanted:
            self._wanted = True
            self.wanted_changed.emit()

    def take(self, features: Features) -> None:
        """They came."""
        self._current = features
        self.changed.emit()

    def clear(self) -> None:
        """Another frame or another model: nothing is known of it yet, and nobody has looked at it."""
        had, self._current = self._current is not None, None
        if self._wanted:
            self._wanted = False
            self.wanted_changed.emit()
        if had:
            self.changed.emit()
