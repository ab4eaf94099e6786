"""Run SimpleITK filters so that they can be canceled while they work."""

from typing import Any, Protocol

import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken


class Filter(Protocol):
    """What SimpleITK's filters of one image share."""

    def Execute(self, image1: Any) -> Any:
        """Return the result."""

    def Abort(self) -> None:
        """Stop at the next progress event."""

    def AddCommand(self, event: Any, command: Any) -> Any:
        """Call ``command`` at each event."""

    def RemoveAllCommands(self) -> None:
        """Forget all commands."""


def execute(process: Filter, image: sitk.Image, *, cancel: CancelToken | None = None) -> sitk.Image:
    """Execute a SimpleITK filter of one image; a cancel ends it at its next progress event.

    Raises
    ------
    Canceled
    """
    if cancel is None:
        return process.Execute(image)
    cancel.raise_if_canceled()

    def look() -> None:
        if cancel.canceled:
            process.Abort()

    process.AddCommand(sitk.sitkProgressEvent, look)
    try:
        result = process.Execute(image)
    except RuntimeError:
        cancel.raise_if_canceled()
        raise
    finally:
        process.RemoveAllCommands()
    cancel.raise_if_canceled()
    return result
