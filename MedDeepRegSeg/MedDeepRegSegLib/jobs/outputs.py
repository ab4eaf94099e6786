"""Outputs that appear whole or not at all.

A file or folder is written under a temporary name beside its target, on the same disk, and takes its
final name in one step when it is complete. Whatever ends the work earlier (an error, a cancel, a
killed process) leaves no half-written result. A process that may be killed keeps a journal of its
temporary names (:func:`keep_journal`), from which its owner removes what was left
(:func:`remove_journaled`).
"""

import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MedDeepRegSegLib.errors import InputError

# Suffixes of two parts that decide the file format together.
_DOUBLE_SUFFIXES = (
    ".nii.gz",
    ".seg.nrrd",
    ".seg.nhdr",
    ".mrk.json",
    ".h5.gz",
    ".tar.gz",
    ".json.gz",
)
# Formats whose header names a second file: renaming the header afterwards would break them.
_DETACHED_SUFFIXES = (".mhd", ".nhdr", ".seg.nhdr", ".hdr", ".img")

_MARK = ".partial-"

_lock = threading.RLock()
_live: set[Path] = set()
_journal: Path | None = None


def suffix_of(path: Path) -> str:
    """Return the suffix that decides the format of ``path``: ``.nii.gz`` and ``.seg.nrrd`` are kept whole."""
    name = path.name.lower()
    for suffix in _DOUBLE_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return path.name[-len(suffix) :]
    return path.suffix


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Give a temporary path to write to, that becomes ``final`` when the block ends without error.

    Missing folders above ``final`` are created. The temporary file lies in the same folder and has the
    same suffix, because image writers choose the format by it.

    Parameters
    ----------
    final:
        The file to write. An existing file is replaced, and only by a complete one.

    Yields
    ------
    Path
        Where to write. The block must create this file.

    Raises
    ------
    InputError
        If ``final`` is a folder, its folder cannot be made or written, or its format consists of two files.
    """
    final = Path(final).absolute()  # "." has no name, and the process may change its folder meanwhile
    suffix = suffix_of(final)
    if suffix.lower() in _DETACHED_SUFFIXES:
        msg = f"{final.name}: {suffix} is written as two files, expected one: choose .nii.gz, .nrrd or .mha"
        raise InputError(msg)
    if final.is_dir():
        msg = f"{final} is a folder, expected the name of a file to write"
        raise InputError(msg)
    created = _make_folder(final.parent)
    temporary = final.with_name(f".{final.name[: len(final.name) - len(suffix)]}{_MARK}{secrets.token_hex(4)}{suffix}")
    _remember(temporary)
    done = False
    try:
        yield temporary
        if not temporary.is_file():
            msg = f"nothing was written for {final}"
            raise FileNotFoundError(msg)
        with _lock:
            os.replace(temporary, final)
        done = True
    finally:
        _forget(temporary)
        if not done:
            _remove_created(created)


@contextmanager
def atomic_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder whose entries are moved into ``final`` when the block ends without error.

    ``final`` is created if it is absent. Entries of the same name are replaced, folders of the same name
    are merged, and files of other names are left alone.

    Raises
    ------
    InputError
        If ``final`` is a file, cannot be made or written, or if an entry cannot replace what lies in
        ``final`` because one is a file and the other a folder. Nothing is moved then.
    """
    final = Path(final).absolute()  # "." has no name, and the process may change its folder meanwhile
    if final.exists() and not final.is_dir():
        msg = f"{final} is a file, expected a folder to write to: choose another name or remove the file"
        raise InputError(msg)
    created = _make_folder(final.parent)
    if final.is_dir():
        _check_writable(final)
    temporary = final.with_name(f".{final.name}{_MARK}{secrets.token_hex(4)}")
    _remember(temporary)
    done = False
    try:
        temporary.mkdir()
        yield temporary
        _check_mergeable(temporary, final)
        with _lock:
            _merge(temporary, final)
        done = True
    finally:
        _forget(temporary)
        if not done:
            _remove_created(created)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 with ``\\n`` line ends, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def write_json(path: Path, data: object) -> None:
    """Write ``data`` as indented JSON, whole or not at all.

    Raises
    ------
    ValueError
        If ``data`` holds NaN or infinity, which JSON does not know.
    """
    text = json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is not valid UTF-8, as some systems allow
        text = json.dumps(data, indent=2, allow_nan=False)
    write_text(path, text + "\n")


def keep_journal(path: Path) -> None:
    """Record the temporary names of this process in the file ``path`` from now on."""
    global _journal  # noqa: PLW0603  # one process writes one journal
    _journal = Path(path)


def remove_journaled(path: Path) -> None:
    """Remove what a process that was killed left behind, from its journal.

    Only names that this module makes are removed, so that a damaged journal removes nothing else.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            name = json.loads(line)
        except ValueError:
            continue
        if isinstance(name, str) and "\0" not in name:
            temporary = Path(name)
            if temporary.is_absolute() and temporary.name.startswith(".") and _MARK in temporary.name:
                _remove(temporary)


def remove_temporaries(timeout_s: float = 0.5) -> None:
    """Remove the temporary files of this process before it ends without unwinding.

    Waits up to ``timeout_s`` seconds for outputs that are taking their final names just now, so that a
    folder does not appear in part.
    """
    held = _lock.acquire(timeout=timeout_s)
    try:
        for temporary in tuple(_live):
            _remove(temporary)
    finally:
        if held:
            _lock.release()


def _remember(temporary: Path) -> None:
    temporary = temporary.absolute()
    with _lock:
        _live.add(temporary)
        if _journal is not None:
            with _journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(str(temporary)) + "\n")


def _forget(temporary: Path) -> None:
    temporary = temporary.absolute()
    _remove(temporary)
    with _lock:
        _live.discard(temporary)


def _remove(temporary: Path) -> None:
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        try:
            temporary.unlink(missing_ok=True)
        except OSError:
            return  # held open by another program, for example on Windows: the leftover is hidden and harmless


def _make_folder(folder: Path) -> list[Path]:
    """Make ``folder`` and return the folders that were created, deepest first."""
    missing: list[Path] = []
    probe = folder
    while not probe.exists() and probe != probe.parent:
        missing.append(probe)
        probe = probe.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        msg = f"cannot write to {folder}: {probe} is a file, expected a folder"
        raise InputError(msg) from error
    except OSError as error:
        msg = f"cannot make the folder {folder}: {error.strerror or error}; choose a folder you may write to"
        raise InputError(msg) from error
    _check_writable(folder)
    return missing


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"cannot write to the folder {folder}: permission denied; choose a folder you may write to"
        raise InputError(msg)


def _remove_created(created: list[Path]) -> None:
    for folder in created:
        try:
            folder.rmdir()
        except OSError:
            return  # something else was put there meanwhile


def _check_mergeable(source: Path, target: Path) -> None:
    for entry in source.iterdir():
        existing = target / entry.name
        if not existing.exists():
            continue
        if entry.is_dir() != existing.is_dir():
            kinds = ("folder", "file") if entry.is_dir() else ("file", "folder")
            msg = f"cannot write the {kinds[0]} {existing}: a {kinds[1]} of that name is in the way; choose another folder"
            raise InputError(msg)
        if entry.is_dir():
            _check_mergeable(entry, existing)


def _merge(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for entry in sorted(source.iterdir()):
        existing = target / entry.name
        if entry.is_dir() and existing.is_dir():
            _merge(entry, existing)
        else:
            os.replace(entry, existing)
