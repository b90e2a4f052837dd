"""Several detectors on the frame that is shown and on the whole sequence: who takes part, and what came of it."""

from __future__ import annotations

import contextlib
import pickle
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from PySide6.QtCore import QObject, Signal

from adsnet.config import RIVAL_NAMES, Sparsity
from adsnet.conventions import Conventions
from adsnet.detectors.protocol import SaliencyDetector
from adsnet.detectors.registry import METHODS, make_detector
from adsnet.errors import ModelFileError
from adsnet.metrics import Evaluation, Metrics
from adsnet.model_file import shipped_model
from adsnet.prediction import MASK_THRESHOLD
from app.state.compared import CURRENT, ComparedFrame, Detector, Disagreement, disagreements
from app.state.session import Session

Status = Literal["empty", "running", "stopped", "done"]
_TITLES = {
    "tophat": "Top-hat", "lef": "LEF", "aadcdd": "AADCDD", "tllcm": "TLLCM",
    "alcnet": "ALCNet", "dnanet": "DNANet", "rdian": "RDIAN",
}  # fmt: skip


class Conditions(NamedTuple):
    """What the sequence was compared with; ``model`` is the identity of the model of the session."""

    detectors: tuple[Detector, ...]
    model: str
    sparsity: Sparsity
    engine: str
    threshold: float

    def threshold_of(self, detector: Detector) -> float:
        """The threshold of the session is that of its own model; other probabilities are cut at one half."""
        return self.threshold if detector.name == CURRENT else MASK_THRESHOLD


