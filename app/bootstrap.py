"""Starts the program: looks whether a window is possible, builds session, engines and window, runs them.

This is the only module that knows both the views and the engines. Qt is imported inside functions: where its
libraries are missing the import fails, and the user is to get a sentence instead.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adsnet.cli import RAW_FORM, RAW_HELP, LineParser, print_error
from adsnet.data.raw import RawLayout
from adsnet.errors import AdsnetError, UnknownFormatError
from adsnet.model_file import resolve_model
from adsnet.resources import path_of
from app.display_server import why_no_window

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

PROGRAM = "adsnet-studio"
_WORKER_GRACE_MS = 4000
_TRAINING_GRACE_MS = 5000
_SWITCH_SECONDS = 0.001
"""How long a thread that reads files keeps the interpreter when the window wants it, many times for one frame: Python's
own 5 ms add up to a stall."""


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line: paths to open and a model file."""
    parser = LineParser(
        prog=PROGRAM,
        description="Infrared small-target detection: see what ADSNet sees and skips, correct it, tune it.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="images, a folder, a data set, a video or raw frames; without, what was open lately is offered",
    )
    parser.add_argument("--raw", metavar="LAYOUT", help=f"{RAW_HELP}: {RAW_FORM}")
    parser.add_argument("--model", type=Path, metavar="FILE", help="model file to predict with")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None, *, started: Callable[[Studio], None] | None = None) -> int:
    """Run the window until it is closed.

    Args:
        arguments: as on the command line; those of the process by default.
        started: called in the event loop once the window is shown; for tests that drive it.

    Returns:
        0, or 2 after one sentence on stderr when there is nothing to show or nowhere to show it.
    """
    wanted = parse_arguments(arguments)
    reason = why_no_window(os.environ)
    if reason is not None:
        return _refuse(reason)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        model = None if wanted.model is None else resolve_model(wanted.model)
        raw = None if wanted.raw is None else RawLayout.parse(wanted.raw)
        studio = Studio(paths=wanted.paths, model=model, raw=raw)
    except AdsnetError as error:
        return _refuse(str(error))
    return studio.run(started)


