"""What several detectors made of one frame, target by target, and where they disagree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from adsnet.conventions import Conventions, count
from adsnet.detectors.protocol import SaliencyDetector
from adsnet.metrics import Evaluation, FrameScore
from adsnet.prediction import MASK_THRESHOLD, BoolMap, Prediction
from adsnet.targets import MAX_DISTANCE, Target, find_targets

CURRENT = "adsnet"
"""The name of the detector that is the model of the session."""

MOST_FALSE = 20
"""False alarms of one detector in one frame that are listed, the largest; a bad threshold makes thousands."""


@dataclass(frozen=True)
class Detector:
    """A detector that can be compared.

    Attributes:
        name: unique among those that are compared.
        title: for the user.
        method: a traditional one with parameters and threshold; None for a network.
        model: model file of a network; None for the model of the session.
    """

    name: str
    title: str
    method: SaliencyDetector | None = None
    model: Path | None = None


class Made(NamedTuple):
    """A prediction and the threshold that makes a mask of it."""

    prediction: Prediction
    threshold: float = MASK_THRESHOLD


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one detector made of the frame.

    Attributes:
        seconds: compute time.
        mask: (H, W) bool; None where there is no room to keep it, or where there was trouble.
        found: for each target of the label, whether it was found.
        false: predicted targets that match none; without a label nothing is known of them.
        boxes: around found, missed and false_alarm targets, as ``app.imaging.overlay.verdicts`` has them.
        evaluation, score: None without a label.
        problem: one sentence where it could not run.
    """

    seconds: float = 0.0
    mask: BoolMap | None = None
    found: tuple[bool, ...] = ()
    false: tuple[Target, ...] = ()
    boxes: Mapping[str, tuple[tuple[int, int, int, int], ...]] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    score: FrameScore | None = None
    problem: str = ""


@dataclass(frozen=True, eq=False)
class ComparedFrame:
    """One frame.

    Attributes:
        index, stem: which one.
        targets: of its label; empty without one.
        outcomes: by name of the detector.
        problem: one sentence when the frame or its label could not be read.
    """

    index: int
    stem: str
    targets: tuple[Target, ...] = ()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    problem: str = ""

    def without_masks(self) -> ComparedFrame:
        """The same without what takes much memory."""
        light = {name: replace(one, mask=None, boxes={}, evaluation=None) for name, one in self.outcomes.items()}
        return replace(self, outcomes=light)


Mark = Literal["found", "missed", "false", ""]


@dataclass(frozen=True)
class Disagreement:
    """A target that one detector found and another missed, or a false alarm of one detector alone.

    Attributes:
        index, stem: the frame.
        target: of the label, or the false alarm.
        marks: by name of the detector: ``found`` or ``missed``; ``false`` for the one with the false alarm.
    """

    index: int
    stem: str
    target: Target
    marks: Mapping[str, Mark]

    @property
    def is_target(self) -> bool:
        """Whether it is about a target of the label."""
        return "false" not in self.marks.values()


def compare_frame(index: int, stem: str, made: Mapping[str, Made | str], label: BoolMap | None) -> ComparedFrame:
    """Match what each detector made with the label.

    Args:
        index, stem: of the frame.
        made: by name; a text is the reason why there is no prediction.
        label: (H, W) bool, or None without one.
    """
    targets = find_targets(label) if label is not None else ()
    return ComparedFrame(index, stem, targets, {name: _outcome(one, label) for name, one in made.items()})


def _outcome(made: Made | str, label: BoolMap | None) -> Outcome:
    if isinstance(made, str):
        return Outcome(problem=made)
    prediction, threshold = made
    mask = prediction.probability > threshold
    if label is None:
        return Outcome(prediction.seconds, mask)
    if label.shape != mask.shape:
        return Outcome(problem="The prediction has another size than the label.")
    conventions = Conventions(threshold=threshold)
    counted = count(mask, label, conventions)
    pairs, false = dict(counted.matching.pairs), [counted.predicted[j] for j in counted.matching.false]
    evaluation = Evaluation(conventions)
    score = evaluation.add(prediction.probability, label)
    boxes = {
        "found": tuple(counted.predicted[j].bbox for j in pairs.values()),
        "missed": tuple(counted.labelled[i].bbox for i in counted.matching.missed),
        "false_alarm": tuple(target.bbox for target in false),
    }
    found = tuple(i in pairs for i in range(len(counted.labelled)))
    return Outcome(prediction.seconds, mask, found, tuple(false), boxes, evaluation, score)


def disagreements(frame: ComparedFrame) -> tuple[Disagreement, ...]:
    """Of a frame with a label: its targets in raster order, then the false alarms by detector, the largest first.

    Two false alarms are one and the same where their centroids are nearer than 3 pixels, as in the matching.
    """
    able = {name: one for name, one in frame.outcomes.items() if one.score is not None}
    rows = []
    for place, target in enumerate(frame.targets):
        marks: dict[str, Mark] = {name: "found" if one.found[place] else "missed" for name, one in able.items()}
        if len(set(marks.values())) > 1:
            rows.append(Disagreement(frame.index, frame.stem, target, marks))
    if len(able) > 1:
        for name, one in able.items():
            others = [target for other, made in able.items() if other != name for target in made.false]
            alone = [target for target in one.false if not _near(target, others)]
            alone.sort(key=lambda target: -target.area)
            rows += [Disagreement(frame.index, frame.stem, target, {name: "false"}) for target in alone[:MOST_FALSE]]
    return tuple(rows)


def _near(target: Target, others: Iterable[Target]) -> bool:
    return any(math.hypot(target.x - other.x, target.y - other.y) < MAX_DISTANCE for other in others)
