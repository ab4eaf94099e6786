"""A self-supervised start: the encoder learns from volumes without labels, by guessing what is hidden in them.

meddeep train DATASET.json --network masked --minutes 30 --out ENCODER_DIR
meddeep train DATASET.json --start ENCODER_DIR --out MODEL_DIR
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Unpack

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.hashes import dataset_sha256
from MedDeepRegSegLib.datasets.loading import load_images
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.working_volume import CT_RANGE_HU
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.segmentation.growing_window import Window
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.kept import Kept
from MedDeepRegSegLib.training.masked_objective import MEASURES, MaskedObjective, MaskedView
from MedDeepRegSegLib.training.masked_settings import MaskedSettings
from MedDeepRegSegLib.training.run import RunOptions, Task, TrainResult, train
from MedDeepRegSegLib.training.team import Team
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

_MASKED = 5
_TRIES = 8
_LEAST_CONTRAST = 0.02
"""Standard deviation of a view, as part of the range of the image, below which it is taken for air."""
_MEASURED, _MEASURED_SEED = 8, 90_002


@dataclass(frozen=True, eq=False)
class MaskedStart:
    """What a run begins from: weights of an encoder, their SHA-256, and its sizes; no weights and "" for random ones."""

    weights: Mapping[str, Tensor] | None = None
    sha256: str = ""
    encoder: EncoderSettings = field(default_factory=EncoderSettings)


def start_encoder(folder: Path | None = None, *, scratch: bool = False) -> MaskedStart:
    """Return the encoder of a model folder, the one that ships without, or random weights (``scratch``).

    Raises
    ------
    InputError
        If the folder holds no encoder, or is given beside ``scratch``.
    """
    if not scratch:
        loaded = load_encoder(folder)
        return MaskedStart(loaded.network.state_dict(), loaded.description.weights_sha256, loaded.network.settings)
    if folder is not None:
        msg = f"{folder} is given to start from, and random weights are asked for: leave out one of them"
        raise InputError(msg)
    return MaskedStart()


def volumes_sha256(
    dataset: Dataset,
    cases: Sequence[Case],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> str:
    """Return the SHA-256 over the volumes of cases; see :func:`~MedDeepRegSegLib.datasets.hashes.dataset_sha256`."""
    # Their labels may change: they are not learned from.
    volumes = tuple(replace(case, labels=None, values=(), annotated=None) for case in cases)
    return dataset_sha256(dataset, volumes, progress=progress, cancel=cancel)


def unlabeled_cases(dataset: Dataset) -> tuple[Case, ...]:
    """Return the cases to learn from: with labels or without, but none that is kept for validation or a test.

    Raises
    ------
    InputError
        If there is none.
    """
    cases = dataset.of_role("training", "unused")
    if not cases:
        msg = "the dataset has no case of the role training or unused, expected at least one: give it more cases"
        raise InputError(msg)
    return cases


def train_masked(
    settings: MaskedSettings,
    cases: Sequence[Case],
    out: Path,
    *,
    start: Mapping[str, Tensor] | None = None,
    **options: Unpack[RunOptions],
) -> TrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : MaskedSettings
    cases : sequence of Case
        See :func:`unlabeled_cases`; each of their images is a volume to learn from.
    out : Path
        Folder of the run. A run that is there goes on.
    start : mapping of str to Tensor, optional
        Weights of an encoder to begin from; random ones without.
    **options
        Device, time and reports, see :func:`MedDeepRegSegLib.training.run.train`; so are the errors.
    """

    def make_task(team: Team) -> Task:
        source = MaskedSource(settings, cases, process=team.rank, device=team.device)

        def objective() -> nn.Module:
            return _objective(settings, start)

        return Task(settings, MEASURES, source.batch, objective, {"Mean absolute error of what is hidden": MEASURES})

    return train(make_task, out, **options)


def first_objective(settings: MaskedSettings, start: Mapping[str, Tensor] | None) -> MaskedObjective:
    """Return what a run begins with; see :func:`train_masked`."""
    with torch.random.fork_rng(devices=[]):  # as the loop does, and the caller's random numbers are left alone
        torch.default_generator.manual_seed(settings.seed)
        return _objective(settings, start)


