"""What the window, and only the window, remembers: the selected target and the tool in the hand."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.state.session import Session

_SAME_TARGET = 3.0  # pixels between centroids for a target of a new prediction to count as the same

TOOLS = ("select", "brush", "eraser", "patches", "profile", "surface")


class Selection(QObject):
    """The selected predicted target and the current tool.

    Signals:
        target_changed(): another target, or none, is selected.
        tool_changed(str): the name of the tool, one of ``TOOLS``.
    """

    target_changed = Signal()
    tool_changed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._target: int | None = None
        self._place: tuple[float, float] | None = None
        self._tool = "select"
        session.predictions.arrived.connect(self._follow)
        session.predictions.threshold_changed.connect(self._follow)
        session.predictions.cleared.connect(self._forget_index)
        session.frame_changed.connect(self._forget)

    @property
    def target(self) -> int | None:
        """Position of the selected target in ``session.predictions.targets``, or None."""
        return self._target

    @property
    def tool(self) -> str:
        """Name of the current tool."""
        return self._tool

    def select(self, target: int | None) -> None:
        """Select a predicted target, or none."""
        targets = self._session.predictions.targets
        if target is not None and not 0 <= target < len(targets):
            target = None
        self._place = None if target is None else (targets[target].x, targets[target].y)
        if target != self._target:
            self._target = target
            self.target_changed.emit()

    def use_tool(self, name: str) -> None:
        """Take another tool."""
        if name not in TOOLS:
            raise ValueError(f"there is no tool '{name}'")
        if name != self._tool:
            self._tool = name
            self.tool_changed.emit(name)

    def _forget(self) -> None:
        self.select(None)

    def _forget_index(self) -> None:
        """The prediction is gone; its place is kept in case the next one has the same target."""
        if self._target is not None:
            self._target = None
            self.target_changed.emit()

    def _follow(self) -> None:
        """Select the target of the new prediction that is where the selected one was."""
        place = self._place
        near = None
        if place is not None:
            distances = [
                (abs(t.x - place[0]) + abs(t.y - place[1]), i) for i, t in enumerate(self._session.predictions.targets)
            ]
            near = next((i for distance, i in sorted(distances) if distance <= _SAME_TARGET), None)
        self._target = near
        self.target_changed.emit()