class Studio:
    """The running program.

    Attributes:
        session, window, selection, predicting, examining, training: its parts, for tests.
    """

    def __init__(self, *, paths: Sequence[Path], model: Path | None = None, raw: RawLayout | None = None) -> None:
        from PySide6.QtCore import QSettings, QTimer

        from adsnet.storage.folders import cache_folder, config_folder, log_folder
        from app.actions.choices import remember_choices
        from app.actions.context import Context
        from app.actions.handlers import leave_sequence, offer_recovery
        from app.actions.key_files import complaint as complaint_about_keys
        from app.actions.keymap import keymap_from
        from app.actions.recent import own_recent
        from app.engine.client import WorkerClient
        from app.engine.compare import CompareEngine
        from app.engine.examine import ExamineEngine
        from app.engine.judge import JudgeEngine
        from app.engine.predict import PredictEngine
        from app.engine.rejudge import RejudgeEngine
        from app.engine.train import TrainEngine
        from app.failures import FailureNet, TerminationWatch, start_log
        from app.state.session import Session
        from app.storage.prediction_cache import PredictionCache
        from app.storage.settings import load_settings
        from app.views.dialogs import WindowDialogs
        from app.views.selection import Selection
        from app.views.theme import ThemeFollower
        from app.views.window import MainWindow
        from app.views.wiring import connect

        self.application = make_application()
        start_log(log_folder())
        settings, complaint = load_settings()
        self.session = Session(settings)
        if not paths and not own_recent(settings):
            paths = [path_of("sample")]
        self._ask_layout: tuple[Path, ...] = ()
        self._terminated = False
        try:
            if paths:  # before anything is shown: a bad path ends with a sentence, not with a window
                self.session.open(list(paths), raw=raw)
        except UnknownFormatError:
            self._ask_layout = tuple(paths)  # over the window, once there is one
        self._failures = FailureNet(self.session.notices)
        self._theme = ThemeFollower(self.application, lambda: self.session.settings.theme)
        self.selection = Selection(self.session)
        memory = QSettings(os.fspath(config_folder() / "window.ini"), QSettings.Format.IniFormat)
        self.window = MainWindow(self.session, self.selection, memory=memory)
        self.client = WorkerClient(threads=settings.threads or None, name="the prediction worker")
        cache = PredictionCache(cache_folder() / "predictions")
        self.predicting = PredictEngine(self.client, self.session, cache=cache)
        self.examining = ExamineEngine(self.client, self.session)
        self.training = TrainEngine(self.session)
        self.judging = JudgeEngine(self.session, cache=cache)
        self.comparing = CompareEngine(self.session, self.window.comparison)
        self.rejudging = RejudgeEngine(self.session)
        self.context = Context(
            session=self.session,
            predicting=self.predicting,
            training=self.training,
            judging=self.judging,
            comparing=self.comparing,
            dialogs=WindowDialogs(self.window),
            pick=self.selection,
            screen=self.window,
            sample=path_of("sample"),
            log_folder=log_folder(),
        )
        connect(self.window, self.context, self._theme.follow)
        self.window.may_close = self._may_close
        self._leave, self._offer_recovery, self._remember = leave_sequence, offer_recovery, remember_choices
        self._discard = False
        self._waits_for_training = self._waited_for_training = False
        self._patience = QTimer(self.window, singleShot=True)
        self._patience.timeout.connect(self._close_after_training)
        self.session.fine_tune.status_changed.connect(self._on_tuning)
        self._termination = TerminationWatch(self._terminate)
        if complaint:
            self.session.notices.warn(complaint, key="settings")
        if refused := keymap_from(settings.shortcuts)[1]:
            self.session.notices.warn(complaint_about_keys(refused), key="keys")
        self.client.start()
        if model is not None:
            self.predicting.load(os.fspath(model), settings.device)

    def run(self, started: Callable[[Studio], None] | None = None) -> int:
        """Show the window and return when it is closed."""
        from PySide6.QtCore import QTimer

        from app.failures import LOGGER
        from app.garbage import GarbageCollector

        garbage = GarbageCollector(self.window)
        self.window.show()
        LOGGER.info("the window is shown")
        if started is not None:
            QTimer.singleShot(0, lambda: started(self))
        QTimer.singleShot(0, lambda: self._offer_recovery(self.context))
        if self._ask_layout:
            self.session.open_later(self._ask_layout)
        code = int(self.application.exec())
        garbage.stop()
        self._end()
        return code

    def _may_close(self) -> bool:
        """Asked by the window: training is stopped only when the user says so; what is unsaved is saved."""
        if self._terminated:
            return True
        if self.training.running and not self._waited_for_training:
            if not self._waits_for_training and self.context.dialogs.ask_stop_training():
                self._stop_training()
            return False
        leaving = self._leave(self.context)
        if leaving == "stay":
            return False
        self._discard = leaving == "discard"
        self.session.opener.drop()  # what is being opened would save what is to be discarded
        self._remember(self.context)
        return True

    def _stop_training(self) -> None:
        """Let the training save its candidate before the window closes; what takes too long is killed at the end."""
        self._waits_for_training = True
        self.session.notices.info("The fine-tuning is stopped and saved, then the window closes.", key="closing")
        self._patience.start(_TRAINING_GRACE_MS)
        self.training.stop()
        self._on_tuning(self.session.fine_tune.status)  # it may have ended while the user was asked

    def _on_tuning(self, _status: str) -> None:
        if self._waits_for_training and not self.training.running:
            self._patience.start(0)

    def _close_after_training(self) -> None:
        """The training ended, or did not in time: its checkpoints, and perhaps its candidate, are on disk."""
        self._waits_for_training = False
        self.session.notices.withdraw("closing")
        self._waited_for_training = True
        self.window.close()
        self._waited_for_training = False  # the window may have stayed, because of its labels

    def _terminate(self) -> None:
        """The system asks the process to end: save without questions; what cannot be saved stays in the journal."""
        self._terminated = True
        self.session.conflict_found.disconnect()
        self.window.finish_stroke()
        self.session.save_all()
        self._remember(self.context)
        self.application.quit()

    def _end(self) -> None:
        """Close the sequence, end the child processes, put the hooks back."""
        self.client.shutdown()
        self.training.shutdown()
        self.judging.shutdown()
        self.comparing.shutdown()
        self.session.close_sequence(discard=self._discard)
        self.session.saving.locks.close()
        self.client.wait_shutdown(_WORKER_GRACE_MS)
        self.training.wait_shutdown(_WORKER_GRACE_MS)
        self.judging.wait_shutdown(_WORKER_GRACE_MS)
        self.comparing.wait_shutdown(_WORKER_GRACE_MS)
        self._theme.release()
        self._termination.release()
        self._failures.release()
        self.window.deleteLater()


def make_application() -> QApplication:
    """The one QApplication of the process, with style, name and icon."""
    import pyqtgraph as pg
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    from app.views.icons import use_folder

    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName(PROGRAM)
    application.setApplicationDisplayName("ADSNet Studio")
    application.setDesktopFileName(PROGRAM)
    application.setStyle("Fusion")
    application.setQuitOnLastWindowClosed(True)
    use_folder(path_of("icons"))
    application.setWindowIcon(QIcon(os.fspath(path_of("icons") / "adsnet-studio.svg")))
    pg.setConfigOptions(imageAxisOrder="row-major", antialias=False)
    return application


def _refuse(text: str) -> int:
    print_error(text)
    return 2
