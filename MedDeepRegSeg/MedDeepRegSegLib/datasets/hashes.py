"""Says which data a model was trained on: one number over the content of files, wherever they lie."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

_CHUNK = 2**20


def dataset_sha256(
    dataset: Dataset,
    cases: Iterable[Case] | None = None,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> str:
    """Return the SHA-256 over what can be learned from cases, in hexadecimal.

    It is made of the content of images and labels, what their values mean, and the names of classes and channels. Names
    and places of files, the order of cases, patients and roles do not matter.

    Parameters
    ----------
    dataset : Dataset
    cases : iterable of Case, optional
        Cases of the dataset that count; all by default.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    chosen = tuple(dataset.cases if cases is None else cases)
    known: dict[Path, str] = {}
    parts = []
    for number, case in enumerate(chosen):
        progress(number / len(chosen), f"Reading {case.name}")
        files = [*case.images, *([] if case.labels is None else [case.labels])]
        for file in files:
            if file not in known:
                known[file] = content_sha256(file, cancel=cancel)
        values = sorted(case.values)
        annotated = None if case.annotated is None else sorted(case.annotated)
        labeled = case.labels is not None
        parts.append(json.dumps([[known[file] for file in files], labeled, values, annotated, case.frames]))
    meaning = [
        dataset.channels,
        sorted((segment.value, segment.name) for segment in dataset.classes),
        dataset.ignored_value,
    ]
    progress(1.0, "Read the files")
    return hashlib.sha256("\n".join([json.dumps(meaning), *sorted(parts)]).encode()).hexdigest()


def content_sha256(path: Path, *, cancel: CancelToken | None = None) -> str:
    """Return the SHA-256 of a file, or of the files of a folder whatever their names, in hexadecimal.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        if not path.is_dir():
            return _file(path, cancel)
        found = sorted(_file(file, cancel) for file in path.rglob("*") if file.is_file())
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}): restore it, or make the dataset again"
        raise InputError(msg) from error
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _file(path: Path, cancel: CancelToken | None) -> str:
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
            if cancel is not None:
                cancel.raise_if_canceled()
    return total.hexdigest()
