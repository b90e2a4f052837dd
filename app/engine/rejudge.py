"""Judges the frame that is shown again whenever its prediction or its label is another, behind the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject

from adsnet.prediction import BoolMap, Prediction
from app.state.backstage import Backstage
from app.state.predictions import PredictionKey
from app.state.report import Judged, judge
from app.state.session import Session


class _Task(NamedTuple):
    """``shown``: for the frame that is shown; ``listed``: for the judgement of the sequence."""

    frame: int
    key: PredictionKey
    prediction: Prediction
    label: BoolMap | None
    shown: bool
    listed: bool


class _Done(NamedTuple):
    task: _Task
    judged: Judged
    thresholds: tuple[float, ...]


class RejudgeEngine(QObject):
    """Keeps the judgement true to the labels as they are now, unsaved edits included.

    The frame that is shown is judged where somebody looks at its measures. An edit of a frame that is part of the
    judgement of the sequence changes its line there, whoever looks.
    """

    def __init__(self, session: Session, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._backstage = Backstage(self)
        self._backstage.finished.connect(self._on_finished)
        self._waiting: dict[tuple[int, bool], _Task] = {}
        self._busy = False
        document, report = session.document, session.report
        report.wanted.connect(lambda: self._take_up(edited=False))
        document.committed.connect(self._edited)
        report.judged.connect(self._listed)
        session.sequence_changed.connect(self._waiting.clear)

    def _edited(self) -> None:
        """At once: the next step may be to leave the frame."""
        if self._session.report.has(self._session.frame_index):
            self._take_up(edited=True)

    def _listed(self, place: int) -> None:
        """The frame that is shown was judged by its label on disk."""
        session = self._session
        if session.report.frames[place].index == session.frame_index and not session.document.is_clean:
            self._take_up(edited=True)

    def _take_up(self, *, edited: bool) -> None:
        session, report, document = self._session, self._session.report, self._session.document
        index, key, prediction = session.frame_index, session.prediction_key(), session.prediction
        if key is None or not document.is_open:
            report.show(None)
            return
        if report.shown is not None and report.shown.index != index:
            report.show(None)  # what is known of the frame before is not about this one
        unlabelled = document.is_clean and session.saving.label_path(document.stem or "") is None
        label = None if unlabelled else document.mask.copy()
        listed = report.conditions is not None and report.has(index)
        under = key
        if report.conditions is not None:
            c = report.conditions
            under = key._replace(sparsity=c.sparsity, model=c.identity, engine=c.engine)
        both = listed and under == key
        if prediction is None or prediction.probability.shape != document.shape:
            report.show(None)
            both = False
        else:
            self._submit(_Task(index, key, prediction, label, True, both))
        if listed and not both:
            known = session.predictions.known(under)
            if known is not None and known.probability.shape == document.shape:
                self._submit(_Task(index, under, known, label, False, True))
            elif edited:
                report.set_outdated(index)

    def _submit(self, task: _Task) -> None:
        """Of one frame only the newest task waits."""
        self._waiting[task.frame, task.shown] = task
        self._next()

    def _next(self) -> None:
        if self._session.sequence is None:  # it is being closed
            self._waiting.clear()
        if self._busy or not self._waiting:
            return
        self._busy = True
        task = self._waiting.pop(next(iter(self._waiting)))
        self._backstage.submit(self._judgement(task))

    def _judgement(self, task: _Task) -> Callable[[], _Done]:
        session, report = self._session, self._session.report
        assert session.sequence is not None
        stem, thresholds = session.sequence.stems[task.frame], report.thresholds
        threshold = report.conditions.threshold if report.conditions is not None else session.predictions.threshold

        def work() -> _Done:
            judged = judge(task.frame, stem, task.prediction, task.label, threshold=threshold, thresholds=thresholds)
            return _Done(task, judged, thresholds)

        return work

    def _on_finished(self, done: _Done) -> None:
        self._busy = False
        session, report, task = self._session, self._session.report, done.task
        if session.sequence is not None and done.thresholds == report.thresholds:
            if task.listed and report.has(task.frame):
                report.add(done.judged)
            if task.shown and session.frame_index == task.frame and session.prediction_key() == task.key:
                report.show(done.judged)
        self._next()
