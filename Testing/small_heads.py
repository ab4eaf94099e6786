"""A dataset of the middle of coarse drawn heads: quick to learn from, and quick for the encoder that ships."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import read_dataset, write_dataset
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation

SIDE = 12
"""Of the cubes, voxels."""
SPACING_MM = 8.0

ROLES = ("training", "validation", "test", "unused", "unused")
"""Of the cases phantom-001 and so on. Those that are not used have no labels."""


def write_small_heads(folder: Path, roles: Sequence[str] = ROLES) -> Path:
    """Write cases of the given roles into a new folder, and return the path of ``dataset.json``."""
    path = write_phantom_dataset(folder, cases=len(roles), spacing_mm=SPACING_MM)
    dataset = read_dataset(path)
    cases = []
    for case, role in zip(dataset.cases, roles, strict=True):
        sitk.WriteImage(_middle(sitk.ReadImage(str(case.images[0]))), str(case.images[0]))
        labels, segments = read_segmentation(case.labels)
        write_segmentation(_middle(labels), segments, case.labels)
        cases.append(replace(case, role=role, labels=None if role == "unused" else case.labels))
    write_dataset(replace(dataset, cases=tuple(cases)), path)
    return path


def _middle(image: sitk.Image) -> sitk.Image:
    start = [(size - SIDE) // 2 for size in image.GetSize()]
    return sitk.RegionOfInterest(image, [SIDE] * 3, start)
