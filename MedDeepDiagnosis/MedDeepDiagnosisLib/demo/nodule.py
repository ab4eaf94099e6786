"""A lung nodule to assess: of a real patient that the model has not seen, or of the phantom when offline."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib import fit_job
from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepDiagnosisLib.lidc import annotation_mask, read_annotations
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.segmentation.growing import grow
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.phantoms import chest_phantom
from MedDeepRegSegLib.volumes.samples import sample_path

HELD_OUT_PATIENT = "LIDC-IDRI-0608"
"""All four readers outlined this patient's nodule, on 1 mm slices. The demo's model is fitted without this patient."""

NODULE_COLOR = (0.93, 0.45, 0.18)
PHANTOM_SIGNS = {"margin": 4, "spiculation": 2, "lobulation": 2, "texture": 5}
PHANTOM_DIAMETER_MM = 14.0


@dataclass(frozen=True)
class NoduleCase:
    """One nodule, the signs a reader rated, and the model that has not seen it.

    Attributes
    ----------
    origin:
        Where the nodule comes from, and what is known of it, for the report.
    lesion:
        Label map with the nodule, and the image behind it where there is one.
    ratings:
        Rated signs by name.
    model:
        Model folder.
    """

    origin: tuple[str, ...]
    lesion: Lesion
    ratings: dict[str, int]
    model: Path


def held_out_nodule(model_folder: Path, seed: int, *, progress: Progress, cancel: CancelToken | None) -> NoduleCase:
    """Fit the nodule model without one patient of LIDC-IDRI, and return that patient's nodule.

    The outline and the signs are those of the first reader; what the four readers thought is told, not used.
    """
    database = sample_path("lidc-annotations", progress=part_of(progress, 0, 0.2), cancel=cancel)
    request = fit_job.Request("lung_nodule", database, model_folder, seed=seed, exclude_patients=(HELD_OUT_PATIENT,))
    fit_job.run(request, progress=part_of(progress, 0.2, 0.95), cancel=cancel)
    readers = [
        annotation
        for annotation in read_annotations(database, only_patients=(HELD_OUT_PATIENT,))
        if annotation.nodule == 1
    ]
    first = readers[0]
    opinions = ", ".join(str(reader.ratings["malignancy"]) for reader in readers)
    return NoduleCase(
        origin=(
            f"Nodule of patient {HELD_OUT_PATIENT} of the LIDC-IDRI collection, with the outline and the signs of one "
            "radiologist. The images of the collection are not part of the sample data, so only the outline is shown.",
            "The model was fitted without this patient.",
            f"For comparison, the suspicion rated by the {len(readers)} radiologists (1 to 5): {opinions}.",
        ),
        lesion=Lesion(annotation_mask(first), Segment(1, "Lung nodule", NODULE_COLOR)),
        ratings={name: value for name, value in first.ratings.items() if name != "malignancy"},
        model=model_folder,
    )


def phantom_nodule(seed: int, *, cancel: CancelToken | None) -> NoduleCase:
    """Grow the nodule of the chest phantom from a point, to be assessed with the model that ships."""
    phantom = chest_phantom(seed, spacing_mm=1.5, size=(248, 184, 120), nodule_diameter_mm=PHANTOM_DIAMETER_MM)
    point = np.array([phantom.landmarks["lung nodule"]])
    mask = grow(phantom.ct, point, cancel=cancel)
    return NoduleCase(
        origin=(
            f"Nodule of {PHANTOM_DIAMETER_MM:g} mm in a chest phantom, grown from one point. The signs are made up, "
            "because a phantom has none.",
            "The model is the one that ships; it was fitted on real annotations.",
        ),
        lesion=Lesion(sitk.Cast(mask, sitk.sitkUInt8), Segment(1, "Phantom nodule", NODULE_COLOR), phantom.ct),
        ratings=dict(PHANTOM_SIGNS),
        model=shipped_model_folder("lung_nodule"),
    )
