"""Which commands can be run over a table, and what each must offer for it.

A command that can is a module with the functions and texts of :class:`BatchKind`. Other libraries add theirs with
:func:`register_batches`, as they add their jobs.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from MedDeepRegSegLib.errors import InputError

OWN_JOBS = "MedDeepRegSegLib.jobs"
"""The package whose jobs a child process knows by itself."""

NOT_COUNTED = "not_counted"
"""Column of the summary that names, separated by "; ", the columns of a case that had no effect."""


class BatchKind(Protocol):
    """What a module must offer so that its job can be run over a table."""

    JOB: str
    """Name of the job kind."""
    JOBS: str
    """The package that knows the job and that a child process runs, for example ``MedDeepRegSegLib.jobs``."""
    USES_GPU: bool
    """Whether the job can compute on a GPU."""
    REQUIRED: tuple[str, ...]
    """Columns that the table must have, with a value in every row."""
    OPTIONAL: tuple[str, ...]
    """Columns that the table may have."""
    OTHERS: bool
    """Whether further columns are handed on as they are."""
    FIGURES: tuple[str, ...]
    """Columns of the summary."""
    JOINED: str
    """A table in the folder of each case whose rows are also written as one table of all cases; empty: none."""
    HELP: str
    """What the columns hold, in lines for a person."""
    request: Callable[..., Any]
    """``request(row, out, *, seed, device)`` returns the ``Request``, or raises InputError."""
    figures: Callable[[Any], dict[str, str]]
    """``figures(result)`` returns cells for the columns ``FIGURES`` of the summary."""


BATCHES: dict[str, str] = {
    "register": "MedDeepRegSegLib.registration.register_batch",
    "grow": "MedDeepRegSegLib.segmentation.grow_batch",
    "predict": "MedDeepRegSegLib.prediction.predict_batch",
    "measure": "MedDeepRegSegLib.segmentation.measure_batch",
}
"""Command to the module that says how a row becomes its job."""


def register_batches(mapping: Mapping[str, str]) -> None:
    """Add commands of another library: command to module path.

    Raises
    ------
    ValueError
        If a command already stands for another module.
    """
    for name, module in mapping.items():
        if BATCHES.get(name, module) != module:
            msg = f"the batch {name!r} is already registered for {BATCHES[name]}"
            raise ValueError(msg)
    BATCHES.update(mapping)


def batch_kind(command: str) -> BatchKind:
    """Return the module of a command that can be run over a table.

    Raises
    ------
    InputError
        When it cannot.
    """
    if command not in BATCHES:
        msg = f"the command {command!r} cannot be run over a table, expected one of: {', '.join(BATCHES)}"
        raise InputError(msg)
    return cast(BatchKind, importlib.import_module(BATCHES[command]))