def _objective(settings: MaskedSettings, start: Mapping[str, Tensor] | None) -> MaskedObjective:
    module = MaskedObjective(settings)
    if start is not None:
        module.encoder.load_state_dict(start)
    return module


@torch.inference_mode()
def hidden_errors(
    objective: nn.Module,
    settings: MaskedSettings,
    cases: Sequence[Case],
    device: str = "cpu",
    *,
    cancel: CancelToken | None = None,
) -> tuple[float, float]:
    """Return the measures of :data:`~.masked_objective.MEASURES` on some views of cases, always the same ones.

    Parameters
    ----------
    objective : nn.Module
        Of :func:`first_objective`, or the average of a run; it is moved to the device.
    settings : MaskedSettings
    cases : sequence of Case
    device : {"cpu", "cuda"}
    cancel
        As everywhere.
    """
    fixed = replace(settings, seed=_MEASURED_SEED, views=1)
    source = MaskedSource(fixed, cases, device=device)
    objective = objective.to(device).eval()
    total = torch.zeros(len(MEASURES))
    for number in range(_MEASURED):
        if cancel is not None:
            cancel.raise_if_canceled()
        total += objective(source.batch(number), Randomness(fixed.seed, number, device=device)).cpu()
    error, of_mean = (total / _MEASURED).tolist()
    return error, of_mean


class MaskedSource:
    """Makes the views of one process; a view depends on seed, process and number alone.

    Parameters
    ----------
    settings : MaskedSettings
    cases : sequence of Case
    process : int
    device : str
    """

    def __init__(
        self,
        settings: MaskedSettings,
        cases: Sequence[Case],
        *,
        process: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self._settings, self._cases = settings, tuple(cases)
        self._process, self._device = process, device
        self._volumes = Kept(self._read, lambda volumes: sum(values.nbytes for values, _ in volumes))

    def batch(self, step: int) -> MaskedView:
        """Return the views of a step."""
        count = self._settings.views
        views = [
            self._view(Randomness(self._settings.seed, self._process, step * count + n, _MASKED)) for n in range(count)
        ]
        volume, inside = (torch.cat(parts).to(self._device) for parts in zip(*views, strict=True))
        return MaskedView(volume, inside)

    def _read(self, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the volumes of a case, axes along the patient, and the sizes of their voxels (k, j, i), mm."""
        volumes = []
        for image in load_images(self._cases[number]):
            oriented = sitk.DICOMOrient(image, "LPS")
            values = sitk.GetArrayFromImage(oriented).astype(np.float32, copy=False)
            if guess_modality(image) is Modality.CT:
                values = np.clip(values, *CT_RANGE_HU)  # as `meddeep features` does
            volumes.append((values, np.array(oriented.GetSpacing()[::-1])))
        return volumes

    def _view(self, random: Randomness) -> tuple[Tensor, Tensor]:
        settings = self._settings
        for _ in range(_TRIES):
            values, spacing = random.choice(self._volumes[random.integer(0, len(self._cases) - 1)])
            smallest = max(settings.smallest_voxel, 0.8 * float(spacing.min()))
            step = random.log_uniform(smallest, max(settings.largest_voxel, 1.01 * smallest))
            window = _window(values.shape, spacing, step, settings.side, random)
            read = window.read(values)
            if float(read.std()) > _LEAST_CONTRAST * float(values.max() - values.min()):
                break
        pads = [settings.side - side for side in window.size]
        pad = (0, pads[2], 0, pads[1], 0, pads[0])
        inside = F.pad(torch.ones(1, 1, *window.size), pad)
        return standardize(F.pad(read[None, None], pad, mode="replicate")), inside


def _window(shape: tuple[int, ...], spacing: np.ndarray, step: float, side: int, random: Randomness) -> Window:
    """Return a random window of an image, of voxels of this size (mm) as far as the image goes."""
    block, size = [], []
    for whole, voxel in zip(shape, spacing.tolist(), strict=True):
        length = min(max(round(side * step / voxel), 1), whole)
        start = random.integer(0, whole - length)
        block.append(slice(start, start + length))
        size.append(min(max(round(length * voxel / step), 1), side))
    return Window((block[0], block[1], block[2]), (size[0], size[1], size[2]))
