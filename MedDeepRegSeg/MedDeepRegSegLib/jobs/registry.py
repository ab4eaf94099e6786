"""Which kinds of jobs exist.

A job kind is a module with a frozen dataclass ``Request``, a frozen dataclass ``Result`` and
``run(request, *, progress, cancel) -> Result``. A job name that comes from a file is only looked up
here; nothing is ever imported by a name that a file gives.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from MedDeepRegSegLib.errors import InputError


class JobModule(Protocol):
    """What a module must offer to be a job kind."""

    Request: type[Any]
    Result: type[Any]
    run: Callable[..., Any]


JOBS: dict[str, str] = {
    "align-contours": "MedDeepRegSegLib.segmentation.align_contours_job",
    "augment": "MedDeepRegSegLib.augmentation.augment_job",
    "batch": "MedDeepRegSegLib.jobs.batch_job",
    "bundle": "MedDeepRegSegLib.models.bundle_job",
    "compare-networks": "MedDeepRegSegLib.training.cases.compare_job",
    "contours": "MedDeepRegSegLib.segmentation.contours_job",
    "dataset": "MedDeepRegSegLib.datasets.dataset_job",
    "evaluate": "MedDeepRegSegLib.prediction.evaluate_job",
    "features": "MedDeepRegSegLib.features.features_job",
    "foreground": "MedDeepRegSegLib.segmentation.foreground_job",
    "grow": "MedDeepRegSegLib.segmentation.grow_job",
    "grow-session": "MedDeepRegSegLib.segmentation.growing_worker",
    "measure": "MedDeepRegSegLib.segmentation.measure_job",
    "predict": "MedDeepRegSegLib.prediction.predict_job",
    "register": "MedDeepRegSegLib.registration.job",
    "select": "MedDeepRegSegLib.prediction.select_job",
    "subdivide": "MedDeepRegSegLib.segmentation.subdivide_job",
    "train": "MedDeepRegSegLib.training.cases.train_job",
    "train-growing": "MedDeepRegSegLib.training.growing_job",
    "train-masked": "MedDeepRegSegLib.training.masked_job",
}
"""Job name to module path. Other libraries add theirs with :func:`register_jobs`."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


def register_jobs(mapping: Mapping[str, str]) -> None:
    """Add job kinds of another library: job name to module path.

    Raises
    ------
    ValueError
        If a name is malformed or already stands for another module.
    """
    for name, module in mapping.items():
        if not _NAME.fullmatch(name):
            msg = f"job name {name!r} is malformed, expected lower-case letters, digits, - and _"
            raise ValueError(msg)
        if JOBS.get(name, module) != module:
            msg = f"job {name!r} is already registered for {JOBS[name]}"
            raise ValueError(msg)
    JOBS.update(mapping)


def job_module(name: str) -> JobModule:
    """Import and return the module of the job kind ``name``.

    Raises
    ------
    InputError
        If no such job is registered.
    TypeError
        If the module is not a job kind: a fault of the program, not of the user.
    """
    if not isinstance(name, str) or name not in JOBS:
        msg = f"job: unknown kind {str(name)[:60]!r}, expected one of {', '.join(sorted(JOBS))}"
        raise InputError(msg)
    module = importlib.import_module(JOBS[name])
    for part in ("Request", "Result"):
        cls = getattr(module, part, None)
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            msg = f"{JOBS[name]} has no dataclass {part}, which every job kind needs"
            raise TypeError(msg)
    if not callable(getattr(module, "run", None)):
        msg = f"{JOBS[name]} has no function run, which every job kind needs"
        raise TypeError(msg)
    return cast(JobModule, module)
