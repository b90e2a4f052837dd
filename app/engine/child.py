"""One child process at a time: bytes in and out, and the way it ends."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from adsnet.messages import Decoder, Message, ProtocolError, Shutdown, encode
from app.engine.process import Tail, environment, how_it_ended

_log = logging.getLogger("adsnet-studio.worker")


class Child(QObject):
    """Starts and ends the process and turns its output into messages.

    Args:
        program, arguments: what to run.
        threads: processor threads of the process; None leaves the choice to it.
        name: for the log.

    Signals:
        received(Message): a message of the process.
        ended(str): it is gone; a clause that says why, or "" when it was asked to end.
        not_started(str): there is no such program; a clause that says why.
    """

    received = Signal(object)
    ended = Signal(str)
    not_started = Signal(str)

    def __init__(
        self, program: str, arguments: tuple[str, ...], *, threads: int | None, name: str, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._program = program
        self._arguments = arguments
        self._threads = threads
        self._name = name
        self._process: QProcess | None = None
        self._decoder = Decoder()
        self._tail = Tail()
        self._damage = ""
        self._closing = False
        self._rung = 0
        self.grace_ms = 2000
        self._ladder = QTimer(self)
        self._ladder.setSingleShot(True)
        self._ladder.timeout.connect(self._next_rung)

    @property
    def is_running(self) -> bool:
        """Whether there is a process, be it about to start or to end."""
        return self._process is not None

    @property
    def is_closing(self) -> bool:
        """Whether it was asked to end."""
        return self._closing

    @property
    def pid(self) -> int:
        """Of the process; 0 without one."""
        return int(self._process.processId()) if self._process is not None else 0

    @property
    def tail(self) -> str:
        """The end of the standard error of this process or of the last one."""
        return self._tail.text

    def start(self) -> None:
        """Start the process; only while there is none."""
        assert self._process is None
        self._decoder, self._tail = Decoder(), Tail()
        self._damage, self._closing, self._rung = "", False, 0
        process = QProcess(self)
        process.setProgram(self._program)
        process.setArguments(list(self._arguments))
        process.setProcessEnvironment(environment(self._threads))
        process.readyReadStandardOutput.connect(self._read_output)
        process.readyReadStandardError.connect(self._read_error)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()

    def send(self, message: Message) -> None:
        """Write a message; it waits in memory until the process reads it."""
        if self._process is not None and not self._closing:
            self._process.write(encode(message))

    # ---- the end --------------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """End it politely, then firmly: a message and the end of its input, terminate, kill. Returns at once."""
        process = self._process
        if process is None or self._closing:
            return
        if process.state() == QProcess.ProcessState.Running:
            process.write(encode(Shutdown()))
        self._closing = True
        process.closeWriteChannel()
        self._ladder.start(self.grace_ms)

    def _next_rung(self) -> None:
        if self._process is None:
            return
        self._rung += 1
        if self._rung == 1:
            self._process.terminate()
            self._ladder.start(self.grace_ms)
        else:
            self._process.kill()

    def wait(self, milliseconds: int) -> bool:
        """Wait for the end of a process that was shut down; with less than half of the time left it is killed.

        Returns:
            whether it is gone.
        """
        process = self._process
        if process is None:
            return True
        self._ladder.stop()
        if not process.waitForFinished(max(milliseconds // 2, 1)):
            process.terminate()
            if not process.waitForFinished(max(milliseconds // 4, 1)):
                process.kill()
                process.waitForFinished(max(milliseconds // 4, 500))
        return self._process is None

    # ---- what the process does ------------------------------------------------------------------------------

    def _read_output(self) -> None:
        process = self._process
        if process is None or self._damage:
            return
        try:
            for message in self._decoder.feed(bytes(process.readAllStandardOutput().data())):
                self.received.emit(message)
        except ProtocolError as error:
            self._damage = str(error)
            process.kill()

    def _read_error(self) -> None:
        if self._process is not None:
            chunk = bytes(self._process.readAllStandardError().data())
            self._tail.add(chunk)
            _log.debug("%s: %s", self._name, chunk.decode("utf-8", errors="backslashreplace").rstrip())

    def _on_error(self, error: QProcess.ProcessError) -> None:
        # Every other error is followed by ``finished``.
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            reason = self._process.errorString()
            self._let_go()
            self.not_started.emit(reason)

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._process is None:
            return
        self._read_output()
        self._read_error()
        reason = "" if self._closing else self._damage or how_it_ended(code, status)
        self._let_go()
        self.ended.emit(reason)

    def _let_go(self) -> None:
        process, self._process = self._process, None
        self._ladder.stop()
        if process is not None:
            process.deleteLater()
