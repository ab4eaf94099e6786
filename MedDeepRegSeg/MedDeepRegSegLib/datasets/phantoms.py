"""A small dataset of drawn heads, for tests, demonstrations and benchmarks: no patient, and truth without error."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, write_dataset
from MedDeepRegSegLib.datasets.split import split
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment
from MedDeepRegSegLib.volumes.phantoms import head_phantom
from MedDeepRegSegLib.volumes.reading import write_image
from MedDeepRegSegLib.wording import counted

_FIELD_MM = (180.0, 210.0, 180.0)  # all of the brain and the skull, and little air

# Class of the dataset: names of the phantom's tissues that belong to it.
_CLASSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ventricles", ("ventricles",)),
    ("white matter", ("white matter",)),
    ("gray matter", ("cortical gray matter", "thalamus", "caudate nucleus", "lentiform nucleus")),
    ("cerebellum and brainstem", ("cerebellum", "brainstem")),
)


def write_phantom_dataset(
    folder: Path,
    *,
    cases: int = 6,
    seed: int = 0,
    spacing_mm: float = 3.0,
    validation: float = 0.2,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Write T1-weighted-like MR of drawn heads with four classes, and return the path of ``dataset.json``.

    Parameters
    ----------
    folder : Path
        A new or empty folder.
    cases : int
        Number of heads, each of another patient; at least 2.
    seed : int
        The same seed gives the same heads.
    spacing_mm : float
        Edge of a voxel. 3 mm makes volumes of 60x70x60 voxels, 6 mm of 30x35x30.
    validation : float
        Share of the patients for validation, at least one.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If the folder is not empty, or numbers cannot be used.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        msg = (
            f"the folder {folder} is not empty, expected a new one: choose another name, so that nothing is overwritten"
        )
        raise InputError(msg)
    if cases < 2:
        msg = f"{counted(cases, 'case')}, expected at least 2: one to learn from and one to check with"
        raise InputError(msg)
    classes = tuple(named_segment(number, name) for number, (name, _) in enumerate(_CLASSES, start=1))
    made = []
    with atomic_folder(folder) as temporary:
        for number in range(cases):
            progress(number / cases, f"Drawing head {number + 1} of {cases}")
            if cancel is not None:
                cancel.raise_if_canceled()
            name = f"phantom-{number + 1:03}"
            made.append(_write_case(temporary, name, 1000 * seed + number, spacing_mm, classes))
        dataset = Dataset(name="Head phantoms", channels=("T1 phantom",), classes=classes, cases=tuple(made))
        write_dataset(split(dataset, validation=validation, seed=seed), temporary / "dataset.json")
    progress(1.0, "Drew the heads")
    return folder / "dataset.json"


def _write_case(folder: Path, name: str, seed: int, spacing_mm: float, classes: tuple[Segment, ...]) -> Case:
    phantom = head_phantom(
        seed, spacing_mm=spacing_mm, size=[max(8, round(length / spacing_mm)) for length in _FIELD_MM]
    )
    values = {tissue: value for value, tissue in phantom.names.items()}
    table = np.zeros(max(phantom.names) + 1, np.uint8)
    for segment, (_, tissues) in zip(classes, _CLASSES, strict=True):
        table[[values[tissue] for tissue in tissues]] = segment.value
    labels = sitk.GetImageFromArray(table[sitk.GetArrayViewFromImage(phantom.labels)])
    labels.CopyInformation(phantom.labels)
    image, drawn = folder / "images" / f"{name}.nii.gz", folder / "labels" / f"{name}.seg.nrrd"
    write_image(phantom.mr, image)
    write_segmentation(labels, classes, drawn)
    return Case(name=name, patient=name, images=(image,), labels=drawn)
