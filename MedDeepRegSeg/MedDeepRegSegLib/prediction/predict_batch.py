"""How a row of a table becomes a segmentation by a model of one's own, and its result cells of the summary."""

from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_kinds import OWN_JOBS
from MedDeepRegSegLib.jobs.batch_table import Row

if TYPE_CHECKING:
    from MedDeepRegSegLib.prediction.predict_job import Request, Result

JOB = "predict"
JOBS = OWN_JOBS
USES_GPU = True
_MORE_IMAGES = tuple(f"image_{number}" for number in range(2, 9))
REQUIRED = ("model", "image")
OPTIONAL = (*_MORE_IMAGES, "mirrored", "uncertainty")
OTHERS = False
FIGURES = ("segments", "volumes_ml", "model")
JOINED = ""
HELP = """\
model: folder that 'meddeep train' wrote
image, image_2, image_3, ...: a volume, or the folder of one DICOM series, for each channel of the model in its order
mirrored, uncertainty: yes or no, as the options of 'meddeep predict'
"""
OUTPUT = "segmentation.seg.nrrd"


def request(row: Row, out: Path, *, seed: int, device: str = "auto") -> "Request":
    """Return the request of a row.

    Raises
    ------
    InputError
        When a file is not there, or a channel between two others is empty.
    """
    from MedDeepRegSegLib.prediction.predict_job import Request

    images = [row.path(column) for column in ("image", *_MORE_IMAGES)]
    given = [image for image in images if image is not None]
    if given != images[: len(given)]:
        empty = ("image", *_MORE_IMAGES)[images.index(None)]
        msg = (
            f"{empty} is empty and a later channel is not, expected the images in the order of the channels: fill it in"
        )
        raise InputError(msg)
    return Request(
        model=row.needed("model"),
        images=tuple(given),
        out=out / OUTPUT,
        uncertainty=out / "uncertainty.nrrd" if row.flag("uncertainty") else None,
        mirrored=row.flag("mirrored"),
        device=device,
    )


def figures(result: "Result") -> dict[str, str]:
    """Return the cells of the summary."""
    return {
        "segments": "; ".join(result.segments),
        "volumes_ml": "; ".join(f"{volume:.2f}" for volume in result.volumes_ml),
        "model": result.model,
    }
