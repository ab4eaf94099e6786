"""What a training on cases is, whole: two runs of the same settings on one machine give the same weights."""

from dataclasses import dataclass, field

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.settings_checks import check_counts, check_fractions, check_not_negative, check_positive

UNKNOWN = -1
"""Class of voxels of which nothing is known: nothing is learned there."""


@dataclass(frozen=True, kw_only=True)
class CaseTrainSettings:
    """Settings of :func:`MedDeepRegSegLib.training.cases.trainer.train_cases`.

    Attributes
    ----------
    epochs : int
        Epochs of the whole run; the learning rate falls along a cosine to the end of the last one.
    steps_per_epoch : int
        Updates between two checks on the validation cases.
    batch : int
        Patches that are computed at once, in each process.
    parts : int
        Batches of which the gradients are added up for one update.
    patch : tuple of int
        Size of a patch, voxels along z, y, x.
    foreground_fraction : float
        Fraction (0 to 1) of patches around a voxel of a class, all classes of a case alike; others lie anywhere.
    learning_rate, weight_decay, warmup, average, seed
        As in :class:`~MedDeepRegSegLib.training.settings.PretrainSettings`.
    patience : int
        Epochs without a better validation score after which the run ends; 0 to go on to the last epoch.
    augmentation : str
        Name of a preset, or path of one; empty for none.
    precision : {"float32", "bfloat16"}
        Of the convolutions.
    overlap_weight : float
        Weight of the loss of soft overlap (Dice) beside cross-entropy.
    checked_cases : int
        Validation cases that are looked at in a check, at most.
    network : SegmenterSettings
    preprocessing : Preprocessing
    training_cases, validation_cases : tuple of str
        Their names.
    dataset_sha256 : str
        Of both, see :func:`MedDeepRegSegLib.datasets.hashes.dataset_sha256`: a run only goes on with the same ones.
    start : str
        SHA-256 of the weights that the run began from; empty for random ones.
    """

    epochs: int = 40
    steps_per_epoch: int = 50
    batch: int = 2
    parts: int = 1
    patch: tuple[int, int, int] = (64, 64, 64)
    foreground_fraction: float = 0.67
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 20
    average: float = 0.99
    patience: int = 15
    augmentation: str = "default"
    precision: Precision = "float32"
    overlap_weight: float = 1.0
    checked_cases: int = 6
    seed: int = 0
    network: SegmenterSettings = field(default_factory=SegmenterSettings)
    preprocessing: Preprocessing = field(
        default_factory=lambda: Preprocessing(spacing_mm=(2.0, 2.0, 2.0), channels=(ChannelScale(method="contrast"),))
    )
    training_cases: tuple[str, ...] = ()
    validation_cases: tuple[str, ...] = ()
    dataset_sha256: str = ""
    start: str = ""

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        check_counts(self, "epochs", "steps_per_epoch", "batch", "parts", "checked_cases")
        check_not_negative(self, "warmup", "patience")
        check_fractions(self, "foreground_fraction", "average")
        check_positive(self, "learning_rate")
        multiple = self.network.multiple
        if any(side < 1 or side % step for side, step in zip(self.patch, multiple, strict=True)):
            msg = f"patch is {self.patch} voxels, expected multiples of {multiple} for this network: choose such a size"
            raise InputError(msg)
        if self.network.inputs != self.preprocessing.inputs:
            msg = f"the network takes {self.network.inputs} inputs, the preprocessing makes {self.preprocessing.inputs}"
            raise InputError(msg)

    @property
    def steps(self) -> int:
        """Updates of the whole run."""
        return self.epochs * self.steps_per_epoch
