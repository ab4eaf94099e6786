"""What a run of a subdivision network is, whole."""

import json
from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.models.encoder import MULTIPLE
from MedDeepRegSegLib.models.subdivision_network import SubdivisionSettings
from MedDeepRegSegLib.synthesis.parts import BRAIN_PARTS, BRAIN_UNKNOWN, Part, check_parts
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.settings_checks import (
    check_counts,
    check_fractions,
    check_not_negative,
    check_positive,
    check_side,
)


@dataclass(frozen=True)
class SubdivisionTraining:
    """Settings of :func:`MedDeepRegSegLib.training.subdivision.train_subdivision`.

    Attributes
    ----------
    steps, learning_rate, weight_decay, warmup, average, seed
        See :class:`~MedDeepRegSegLib.training.settings.PretrainSettings`.
    views : int
        Images a step, in each process.
    side : int
        Side of a view, voxels; a multiple of 16.
    smallest_voxel, largest_voxel : float
        Edges of the voxels of views, mm.
    tissue_fraction : float
        Part of the images with gray levels as scanners have them; the others are in random contrast.
    stripped_fraction : float
        Part of the images that show the brain alone.
    side_weight : float
        Of the question of left and right, beside that of the part.
    precision : {"float32", "bfloat16"}
        Of the convolutions.
    head_channels : int
        See :class:`~MedDeepRegSegLib.models.subdivision_network.SubdivisionSettings`.
    parts : tuple of Part
    unknown : tuple of int
        Labels that nothing is asked of.
    """

    steps: int = 3000
    views: int = 1
    side: int = 80
    smallest_voxel: float = 1.4
    largest_voxel: float = 2.4
    tissue_fraction: float = 0.6
    stripped_fraction: float = 0.35
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 50
    average: float = 0.995
    side_weight: float = 0.5
    precision: Precision = "float32"
    seed: int = 0
    head_channels: int = 48
    parts: tuple[Part, ...] = BRAIN_PARTS
    unknown: tuple[int, ...] = BRAIN_UNKNOWN

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        check_counts(self, "steps", "views")
        check_side(self.side, MULTIPLE, 80)
        if self.head_channels < 8 or self.head_channels % 8:
            msg = f"head_channels is {self.head_channels}, expected a multiple of 8: choose 48"
            raise InputError(msg)
        if not 0.2 <= self.smallest_voxel <= self.largest_voxel <= 10:
            msg = (
                f"voxels are from {self.smallest_voxel:g} to {self.largest_voxel:g} mm, expected 0.2 to 10 mm and the "
                "smallest first: correct them"
            )
            raise InputError(msg)
        check_fractions(self, "tissue_fraction", "stripped_fraction", "average")
        check_positive(self, "learning_rate")
        check_not_negative(self, "seed", "weight_decay", "warmup", "side_weight")
        check_parts(self.parts)

    def network(self, channels: tuple[int, int, int, int]) -> SubdivisionSettings:
        """Return the settings of the network, with an encoder of these channels."""
        sided = (0, *(int(bool(part.right)) for part in self.parts))
        shown = (0, *(int(part.shown) for part in self.parts))
        return SubdivisionSettings(channels, self.head_channels, sided, shown)


@dataclass(frozen=True)
class _Parts:
    """Content of a file of parts."""

    parts: tuple[Part, ...]
    unknown: tuple[int, ...] = ()


def read_parts(path: Path) -> tuple[tuple[Part, ...], tuple[int, ...]]:
    """Return the settings ``parts`` and ``unknown`` of a JSON file.

    The file holds ``{"parts": [{"name": "femur", "labels": [1], "right": [2]}, ...], "unknown": [9]}``; ``right``,
    ``shown`` and ``unknown`` may be left out.

    Raises
    ------
    InputError
        When it is no such file.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        usual = {"right": [], "shown": True}
        complete = {"unknown": [], **data, "parts": [{**usual, **part} for part in data["parts"]]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} cannot be read as a table of parts ({error}): give JSON as Docs/Training.md shows it"
        raise InputError(msg) from error
    try:
        read = from_json(_Parts, complete)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    check_parts(read.parts)
    return read.parts, read.unknown
