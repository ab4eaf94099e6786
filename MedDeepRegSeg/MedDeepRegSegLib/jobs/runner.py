"""Run a job in this process."""

from typing import Any

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.registry import job_module


def run_job(
    name: str,
    request: Any,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Any:
    """Run the job kind ``name`` on ``request`` and return its ``Result``.

    Parameters
    ----------
    name:
        A name in :data:`MedDeepRegSegLib.jobs.registry.JOBS`.
    request:
        An instance of the ``Request`` of that job kind.

    Raises
    ------
    InputError
        If the job is unknown or its input cannot be used.
    Canceled
        If ``cancel`` was set before the end; it says what was written, see :func:`what_a_cancel_left`.
    MissingPackageError
        If the job needs an optional package that is not installed.
    """
    module = job_module(name)
    if not isinstance(request, module.Request):
        msg = f"job {name!r} takes {module.Request.__module__}.Request, got {type(request).__name__}"
        raise TypeError(msg)
    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    try:
        result = module.run(request, progress=progress, cancel=cancel)
    except Canceled as error:
        raise Canceled(what_a_cancel_left(request)) from error
    if not isinstance(result, module.Result):
        msg = f"job {name!r} returned {type(result).__name__}, expected its Result"
        raise TypeError(msg)
    return result


def what_a_cancel_left(request: Any) -> str:
    """Return what a person who canceled a job is told: what its request says by ``if_canceled()``, for most jobs nothing."""
    if_canceled = getattr(request, "if_canceled", None)
    return "canceled by the user; nothing was written" if if_canceled is None else str(if_canceled())
