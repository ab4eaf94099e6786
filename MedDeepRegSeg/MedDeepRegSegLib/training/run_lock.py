"""One run, one writer: a second run in the same folder is refused. A killed run leaves no lock behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MedDeepRegSegLib.errors import InputError

LOCK = ".lock"


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold the folder of a run, which is made where absent.

    Raises
    ------
    InputError
        When another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        msg = f"cannot write to {folder}: {error.strerror or error}; choose a folder you may write to"
        raise InputError(msg) from error
    try:
        if not _take(handle):
            msg = f"{folder} is in use by another training: wait for its end, or choose another folder"
            raise InputError(msg)
        yield
    finally:
        os.close(handle)  # the system lifts the lock, also where the process is killed


def _take(handle: int) -> bool:
    """Return whether the lock was free, and hold it then."""
    try:
        import fcntl
    except ImportError:
        return _take_on_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, as some on clusters: two runs there are the user's care
        return True
    return True


def _take_on_windows(handle: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    except OSError:
        return False
    return True
