"""Asks the worker for the features of the frame that is shown, when somebody looks and it has nothing else to do."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from adsnet.messages import Examined, JobFailed
from app.engine.client import WorkerClient
from app.state.session import Session

REST_MS = 150
"""A frame has to stay this long: nothing is asked for while a slider moves or a sequence plays."""


class ExamineEngine(QObject):
    """Keeps the features of the session up to date where they are wanted."""

    def __init__(self, client: WorkerClient, session: Session, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client, self._session = client, session
        self._job = 0
        self._asked = ""
        self._failed = ""
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask)
        client.examined.connect(self._on_examined)
        for signal in (client.predicted, client.failed, client.model_loaded):
            signal.connect(self._idle)
        predictions = session.predictions
        predictions.arrived.connect(self._rest.start)
        predictions.features.wanted_changed.connect(self._rest.start)

    def _idle(self, _message: object) -> None:
        """The worker may have time now, though what it did was for another frame."""
        if self._session.predictions.features.wanted:
            self._rest.start()

    def _ask(self) -> None:
        state, frame, key = self._session.predictions.features, self._session.frame, self._frame_key()
        if not state.wanted or frame is None or self._session.prediction is None:
            return
        # Where it failed once, or killed the worker, it would again.
        if key is None or key in (self._failed, self._asked):
            return
        job = self._client.examine(key, frame.pixels)
        if job:
            self._job, self._asked = job, key

    def _frame_key(self) -> str | None:
        key = self._session.prediction_key()
        return None if key is None else key.frame

    def _on_examined(self, answer: Examined | JobFailed) -> None:
        if answer.job != self._job:
            return
        asked, self._asked = self._asked, ""
        if isinstance(answer, Examined):
            if answer.frame == self._frame_key() and self._session.prediction is not None:
                self._session.predictions.features.take(answer.features)
                self._session.notices.withdraw("features")
            return
        self._failed = asked
        self._session.notices.warn(
            f"There are no feature maps of this frame: {answer.text}", key="features", details=answer.details
        )
