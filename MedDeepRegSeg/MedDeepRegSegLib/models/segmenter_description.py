"""What a segmentation network of one's own is: the content of the ``model.json`` in its folder."""

from dataclasses import dataclass, field
from typing import Literal

from MedDeepRegSegLib.models.segmenter_input import Preprocessing
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.segmentation.segments import Segment


@dataclass(frozen=True, kw_only=True)
class SegmenterTraining:
    """How a network was trained.

    Attributes
    ----------
    dataset : str
        Its name.
    dataset_sha256 : str
        Over the content of all images and labels that training or validation saw, see
        :func:`MedDeepRegSegLib.datasets.hashes.dataset_sha256`.
    training_cases, validation_cases : tuple of str
        Names of the cases.
    start : str
        SHA-256 of the weights that training began from; empty for random ones.
    augmentation : str
        Name of the preset.
    steps, best_step, seed : int
        Updates, the update whose weights these are, and the seed of everything random.
    minutes : float
    hardware : str
    """

    dataset: str
    dataset_sha256: str
    training_cases: tuple[str, ...]
    validation_cases: tuple[str, ...]
    start: str
    augmentation: str
    steps: int
    best_step: int
    seed: int
    minutes: float
    hardware: str


@dataclass(frozen=True, kw_only=True)
class ClassMetric:
    """Dice of one class on the validation cases, the mean over those that have it; None where none has it."""

    name: str
    dice: float | None
    cases: int


@dataclass(frozen=True, kw_only=True)
class SegmenterDescription:
    """The content of ``model.json``.

    Attributes
    ----------
    name : str
    settings : SegmenterSettings
        Of the network.
    preprocessing : Preprocessing
        Of a case.
    channels : tuple of str
        Names of the images of a case.
    classes : tuple of Segment
        What it finds. Output k of the network is ``classes[k - 1]``, output 0 the background.
    patch : tuple of int
        Size of the windows it was trained on, voxels along z, y, x.
    training : SegmenterTraining
    validation : tuple of ClassMetric
        How good it is on cases that chose the weights: not an estimate for new cases.
    software_version : str
        Of MedDeep.
    weights_sha256 : str
        Of ``model.safetensors``; set when the model is written.
    """

    format: Literal["meddeep-segmenter"] = "meddeep-segmenter"
    format_version: Literal[1] = 1
    name: str
    settings: SegmenterSettings
    preprocessing: Preprocessing
    channels: tuple[str, ...]
    classes: tuple[Segment, ...]
    patch: tuple[int, int, int]
    training: SegmenterTraining
    validation: tuple[ClassMetric, ...] = field(default=())
    software_version: str
    weights_sha256: str = ""
