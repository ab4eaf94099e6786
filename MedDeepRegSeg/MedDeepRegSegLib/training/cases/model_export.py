"""The model folder of a run on cases."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.models.segmenter_description import ClassMetric, SegmenterDescription, SegmenterTraining
from MedDeepRegSegLib.models.segmenter_folder import write_segmenter
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.cases.trainer import CaseTrainResult


def describe(out: Path, settings: CaseTrainSettings, dataset: Dataset, result: CaseTrainResult) -> SegmenterDescription:
    """Return what the network of a run is."""
    return SegmenterDescription(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", out.absolute().name).strip("-.")[:64] or "model",
        settings=settings.network,
        preprocessing=settings.preprocessing,
        channels=dataset.channels,
        classes=dataset.classes,
        patch=settings.patch,
        training=SegmenterTraining(
            dataset=dataset.name,
            dataset_sha256=settings.dataset_sha256,
            training_cases=settings.training_cases,
            validation_cases=settings.validation_cases,
            start=settings.start,
            augmentation=settings.augmentation,
            steps=result.step,
            best_step=result.best_step,
            seed=settings.seed,
            minutes=round(result.seconds / 60, 2),
            hardware=result.hardware,
        ),
        validation=_metrics(dataset, result),
        software_version=__version__,
    )


def write_model(out: Path, description: SegmenterDescription, result: CaseTrainResult) -> None:
    """Write the network of a run as a model folder.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    state = {key: value.detach().cpu().numpy() for key, value in result.network.state_dict().items()}
    write_segmenter(out, state, description)


def _metrics(dataset: Dataset, result: CaseTrainResult) -> tuple[ClassMetric, ...]:
    metrics = []
    for number, segment in enumerate(dataset.classes):
        scores: Sequence[float] = [score for one in result.checked if (score := one[number]) is not None]
        mean = float(torch.tensor(scores).mean()) if scores else None
        metrics.append(ClassMetric(name=segment.name, dice=mean, cases=len(scores)))
    return tuple(metrics)
