"""Whole trees of processes on Linux, macOS and Windows, with the standard library alone.

A job leads its own process group (POSIX) or job object (Windows), so that whatever it starts ends with
it. Ending a tree never touches this process or its group.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_HAS_PROC = sys.platform.startswith("linux")
WINDOWS = sys.platform == "win32"


def lead_own_group() -> None:
    """Make this process the leader of its own group, so that its children can be ended with it."""
    if WINDOWS:
        _enter_job_object()
    else:
        # Fails where this process leads a group already, which is what is wanted.
        with contextlib.suppress(PermissionError):
            os.setsid()  # type: ignore[attr-defined, unused-ignore]


def start_stamp(pid: int) -> str | None:
    """Return a text that tells this process apart from a later one of the same number, where that is known."""
    fields = _stat(pid)
    return fields[19] if fields else None


def alive(pid: int, stamp: str | None = None) -> bool:
    """Return whether process ``pid`` still runs; one that ended and was not collected does not count.

    With ``stamp`` (see :func:`start_stamp`) another process that got the same number does not count either.
    """
    if _HAS_PROC:
        fields = _stat(pid)
        return fields is not None and fields[0] not in "ZX" and stamp in (None, fields[19])
    if WINDOWS:
        return _alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def tree_of(pid: int) -> set[int]:
    """Return the living processes that descend from ``pid`` or belong to its group, with ``pid`` (POSIX)."""
    table = _process_table()
    found = {pid} if pid in table else set()
    found |= {other for other, (_, group) in table.items() if group == pid}
    wanted = found | {pid}
    while True:
        more = {other for other, (parent, _) in table.items() if parent in wanted} - wanted
        if not more:
            return found
        found |= more
        # A descendant that leads its own group takes that group with it.
        more |= {other for other, (_, group) in table.items() if group in more}
        found |= more
        wanted |= more


def end_tree(pid: int, *, keep_root: bool = False) -> None:
    """End ``pid`` and everything it started, at once and without asking.

    Parameters
    ----------
    pid:
        The root of the tree. On POSIX, what its ended children left in its group is ended too.
    keep_root:
        Leave ``pid`` itself running: what a job does before it ends.
    """
    if WINDOWS:
        if not keep_root:  # the job object ends the children of a root that ends
            flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
            command = ["taskkill", "/PID", str(pid), "/T", "/F"]
            subprocess.run(command, check=False, capture_output=True, creationflags=flags)
        return
    spared = {0, 1, os.getpid(), os.getppid()} | ({pid} if keep_root else set())
    # More than once, because a process may start another one while the table is read.
    for _ in range(5):
        victims = tree_of(pid) - spared
        if not victims:
            return
        for victim in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(victim, signal.SIGKILL)  # type: ignore[attr-defined, unused-ignore]


def tree_alive(pid: int) -> bool:
    """Return whether ``pid`` or, on POSIX, anything it started still runs."""
    return alive(pid) if WINDOWS else bool(tree_of(pid))


def _stat(pid: int) -> list[str] | None:
    """Return the fields of ``/proc/PID/stat`` from the state on."""
    if not _HAS_PROC:
        return None
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    return text.rpartition(")")[2].split()


def _process_table() -> dict[int, tuple[int, int]]:
    """Return process number -> (parent, group) of all living processes (POSIX)."""
    table: dict[int, tuple[int, int]] = {}
    if _HAS_PROC:
        for entry in os.listdir(_PROC):
            if entry.isdigit():
                fields = _stat(int(entry))
                if fields and fields[0] not in "ZX":
                    table[int(entry)] = (int(fields[1]), int(fields[2]))
        return table
    command = ["ps", "-axo", "pid=,ppid=,pgid=,stat="]
    lines = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
    for line in lines:
        fields = line.split()
        if len(fields) >= 4 and not fields[3].startswith("Z"):
            table[int(fields[0])] = (int(fields[1]), int(fields[2]))
    return table


# ---- Windows

_windows_job: Any = None


def _kernel32() -> Any:
    import ctypes
    from ctypes import wintypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined, unused-ignore]
    kernel32.OpenProcess.restype = wintypes.HANDLE
    kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    kernel32.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    kernel32.GetCurrentProcess.restype = wintypes.HANDLE
    kernel32.CreateJobObjectW.restype = wintypes.HANDLE
    kernel32.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
    kernel32.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD)
    kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    return kernel32


def _alive_on_windows(pid: int) -> bool:
    synchronize, wait_timeout, access_denied = 0x00100000, 0x102, 5
    import ctypes

    kernel32 = _kernel32()
    handle = kernel32.OpenProcess(synchronize, False, pid)
    if not handle:
        return ctypes.get_last_error() == access_denied  # type: ignore[attr-defined, unused-ignore]
    try:
        return bool(kernel32.WaitForSingleObject(handle, 0) == wait_timeout)
    finally:
        kernel32.CloseHandle(handle)


def _enter_job_object() -> None:
    """Enter a job object that ends all its processes when this one, its only holder, ends."""
    import ctypes
    from ctypes import wintypes

    class Basic(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class Extended(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", Basic),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    global _windows_job  # noqa: PLW0603  # the handle must live as long as this process
    extended_limit_information, kill_on_job_close = 9, 0x2000
    kernel32 = _kernel32()
    job = kernel32.CreateJobObjectW(None, None)
    limits = Extended()
    limits.BasicLimitInformation.LimitFlags = kill_on_job_close
    if job and kernel32.SetInformationJobObject(
        job, extended_limit_information, ctypes.byref(limits), ctypes.sizeof(limits)
    ):
        kernel32.AssignProcessToJobObject(job, kernel32.GetCurrentProcess())
        _windows_job = job
