"""Opening a sequence without making the window wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, Qt, Signal

from adsnet.data.raw import RawLayout
from adsnet.errors import AdsnetError, UnknownFormatError
from app.state.frames import FrameCache
from app.state.jobs import Jobs
from app.state.lock import RootLocks
from app.state.notices import Notices
from app.state.records import Records, read_records
from app.state.sequence import Sequence, open_sequence
from app.state.turns import Turns


class Ready(NamedTuple):
    """A sequence that can be taken over."""

    sequence: Sequence
    records: Records


def ready(paths: Iterable[Path], locks: RootLocks, *, raw: RawLayout | None = None) -> Ready:
    """Open what the user chose and read what is known of its labels.

    ``locks``: of the window. Other arguments as of ``open_sequence``; errors of it and of ``read_records``.
    """
    sequence = open_sequence(paths, raw=raw)
    return Ready(sequence, read_records(sequence, locks))


class Opener(QObject):
    """Runs ``ready`` in a thread; the last wish counts. What cannot be opened is a notice of the key ``open``.

    Args:
        frames: gets the first frame before the sequence is taken over, so that the window need not wait for it.
        locks: the label roots of the window.
        install: takes the sequence over, with its records, and whether unsaved edits of the present one are not wanted.

    Signals:
        layout_wanted(Path, tuple, bool): a file, of these paths, may hold raw values: ask how they lie, then open
            again with the answer.
    """

    layout_wanted = Signal(object, object, bool)
    _answered = Signal(int, object)

    def __init__(
        self,
        jobs: Jobs,
        notices: Notices,
        frames: FrameCache,
        locks: RootLocks,
        install: Callable[[Sequence, Records, bool], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._notices = notices
        self._frames = frames
        self._locks = locks
        self._install = install
        self._discard = False
        self._paths: tuple[Path, ...] = ()
        self._wish = 0
        self._job = 0
        self._turns = Turns.of_the_window()
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)

    def open(self, paths: tuple[Path, ...], *, discard: bool, raw: RawLayout | None = None) -> None:
        """Begin; an earlier wish is dropped. ``discard`` goes on to ``install``; ``raw`` as in ``open_sequence``."""
        self.drop()
        self._discard, self._paths = discard, paths
        name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        self._job = self._jobs.start("open", f"Opening {name}")
        # A daemon: a dead network share must not keep the program from ending.
        threading.Thread(target=self._run, args=(self._wish, paths, raw), name="open", daemon=True).start()

    def drop(self) -> None:
        """Forget the wish, if any: something else is opened."""
        self._wish += 1
        self._jobs.finish(self._job)

    def _run(self, wish: int, paths: tuple[Path, ...], raw: RawLayout | None) -> None:
        result: Ready | Path | str = "The files could not be opened: see the log for what went wrong."
        try:
            result = opened = ready(paths, self._locks, raw=raw)
            self._frames.prepare(opened.sequence)
        except UnknownFormatError as error:
            result = error.path
        except AdsnetError as error:
            result = str(error)
        finally:
            with contextlib.suppress(RuntimeError):  # the window was closed meanwhile
                self._answered.emit(wish, result)

    def _on_answered(self, wish: int, result: object) -> None:
        self._turns.take(lambda: self._take(wish, result), of=self)

    def _take(self, wish: int, result: object) -> None:
        if wish != self._wish:
            if isinstance(result, Ready):
                result.records.lock.release()
            return
        self._jobs.finish(self._job)
        if isinstance(result, Path):
            self.layout_wanted.emit(result, self._paths, self._discard)
            return
        if isinstance(result, Ready):
            try:
                self._install(*result, self._discard)
                return
            except AdsnetError as error:
                result = str(error)
        self._notices.error(str(result), key="open")
