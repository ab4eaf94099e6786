"""The record of samples that were made: it is stored beside them, and makes the same again, also of another image of the grid."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.augmentation.crop import Size
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings, SampleDraws
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json

_LARGEST_FILE = 64 * 2**20
_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class AugmentationRecord:
    """What was drawn for the samples of an image.

    Attributes
    ----------
    preset : str
        Name of the preset.
    settings : AugmentationSettings
        What it held.
    seed : int
    size : tuple of int
        Voxels of the image along z, y, x: its axes closest to foot-head, front-back and right-left.
    spacing_mm : tuple of float
        Along x, y, z.
    samples : dict
        Draws by the name of the sample.
    """

    format: Literal["meddeep-augmentation"] = "meddeep-augmentation"
    format_version: Literal[1] = 1
    preset: str
    settings: AugmentationSettings
    seed: int
    size: Size
    spacing_mm: tuple[float, float, float]
    samples: dict[str, SampleDraws]

    def check_fits(self, size: Size, spacing_mm: tuple[float, float, float]) -> None:
        """Raise InputError unless an image has the grid that this record was made on."""
        apart = max(abs(a / b - 1) for a, b in zip(spacing_mm, self.spacing_mm, strict=True))
        if size != self.size or apart > _TOLERANCE:
            was, now = ("x".join(map(str, part[::-1])) for part in (self.size, size))
            msg = f"the record was made for {was} voxels and the image has {now} or other spacing: give an image of that grid"
            raise InputError(msg)


def record_json(record: AugmentationRecord) -> dict:
    """Return a record as JSON types."""
    return to_json(record)


def read_record(path: Path) -> AugmentationRecord:
    """Return the record in a file.

    Raises
    ------
    InputError
        If it is missing, damaged or no record.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            msg = f"{path} is too large to be a record of augmentation: choose the applied.json of a run"
            raise InputError(msg)
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}): choose the applied.json of a run"
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        msg = f"{path} is not JSON ({str(error)[:80]}): choose the applied.json of a run"
        raise InputError(msg) from error
    if not isinstance(data, dict) or data.get("format") != "meddeep-augmentation":
        msg = f"{path} is no record of augmentation: choose the applied.json of a run"
        raise InputError(msg)
    try:
        return from_json(AugmentationRecord, data)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
