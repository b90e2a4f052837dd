"""Runs the detectors of a comparison: on the frame that is shown at once, on all labelled frames beside it.

The methods without a network run in a thread; networks run in a process each. One frame is worked on at a time, the
one that is shown first, then those whose label has changed, then the rest of the sequence.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray
from PySide6.QtCore import QObject

from adsnet.data.labels import read_mask
from adsnet.errors import AdsnetError, ConfigError
from adsnet.messages import Predicted
from adsnet.prediction import BoolMap, Prediction
from app.engine.client import WorkerClient
from app.engine.networks import Networks, comparing_client
from app.state.backstage import Backstage
from app.state.compared import CURRENT, ComparedFrame, Detector, Made, compare_frame
from app.state.comparison import Comparison, Conditions
from app.state.predictions import PredictionKey
from app.state.session import Session

Kind = Literal["shown", "relabelled", "folder"]


@dataclass(eq=False)
class _Work:
    """One frame on its way through all detectors."""

    kind: Kind
    run: int
    index: int
    stem: str
    frame: str
    conditions: Conditions
    label: BoolMap | Path | None
    pixels: NDArray[Any] | None
    made: dict[str, Made | str] = field(default_factory=dict)
    networks: list[Detector] = field(default_factory=list)
    problem: str = ""
    result: ComparedFrame | None = None


class CompareEngine(QObject):
    """Keeps a ``Comparison`` up to date."""

    def __init__(
        self,
        session: Session,
        comparison: Comparison,
        *,
        client_factory: Callable[[int | None], WorkerClient] = comparing_client,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._comparison = session, comparison
        self._backstage = Backstage(self)
        self._backstage.finished.connect(self._on_finished)
        self._networks = Networks(client_factory, self)
        self._networks.predicted.connect(self._on_predicted)
        self._networks.failed.connect(self._pass_over)
        self._networks.lost.connect(self._on_lost)
        self._failed: dict[str, str] = {}
        self._recent: tuple[str, dict[Detector, Prediction]] = ("", {})
        self._work: _Work | None = None
        self._asked: tuple[int, str] | None = None
        self._number = 0
        self._run = 0
        self._live = False
        self._relabelled: set[int] = set()
        self._queue: deque[int] = deque()
        self._count, self._job, self._began = 0, 0, 0.0
        comparison.shown_changed.connect(self._on_shown)
        comparison.detectors_changed.connect(self._want)
        session.sequence_changed.connect(self._on_sequence)
        session.model_changed.connect(self._on_model)
        for signal in (session.frame_changed, session.prediction_arrived, session.document.loaded):
            signal.connect(self._want)
        session.document.committed.connect(self._on_committed)
        session.predictions.threshold_changed.connect(self._on_threshold)

    @property
    def running(self) -> bool:
        """Whether all frames are being compared."""
        return self._job != 0

    def start(self) -> None:
        """Compare the detectors that take part on all frames with a label, as the labels are now.

        Raises:
            ConfigError: it runs already, nothing is open, no frame has a label, or no detector takes part.
        """
        session, comparison = self._session, self._comparison
        if self.running:
            raise ConfigError("The frames are being compared already: stop that first.")
        if session.sequence is None:
            raise ConfigError("There is nothing to compare: open a sequence.")
        if not comparison.chosen:
            raise ConfigError("No detector takes part: tick at least one.")
        if session.model is None and any(one.name == CURRENT for one in comparison.chosen):
            raise ConfigError("The model is still being loaded: wait for it, or let ADSNet take no part.")
        session.document.commit()
        dirty = set(session.document.dirty_stems)
        labelled = [i for i, stem in enumerate(session.sequence.stems) if session.review.has_label(i) or stem in dirty]
        if not labelled:
            raise ConfigError("No frame has a label to compare with: label at least one.")
        self._queue, self._count = deque(labelled), len(labelled)
        self._relabelled.clear()
        self._failed.clear()
        self._run += 1
        self._live = True  # it may be what is being worked on, and is dropped
        comparison.begin()
        self._job = session.jobs.start("compare", "Comparing detectors")
        self._began = time.monotonic()
        self._next()

    def stop(self) -> None:
        """Keep what is compared so far."""
        if self.running:
            self._end("stopped")

    def add_model(self, path: Path) -> None:
        """Let the network of a model file take part; whether it can be loaded shows when it is first needed."""
        self._failed.pop(str(path), None)
        self._comparison.add_model(path)

    def shutdown(self) -> None:
        """End the processes, at the end of the program."""
        self.stop()
        self._dismiss(*self._networks.names)

    def wait_shutdown(self, milliseconds: int) -> None:
        """Wait until the processes are gone."""
        self._networks.wait_shutdown(milliseconds)

    # ---- what there is to do --------------------------------------------------------------------------------

    def _want(self) -> None:
        """The frame that is shown is to be compared anew."""
        self._live = True
        self._next()

    def _on_shown(self, shown: bool) -> None:
        if shown:
            self._want()
        elif not self.running:
            self._dismiss(*self._networks.names)

    def _on_threshold(self, _threshold: float) -> None:
        self._want()

    def _on_committed(self, _change: object) -> None:
        if self._session.frame_index in self._comparison.frames:
            self._relabelled.add(self._session.frame_index)
        self._want()

    def _on_model(self) -> None:
        self.stop()
        self._dismiss(CURRENT)
        self._want()

    def _on_sequence(self) -> None:
        self.stop()
        self._run += 1
        self._relabelled.clear()
        self._recent = ("", {})
        self._live = False

    def _next(self) -> None:
        """Begin with the next frame, unless one is being worked on."""
        if self._work is not None:
            return
        work: _Work | None = None
        if self._live:
            self._live = False
            work = self._begin_shown()
        if work is None and self._relabelled and self._same_model():
            work = self._begin(self._relabelled.pop(), "relabelled")
        if work is None and self._queue:
            work = self._begin(self._queue.popleft(), "folder")
        if work is None:
            return
        self._work = work
        sequence, cache = self._session.sequence, self._session.frames
        assert sequence is not None
        known = self._recent[1] if self._recent[0] == work.frame else {}

        def read() -> _Work:
            try:
                if work.pixels is None:
                    work.pixels = cache.read(sequence, work.index).pixels
                if isinstance(work.label, Path):
                    height, width = work.pixels.shape
                    work.label = read_mask(work.label, shape=(height, width))
                _run_methods(work, known)
            except AdsnetError as error:
                work.problem = str(error)
            return work

        self._backstage.submit(read)

    def _begin_shown(self) -> _Work | None:
        session = self._session
        if not self._comparison.shown or session.frame is None or session.sequence is None:
            return None
        document, index = session.document, session.frame_index
        key, stem = session.sequence.key(index), session.sequence.stems[index]
        if document.is_open and document.stem != stem:
            return None  # the label of the frame before: its own is on its way, and told when it is there
        label = document.mask.copy() if document.is_open else None
        conditions = self._comparison.conditions_now()
        return _Work("shown", self._run, index, stem, key, conditions, label, session.frame.pixels)

    def _begin(self, index: int, kind: Kind) -> _Work | None:
        session, conditions, sequence = self._session, self._comparison.conditions, self._session.sequence
        if conditions is None or sequence is None:
            return None
        stem, document = sequence.stems[index], session.document
        label: BoolMap | Path | None
        if stem == document.stem or stem in document.dirty_stems:
            label = document.mask_of(stem)
        else:
            label = session.saving.label_path(stem)
        return _Work(kind, self._run, index, stem, sequence.key(index), conditions, label, None)

    def _same_model(self) -> bool:
        """Whether a frame can be compared anew as the others were."""
        model, conditions = self._session.model, self._comparison.conditions
        return conditions is not None and conditions.model == (model.identity if model is not None else "")

    # ---- one frame ------------------------------------------------------------------------------------------

    def _on_finished(self, work: _Work) -> None:
        if work is not self._work:
            return
        if work.run != self._run:
            self._drop(work)
        elif work.result is not None:
            self._work = None
            self._take(work, work.result)
            self._next()
        elif work.problem:
            self._work = None
            self._take(work, ComparedFrame(work.index, work.stem, problem=work.problem))
            self._next()
        else:
            work.networks = [one for one in work.conditions.detectors if one.method is None]
            self._ask(work)

    def _ask(self, work: _Work) -> None:
        """Have the networks predict one after the other, then compare."""
        assert work.pixels is not None
        while work.networks:
            detector = work.networks[0]
            known = self._known(work, detector)
            if known is not None:
                work.made[detector.name] = Made(known, work.conditions.threshold_of(detector))
            elif detector.name in self._failed:
                work.made[detector.name] = self._failed[detector.name]
            elif detector.name != CURRENT or work.kind != "shown":
                self._predict(work, detector)
                return
            # The model of the session is on its way to the frame that is shown: it is compared when it is there.
            work.networks.pop(0)

        def compare() -> _Work:
            label = work.label if not isinstance(work.label, Path) else None
            made = {one.name: work.made[one.name] for one in work.conditions.detectors if one.name in work.made}
            work.result = compare_frame(work.index, work.stem, made, label)
            return work

        self._backstage.submit(compare)

    def _predict(self, work: _Work, detector: Detector) -> None:
        session, conditions = self._session, work.conditions
        assert work.pixels is not None
        self._number += 1
        self._asked = (self._number, detector.name)
        self._networks.predict(
            detector.name,
            detector.model if detector.model is not None else session.model.path if session.model else Path(),
            self._number,
            work.frame,
            work.pixels,
            conditions.sparsity,
            conditions.engine,
            device=session.settings.device,
            threads=session.settings.threads or None,
        )

    def _known(self, work: _Work, detector: Detector) -> Prediction | None:
        if detector.name != CURRENT:
            return self._recent[1].get(detector) if self._recent[0] == work.frame else None
        session, conditions = self._session, work.conditions
        if work.kind == "shown":
            return session.prediction if session.frame_index == work.index else None
        return session.predictions.known(self._key(work.frame, conditions))

    def _key(self, frame: str, conditions: Conditions) -> PredictionKey:
        return PredictionKey(frame, conditions.sparsity, conditions.model, conditions.engine)

    def _on_predicted(self, name: str, message: Predicted) -> None:
        work = self._work
        if work is None or self._asked != (message.generation, name):
            return
        detector = work.networks.pop(0)
        if detector.name == CURRENT:
            self._session.predictions.take(-1, self._key(work.frame, work.conditions), message.prediction)
        work.made[name] = Made(message.prediction, work.conditions.threshold_of(detector))
        self._go_on(work)

    def _on_lost(self, name: str, text: str) -> None:
        """A network that cannot be loaded or died takes no part until all frames are compared anew."""
        self._failed[name] = text
        self._session.notices.error(text, key="compare")
        self._pass_over(name, text)

    def _pass_over(self, name: str, why: str) -> None:
        """No prediction comes from this network for the frame that is being worked on."""
        work = self._work
        if work is not None and self._asked is not None and self._asked[1] == name:
            work.made[name] = why
            work.networks.pop(0)
            self._go_on(work)

    def _go_on(self, work: _Work) -> None:
        self._asked = None
        if work.run == self._run:
            self._ask(work)
        else:
            self._drop(work)

    def _drop(self, work: _Work) -> None:
        """The work of a comparison that was stopped; a label that changed must not be forgotten over it."""
        self._work = None
        if work.kind == "relabelled" and work.index in self._comparison.frames:
            self._relabelled.add(work.index)
        self._next()

    def _take(self, work: _Work, result: ComparedFrame) -> None:
        comparison = self._comparison
        if work.kind == "shown":
            if self._session.frame_index == work.index:
                made = {one: work.made.get(one.name) for one in work.conditions.detectors if one.name != CURRENT}
                self._recent = (work.frame, {d: m.prediction for d, m in made.items() if isinstance(m, Made)})
                comparison.show_frame(result)
        elif work.conditions == comparison.conditions:
            comparison.add(result)
            if work.kind == "folder":
                self._progress()

    def _progress(self) -> None:
        done = self._count - len(self._queue)
        left = (time.monotonic() - self._began) / done * len(self._queue)
        self._session.jobs.progress(self._job, fraction=done / self._count, seconds_left=left)
        if not self._queue:
            self._end("done")

    def _end(self, how: Literal["stopped", "done"]) -> None:
        self._queue.clear()
        self._session.jobs.finish(self._job)
        self._job = 0
        self._run += 1
        self._live = True
        self._comparison.end(how)
        self._dismiss(*(self._networks.names if not self._comparison.shown else (CURRENT,)))

    def _dismiss(self, *names: str) -> None:
        """End the processes of networks; a frame that waits for one of them goes on without it."""
        self._networks.dismiss(*names)
        for name in names:
            self._pass_over(name, self._failed.get(name, "The model is another one now."))


def _run_methods(work: _Work, known: Mapping[Detector, Prediction]) -> None:
    """All methods without a network, in the thread."""
    assert work.pixels is not None
    for detector in work.conditions.detectors:
        if detector.method is not None:
            prediction = known.get(detector)
            work.made[detector.name] = Made(detector.method.predict(work.pixels) if prediction is None else prediction)
