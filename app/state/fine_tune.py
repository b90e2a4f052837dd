"""A training run as it is watched, and the comparison of its candidate with the current model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from adsnet.messages import Evaluated, TrainProgress

Status = Literal["idle", "running", "stopping", "done", "stopped", "failed"]
Verdict = Literal["better", "same", "worse"]


@dataclass(frozen=True)
class FrameChange:
    """One held-out frame before and after.

    Attributes:
        frame: its stem.
        targets: labelled targets in it.
        found_before, found_after: of those, found by the current model and by the candidate.
        false_before, false_after: predicted targets that match none.
        iou_before, iou_after: intersection over union, or None where it is not defined.
        verdict: ``better``, ``same`` or ``worse``: by targets first (found minus false), then by IoU.
    """

    frame: str
    targets: int
    found_before: int
    found_after: int
    false_before: int
    false_after: int
    iou_before: float | None
    iou_after: float | None
    verdict: Verdict

    @property
    def gain(self) -> float:
        """Change of found minus false targets, with the change of IoU as a fraction; negative is worse."""
        targets = (self.found_after - self.false_after) - (self.found_before - self.false_before)
        iou = (self.iou_after or 0.0) - (self.iou_before or 0.0)
        return targets + min(max(iou, -0.99), 0.99) * 0.5


class FineTune(QObject):
    """What is known of the training run.

    Signals:
        status_changed(str): ``idle``, ``running``, ``stopping``, ``done``, ``stopped`` or ``failed``.
        progressed(): one more step.
        evaluated(str): scores of the ``current`` model or of the ``candidate`` came.
        cleared(): the run before is forgotten.
    """

    status_changed = Signal(str)
    progressed = Signal()
    evaluated = Signal(str)
    cleared = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.status: Status = "idle"
        self._empty()

    def _empty(self) -> None:
        self.iteration = 0
        self.iterations = 0
        self.seconds_left: float | None = None
        self.steps: list[int] = []
        self.losses: dict[str, list[float]] = {}
        self.before: Evaluated | None = None
        self.after: Evaluated | None = None
        self.candidate: Path | None = None
        self.run: Path | None = None
        self.text = ""
        self.details = ""

    @property
    def active(self) -> bool:
        """Whether a run is going on."""
        return self.status in ("running", "stopping")

    def clear(self) -> None:
        """Forget the run; not while one is going on."""
        assert not self.active
        self._empty()
        self.cleared.emit()
        self._set_status("idle")

    def begin(self, *, iterations: int, run: Path) -> None:
        """A run starts in the folder ``run``."""
        self._empty()
        self.cleared.emit()
        self.iterations, self.run = iterations, run
        self._set_status("running")

    def offer(self, candidate: Path, scores: tuple[Evaluated, ...], iteration: int) -> None:
        """The candidate of a run of an earlier session is to be decided on; not while a run is going on."""
        assert not self.active
        self._empty()
        self.run, self.candidate, self.iteration = candidate.parent, candidate, iteration
        self.cleared.emit()
        for event in scores:
            self.score(event)
        self._set_status("done")

    def stopping(self) -> None:
        """The run was asked to stop."""
        if self.status == "running":
            self._set_status("stopping")

    def step(self, event: TrainProgress) -> None:
        """A training step is done."""
        self.iteration, self.iterations = event.iteration, event.iterations
        self.seconds_left = event.seconds_left
        self.steps.append(event.iteration)
        for name in dict.fromkeys((*self.losses, *event.losses)):
            values = self.losses.setdefault(name, [])
            # A term that is missing in some steps still has one value a step.
            values += [float("nan")] * (len(self.steps) - 1 - len(values))
            values.append(event.losses.get(name, float("nan")))
        self.progressed.emit()

    def score(self, event: Evaluated) -> None:
        """Scores on the held-out frames came."""
        if event.which == "current":
            self.before = event
        else:
            self.after = event
        self.evaluated.emit(event.which)

    def end(
        self,
        status: Literal["done", "stopped", "failed"],
        *,
        candidate: Path | None = None,
        text: str = "",
        details: str = "",
    ) -> None:
        """The run ended; ``candidate`` is the model file it made, ``text`` the sentence of a failure."""
        self.candidate, self.text, self.details = candidate, text, details
        self.seconds_left = None
        self._set_status(status)

    def _set_status(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self.status_changed.emit(status)

    def comparison(self) -> tuple[FrameChange, ...]:
        """The held-out frames that both models were scored on, worst change first; empty without both scores."""
        if self.before is None or self.after is None:
            return ()
        after = {str(entry.get("frame")): entry for entry in self.after.frames}
        changes = [
            _change(entry, after[str(entry.get("frame"))])
            for entry in self.before.frames
            if str(entry.get("frame")) in after
        ]
        return tuple(sorted(changes, key=lambda change: (change.gain, change.frame)))


def _change(before: dict[str, Any], after: dict[str, Any]) -> FrameChange:
    def count(entry: dict[str, Any], name: str) -> int:
        return int(entry.get(name) or 0)

    def iou(entry: dict[str, Any]) -> float | None:
        value = entry.get("iou")
        return None if value is None or value != value else float(value)

    change = FrameChange(
        frame=str(before.get("frame")),
        targets=count(after, "targets"),
        found_before=count(before, "found"),
        found_after=count(after, "found"),
        false_before=count(before, "false"),
        false_after=count(after, "false"),
        iou_before=iou(before),
        iou_after=iou(after),
        verdict="same",
    )
    # A hundredth of IoU is noise of a few border pixels.
    verdict: Verdict = "worse" if change.gain < -0.005 else "better" if change.gain > 0.005 else "same"
    return FrameChange(**{**change.__dict__, "verdict": verdict})
