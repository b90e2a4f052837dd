"""What is running, for the status line."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal


@dataclass(frozen=True)
class Job:
    """Something that runs.

    Attributes:
        number: names it.
        kind: ``open``, ``read``, ``load``, ``predict``, ``train``, ``judge`` or ``compare``.
        text: for the status line, for instance "Predicting Misc_1".
        fraction: 0..1, or None while nobody knows.
        seconds_left: or None while nobody knows.
    """

    number: int
    kind: str
    text: str
    fraction: float | None = None
    seconds_left: float | None = None


class Jobs(QObject):
    """The running jobs.

    Signals:
        changed(): a job began, went on or ended.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: dict[int, Job] = {}
        self._last = 0

    @property
    def running(self) -> tuple[Job, ...]:
        """The running jobs, oldest first."""
        return tuple(self._jobs.values())

    def busy(self, kind: str) -> bool:
        """Whether a job of this kind runs."""
        return any(job.kind == kind for job in self._jobs.values())

    def start(self, kind: str, text: str) -> int:
        """A job began; returns its number."""
        self._last += 1
        self._jobs[self._last] = Job(self._last, kind, text)
        self.changed.emit()
        return self._last

    def progress(
        self,
        number: int,
        *,
        fraction: float | None = None,
        seconds_left: float | None = None,
        text: str | None = None,
    ) -> None:
        """A job went on; one that ended meanwhile is left alone."""
        job = self._jobs.get(number)
        if job is not None:
            self._jobs[number] = replace(job, fraction=fraction, seconds_left=seconds_left, text=text or job.text)
            self.changed.emit()

    def finish(self, number: int) -> None:
        """A job ended, in whatever way; a second call changes nothing."""
        if self._jobs.pop(number, None) is not None:
            self.changed.emit()
