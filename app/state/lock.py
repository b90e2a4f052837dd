"""One window a label root: a second one would write over the first one's labels."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakSet, WeakValueDictionary

from PySide6.QtCore import QLockFile

from adsnet.errors import StorageError
from adsnet.storage.files import reason, shown

_PATIENCE_SECONDS = 0.5


class RootLocks:
    """The label roots of one window, for all its threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._files: WeakValueDictionary[Path, _LockFile] = WeakValueDictionary()
        self._closed = False

    def of(self, root: Path) -> RootLock:
        """A lock of a label root that is not held yet; the root is this window's while any of its locks is held."""
        with self._guard:
            file = self._files.get(root)
            if file is None:
                file = self._files[root] = _LockFile(root, closed=self._closed)
            return RootLock(root, file)

    def close(self) -> None:
        """Let go of all for good: the program ends, and a thread that still opens something is not waited for."""
        with self._guard:
            self._closed = True
            files = list(self._files.values())
        for file in files:
            file.close()


class RootLock:
    """A part in ``root/adsnet/lock``; see ``RootLocks``. It is let go of when it is forgotten, too.

    The folder is made when the lock is needed for writing, not for looking. Taking it waits for the disk, often 20 ms.
    """

    def __init__(self, root: Path, file: _LockFile) -> None:
        self.root = root
        self._file = file

    def check(self) -> None:
        """Take the lock if somebody may ever have written here. Raises StorageError, as ``acquire``."""
        if self._file.path.parent.is_dir():
            self.acquire()

    def acquire(self) -> None:
        """Take the lock and keep it. The lock of a process that was killed is taken over.

        Raises:
            StorageError: another window holds it, or it cannot be written.
        """
        self._file.hold(self)

    def release(self) -> None:
        """Let others have it."""
        self._file.let_go(self)


class _LockFile:
    """The file on the disk, and who in this window needs it."""

    def __init__(self, root: Path, *, closed: bool) -> None:
        self.path = root / "adsnet" / "lock"
        self._root = root
        self._guard = threading.Lock()
        self._holders: WeakSet[RootLock] = WeakSet()
        self._lock: QLockFile | None = None
        self._closed = closed

    def hold(self, holder: RootLock) -> None:
        with self._guard:
            if self._closed:
                raise StorageError(f"The labels of {shown(self._root)} are not opened: the program ends.")
            if self._lock is None:
                self._lock = self._taken()
            self._holders.add(holder)

    def let_go(self, holder: RootLock) -> None:
        with self._guard:
            self._holders.discard(holder)
            if not self._holders:
                self._unlock()

    def close(self) -> None:
        # On a dead network share a thread may take it for ever.
        if self._guard.acquire(timeout=_PATIENCE_SECONDS):
            self._closed = True
            self._unlock()
            self._guard.release()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def _taken(self) -> QLockFile:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"Cannot write {shown(self.path.parent)}: {reason(error)}; choose a folder that you may write to."
            ) from error
        lock = QLockFile(str(self.path))
        lock.setStaleLockTime(0)  # only a dead process makes it stale, not a long session
        if lock.tryLock(0):
            return lock
        if lock.error() == QLockFile.LockError.LockFailedError:
            pid, host, _ = lock.getLockInfo()
            raise StorageError(
                f"The labels of {shown(self._root)} are open in another window (process {pid} on {host}): "
                "close it there first."
            )
        raise StorageError(f"Cannot write {shown(self.path)}: choose a folder that you may write to.")
