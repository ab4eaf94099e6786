"""How much memory there is, and the refusal of work that would not fit in it.

An estimate before the work is kinder than a machine that swaps for ten minutes and then kills Slicer.
"""

import os
import sys
from pathlib import Path

from MedDeepRegSegLib.errors import InputError

_CGROUP = Path("/sys/fs/cgroup")


def available_memory_bytes() -> int | None:
    """Return the memory that this process can still have, in bytes, or None where the system does not tell.

    Linux: ``MemAvailable``, and the limit of the control group where that is lower; Windows:
    ``GlobalMemoryStatusEx``; macOS: half of the installed memory, because free pages say little there.
    """
    if sys.platform == "win32":
        return _windows_available()
    if sys.platform == "darwin":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return _linux_available()


def _linux_available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    try:
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no control group, or its limit is "max"
        return available
    left = max(limit - used, 0)
    return left if available is None else min(available, left)


def _windows_available() -> int | None:  # pragma: no cover - needs Windows
    import ctypes

    class MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total_physical", ctypes.c_ulonglong),
            ("available_physical", ctypes.c_ulonglong),
            ("total_page_file", ctypes.c_ulonglong),
            ("available_page_file", ctypes.c_ulonglong),
            ("total_virtual", ctypes.c_ulonglong),
            ("available_virtual", ctypes.c_ulonglong),
            ("available_extended_virtual", ctypes.c_ulonglong),
        )

    status = MemoryStatus()
    status.length = ctypes.sizeof(MemoryStatus)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    return int(status.available_physical) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def check_memory(needed_bytes: float, what: str, todo: str) -> None:
    """Refuse work that needs more memory than there is.

    Parameters
    ----------
    needed_bytes:
        Estimate of the peak memory of the work, in bytes.
    what:
        The work, for the message, for example ``"resampling to 900x900x2000 voxels"``.
    todo:
        What a person can do about it, for example ``"crop the volume or choose a larger spacing"``.

    Raises
    ------
    InputError
        If less than ``needed_bytes`` is available. Nothing is raised where the system does not tell.
    """
    available = available_memory_bytes()
    if available is not None and needed_bytes > available:
        msg = f"{what} needs about {needed_bytes / 2**30:.1f} GiB of memory, {available / 2**30:.1f} GiB is available: {todo}"
        raise InputError(msg)
