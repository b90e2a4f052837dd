"""When an action can be used: pure functions that return None or the reason why not."""

from __future__ import annotations

from collections.abc import Callable

from app.actions.spec import Condition, Situation


def all_of(*conditions: Condition) -> Condition:
    """The first reason of several conditions."""

    def check(situation: Situation) -> str | None:
        return next((reason for c in conditions if (reason := c(situation)) is not None), None)

    return check


def _when(holds: Callable[[Situation], bool], reason: str) -> Condition:
    return lambda situation: None if holds(situation) else reason


has_sequence = _when(lambda s: s.session.sequence is not None, "Open a sequence first.")
has_frame = _when(lambda s: s.session.frame is not None, "No frame is shown.")
has_label = _when(lambda s: s.session.document.is_open, "No frame is shown that could have a label.")
is_there = _when(lambda s: s.session.destination == s.session.frame_index, "Another frame is being read.")
can_undo = _when(lambda s: s.session.document.can_undo, "There is nothing to undo in this frame.")
can_redo = _when(lambda s: s.session.document.can_redo, "There is nothing to redo in this frame.")
has_model = _when(lambda s: s.session.model is not None, "The model is still being loaded.")
has_prediction = _when(lambda s: s.session.prediction is not None, "This frame has no prediction yet.")
has_forced = _when(lambda s: bool(s.session.sparsity.forced), "No patch is forced.")
has_target = _when(lambda s: s.target is not None, "Select a predicted target first.")
has_targets = _when(
    lambda s: len(s.session.predictions.targets) > len(s.session.predictions.rejected),
    "No predicted target is left to accept: mark the frame as reviewed, or empty it with Clear label.",
)
has_label_pixels = _when(
    lambda s: s.session.document.is_open and bool(s.session.document.mask.any()), "The label of this frame is empty."
)
not_first = _when(lambda s: s.session.destination > 0, "This is the first frame.")
not_last = _when(
    lambda s: s.session.sequence is not None and s.session.destination < len(s.session.sequence) - 1,
    "This is the last frame.",
)
is_tuning = _when(lambda s: s.session.fine_tune.status == "running", "No fine-tuning is running.")
is_judging = _when(lambda s: s.session.report.status == "running", "The frames are not being judged.")
not_judging = _when(lambda s: s.session.report.status != "running", "The frames are being judged already.")
has_verdicts = _when(
    lambda s: bool(s.session.report.frames) and s.session.report.status != "running", "Judge all frames first."
)
is_comparing = _when(lambda s: s.session.jobs.busy("compare"), "The detectors are not being compared.")
not_comparing = _when(lambda s: not s.session.jobs.busy("compare"), "The detectors are being compared already.")
_ended = _when(
    lambda s: s.session.fine_tune.candidate is not None and s.session.fine_tune.status in ("done", "stopped"),
    "There is no candidate to decide on.",
)


def _is_ours(situation: Situation) -> bool:
    """A run lies in the project that it was started in; another sequence may be open by now."""
    project, run = situation.session.project, situation.session.fine_tune.run
    return project is not None and run is not None and run.is_relative_to(project.root)


has_candidate = all_of(
    _ended, _when(_is_ours, "The candidate belongs to another sequence: open that one again to decide on it.")
)
