"""One process at a time runs a case, on whichever machine.

The lock is one of the file system, on a file beside the folder of the case. It is gone as soon as its last holder is, so
that a process that was killed leaves no case locked. The child that does the work holds it too, where the system lets
it (:attr:`CaseLock.descriptor`). Where a file system knows no locks, there is no lock.
"""

import contextlib
import errno
import os
import platform
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from MedDeepRegSegLib.jobs.processes import WINDOWS
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

_TICK_S = 0.2
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What a file system says that knows no locks."""
_FAR = 1 << 20
"""Byte that is locked on Windows, where a locked one cannot be read: behind the name of the holder."""


class CaseLock:
    """Held inside the ``with`` block.

    Parameters
    ----------
    folder : Path
        Of the case. The file of the lock lies beside it.
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`. The wait for another process is told.

    Attributes
    ----------
    waited : bool
        Whether another process held it first: what it did may be all that is wanted.

    Raises
    ------
    Canceled
        On entering, when canceled while waiting.
    """

    def __init__(self, folder: Path, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> None:
        self._path = folder.with_name(f".{folder.name}.running")
        self._progress = progress
        self._cancel = CancelToken() if cancel is None else cancel
        self._file: int | None = None
        self.waited = False

    @property
    def descriptor(self) -> int | None:
        """The open file; a child process that inherits it holds the lock, too (not on Windows)."""
        return None if WINDOWS else self._file

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self._file = self._taken()
            if self._file is not None:
                return self
            self.waited = True
            self._progress(0.0, f"waiting for {_holder(self._path)}, which runs this case")
            self._cancel.raise_if_canceled()
            time.sleep(_TICK_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        if not WINDOWS:  # while it is held, so that no other process holds a file without a name
            self._path.unlink(missing_ok=True)
        os.close(self._file)
        if WINDOWS:  # where an open file cannot be removed
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._file = None

    def _taken(self) -> int | None:
        """Return the open file when the lock could be taken, else None."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError:
            if WINDOWS:
                return None  # it is just being removed
            raise
        try:
            if _locked(file) and _is_named(self._path, file):
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {platform.node()}".encode())
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        return None


def _locked(file: int) -> bool:
    """Lock an open file, where that is possible; return False where another process has locked it."""
    try:
        if WINDOWS:
            import msvcrt

            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _is_named(path: Path, file: int) -> bool:
    """Whether an open file is still the one of this name: its last holder may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _holder(path: Path) -> str:
    """Return who holds the lock, for a person."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    except OSError:
        return "another process"
