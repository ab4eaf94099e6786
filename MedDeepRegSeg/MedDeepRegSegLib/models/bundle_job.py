"""The job that writes a model folder as a MONAI bundle, or the way back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress


@dataclass(frozen=True)
class Request:
    """What to write."""

    source: Path
    """Folder of a model, or of a bundle that MedDeep exported."""
    out: Path
    """Folder to write."""
    direction: Literal["export", "import"] = "export"


@dataclass(frozen=True)
class Result:
    """What was written."""

    folder: Path
    name: str
    """Of the model."""
    needs_meddeep: bool
    """Whether the bundle needs the package meddeep beside MONAI."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Write a bundle, or the model folder of one.

    Raises
    ------
    InputError
        If the source is damaged or not what was expected, or the folder cannot be written.
    MissingPackageError
        If a package that the network needs is not installed.
    """
    from MedDeepRegSegLib.models.bundle_export import export_bundle, needs_meddeep
    from MedDeepRegSegLib.models.bundle_import import import_bundle
    from MedDeepRegSegLib.models.segmenter_folder import read_segmenter

    if cancel is not None:
        cancel.raise_if_canceled()
    progress(0.1, "Reading the model")
    if request.direction == "import":
        description = import_bundle(request.source, request.out)
    else:
        description, _ = read_segmenter(request.source)
        export_bundle(request.source, request.out)
    progress(1.0, "Written")
    return Result(request.out, description.name, needs_meddeep(description))
