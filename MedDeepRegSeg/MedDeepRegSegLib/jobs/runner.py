"""Run a job in this process."""

from typing import Any

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
        If ``cancel`` was set before the end. Nothing was written then.
    MissingPackageError
        If the job needs an optional package that is not installed.
    """
    module = job_module(name)
    if not isinstance(request, module.Request):
        msg = f"job {name!r} takes {module.Request.__module__}.Request, got {type(request).__name__}"
        raise TypeError(msg)
    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    result = module.run(request, progress=progress, cancel=cancel)
    if not isinstance(result, module.Result):
        msg = f"job {name!r} returned {type(result).__name__}, expected its Result"
        raise TypeError(msg)
    return result
