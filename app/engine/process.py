"""How a worker process is started, and how its end is told to a person."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QProcess, QProcessEnvironment

import adsnet

_SIGNALS = {
    4: "it crashed (illegal instruction, signal 4)",
    6: "it gave itself up (signal 6)",
    7: "it crashed (bus error, signal 7)",
    8: "it crashed (arithmetic error, signal 8)",
    9: "it was killed (signal 9), most often because the memory of the machine was used up",
    11: "it crashed (memory fault, signal 11)",
    15: "it was told to end (signal 15)",
    24: "it used up its processor time (signal 24)",
    25: "it wrote too large a file (signal 25)",
}
TAIL_BYTES = 16_384


def environment(threads: int | None) -> QProcessEnvironment:
    """The environment of a worker: that of the window, with this very ``adsnet`` first on the path.

    Args:
        threads: for the numeric libraries of the worker; None leaves the choice to it.
    """
    values = QProcessEnvironment.systemEnvironment()
    root = str(Path(adsnet.__file__).resolve().parent.parent)
    others = values.value("PYTHONPATH")
    values.insert("PYTHONPATH", root + os.pathsep + others if others else root)
    # Else a file named like a module in the working folder, say a data set's numpy.py, would be run.
    values.insert("PYTHONSAFEPATH", "1")
    values.insert("PYTHONUNBUFFERED", "1")
    values.insert("PYTHONIOENCODING", "utf-8:backslashreplace")
    values.remove("ADSNET_THREADS")
    if threads:
        values.insert("ADSNET_THREADS", str(threads))
    return values


def how_it_ended(code: int, status: QProcess.ExitStatus) -> str:
    """Why a process is gone, as a clause: Qt reports the signal as the code of a crash on Unix."""
    if status == QProcess.ExitStatus.CrashExit:
        return _SIGNALS.get(code, f"it crashed (code {code})")
    if code > 128 and code - 128 in _SIGNALS:  # ended by a shell in between
        return _SIGNALS[code - 128]
    return "it ended by itself" if code == 0 else f"it ended with exit code {code}"


class Tail:
    """The end of what a process wrote to its standard error."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Append, and forget what is too long ago."""
        self._bytes += chunk
        del self._bytes[:-TAIL_BYTES]

    @property
    def text(self) -> str:
        """As text, whatever the bytes are."""
        return self._bytes.decode("utf-8", errors="backslashreplace").strip()