class Comparison(QObject):
    """The detectors that take part, their results on the frame that is shown, and those on all labelled frames.

    Signals:
        shown_changed(bool): the view is open or not.
        detectors_changed(): others take part, or with other parameters.
        frame_compared(): there is another result for the frame that is shown, or none any more.
        folder_changed(): another status, other settings than now, or a frame was compared anew.
        folder_grew(int): the rows of the disagreements from this one on are new.
    """

    shown_changed = Signal(bool)
    detectors_changed = Signal()
    frame_compared = Signal()
    folder_changed = Signal()
    folder_grew = Signal(int)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.shown = False
        self._detectors = {CURRENT: Detector(CURRENT, "ADSNet")}
        for name in METHODS:
            self._detectors[name] = Detector(name, _TITLES.get(name, name.upper()), method=make_detector(name))
        self._chosen = set(self._detectors)
        for name in RIVAL_NAMES:  # at hand where their models are shipped; each costs a process
            with contextlib.suppress(ModelFileError):
                self._detectors[name] = Detector(name, _TITLES.get(name, name), model=shipped_model(name))
        self.frame: ComparedFrame | None = None
        self.clear_folder()
        session.sequence_changed.connect(self._on_sequence)
        session.frame_changed.connect(self._on_frame)
        session.model_changed.connect(self._on_model)
        for signal in (session.sparsity_changed, session.predictions.threshold_changed):
            signal.connect(self._on_settings)

    # ---- who takes part -------------------------------------------------------------------------------------

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """All that can be compared, in order."""
        return tuple(self._detectors.values())

    @property
    def chosen(self) -> tuple[Detector, ...]:
        """Those that take part, in order."""
        return tuple(one for one in self._detectors.values() if one.name in self._chosen)

    def set_shown(self, shown: bool) -> None:
        """Open or close the view."""
        if shown != self.shown:
            self.shown = shown
            self.shown_changed.emit(shown)

    def choose(self, name: str, taking_part: bool) -> None:
        """Let a detector take part or not. Raises KeyError for an unknown name."""
        _ = self._detectors[name]
        if taking_part != (name in self._chosen):
            (self._chosen.add if taking_part else self._chosen.discard)(name)
            self._changed()

    def set_method(self, name: str, method: SaliencyDetector) -> None:
        """Give a traditional detector other parameters or another threshold."""
        if self._detectors[name].method != method:
            self._detectors[name] = replace(self._detectors[name], method=method)
            self._changed()

    def add_model(self, path: Path) -> None:
        """Let the network of a model file take part, whatever kind of network the worker knows how to load."""
        name = str(path)
        title = path.stem
        titles = {one.title for one in self._detectors.values() if one.name != name}
        if title in titles:
            title = f"{path.parent.name}/{title}"
        self._detectors[name] = Detector(name, title, model=path)
        self._chosen.add(name)
        self._changed()

    def _changed(self) -> None:
        self.detectors_changed.emit()
        self._on_settings()

    def conditions_now(self) -> Conditions:
        """What a comparison would be made with now."""
        session, model = self._session, self._session.model
        identity = model.identity if model is not None else ""
        sparsity = session.sparsity.without_forced()
        return Conditions(self.chosen, identity, sparsity, session.engine, session.predictions.threshold)

    # ---- the frame that is shown ----------------------------------------------------------------------------

    def show_frame(self, frame: ComparedFrame | None) -> None:
        """Take the result for the frame that is shown."""
        self.frame = frame
        self.frame_compared.emit()

    def _on_frame(self) -> None:
        self.show_frame(None)

    # ---- the whole sequence ---------------------------------------------------------------------------------

    def clear_folder(self) -> None:
        """Nothing is compared."""
        self.status: Status = "empty"
        self.conditions: Conditions | None = None
        self.frames: dict[int, ComparedFrame] = {}
        self.rows: list[Disagreement] = []
        self.outdated = ""
        self._totals: dict[str, Evaluation] = {}
        self._metrics: dict[str, Metrics] | None = None
        self._parts: dict[int, dict[str, bytes]] = {}
        self.folder_changed.emit()

    def begin(self) -> Conditions:
        """A comparison of the sequence begins with what is chosen now."""
        self.clear_folder()
        conditions = self.conditions = self.conditions_now()
        self._totals = {
            one.name: Evaluation(Conventions(threshold=conditions.threshold_of(one))) for one in conditions.detectors
        }
        self.status, self._metrics = "running", None
        self.folder_changed.emit()
        return conditions

    def add(self, frame: ComparedFrame) -> None:
        """One more frame, or one whose label is another one now."""
        self._metrics = None
        before = self._parts.pop(frame.index, None)
        for name, packed in (before or {}).items():
            self._totals[name].exclude(pickle.loads(zlib.decompress(packed)))
        parts = {name: one.evaluation for name, one in frame.outcomes.items() if one.evaluation is not None}
        for name, evaluation in parts.items():
            self._totals[name].include(evaluation)
        # The histograms of a frame are only needed if its label changes: kept small until then.
        self._parts[frame.index] = {name: zlib.compress(pickle.dumps(one), 1) for name, one in parts.items()}
        self.frames[frame.index] = frame.without_masks()
        rows = disagreements(frame)
        if before is None:
            first = len(self.rows)
            self.rows += rows
            self.folder_grew.emit(first)
        else:
            self.rows = [row for row in self.rows if row.index != frame.index] + list(rows)
            self.folder_changed.emit()

    def end(self, status: Literal["stopped", "done"]) -> None:
        """No more frames come."""
        if self.status == "running":
            self.status = status
            self.folder_changed.emit()

    def mark_outdated(self, why: str) -> None:
        """The figures are no longer those of what is there now."""
        if self.status != "empty" and why != self.outdated:
            self.outdated = why
            self.folder_changed.emit()

    def metrics(self) -> Mapping[str, Metrics]:
        """The measures over the frames compared so far, by name of the detector."""
        if self._metrics is None:
            self._metrics = {name: total.metrics() for name, total in self._totals.items()}
        return self._metrics

    def frame_metrics(self) -> Mapping[str, Metrics]:
        """Those of the frame that is shown."""
        outcomes = self.frame.outcomes if self.frame is not None else {}
        return {name: one.evaluation.metrics() for name, one in outcomes.items() if one.evaluation is not None}

    def _on_model(self) -> None:
        """The model of the session may be any network."""
        model = self._session.model
        title = _TITLES.get(model.card.get("detector", CURRENT), "ADSNet") if model is not None else "ADSNet"
        self._detectors[CURRENT] = replace(self._detectors[CURRENT], title=title)
        self._changed()

    def _on_settings(self) -> None:
        if self.conditions is not None:
            same = self.conditions == self.conditions_now()
            self.mark_outdated("" if same else "Made with other detectors or settings: compare all frames again.")

    def _on_sequence(self) -> None:
        self.frame = None
        self.clear_folder()
        self.frame_compared.emit()
