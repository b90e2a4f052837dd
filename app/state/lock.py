"""One window a label root: a second one would write over the first one's labels."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLockFile

from adsnet.errors import StorageError
from adsnet.storage.files import reason, shown


class RootLock:
    """Holds ``root/adsnet/lock``.

    Args:
        root: the label root. The folder is made when the lock is needed for writing, not for looking.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._path = root / "adsnet" / "lock"
        self._file: QLockFile | None = None

    def check(self) -> None:
        """Take the lock if somebody may ever have written here. Raises StorageError, as ``acquire``."""
        if self._path.parent.is_dir():
            self.acquire()

    def acquire(self) -> None:
        """Take the lock and keep it. The lock of a process that was killed is taken over.

        Raises:
            StorageError: another window holds it, or it cannot be written.
        """
        if self._file is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"Cannot write {shown(self._path.parent)}: {reason(error)}; choose a folder that you may write to."
            ) from error
        lock = QLockFile(str(self._path))
        lock.setStaleLockTime(0)  # only a dead process makes it stale, not a long session
        if lock.tryLock(0):
            self._file = lock
            return
        if lock.error() == QLockFile.LockError.LockFailedError:
            pid, host, _ = lock.getLockInfo()
            raise StorageError(
                f"The labels of {shown(self.root)} are open in another window (process {pid} on {host}): "
                "close it there first."
            )
        raise StorageError(f"Cannot write {shown(self._path)}: choose a folder that you may write to.")

    def release(self) -> None:
        """Let others have it."""
        if self._file is not None:
            self._file.unlock()
            self._file = None
