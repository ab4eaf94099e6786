"""What a model that sees the lesion's image gets of a case, and which part of the lesion speaks for its prediction."""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.doors import LESION_NOTE
from MedDeepDiagnosisLib.casebase.lesion_features import lesion_features
from MedDeepDiagnosisLib.cases import LESION_COLUMN, lesion_names
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel
from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepDiagnosisLib.reasons.occlusion import occlude_lesion
from MedDeepDiagnosisLib.reasons.predictor import Array
from MedDeepDiagnosisLib.reports.content import Section
from MedDeepDiagnosisLib.reports.reasons_sections import lesion_section
from MedDeepRegSegLib.jobs.progress import CancelToken


def see_lesion(
    model: DiagnosisModel,
    values: dict[str, object],
    lesion: Lesion,
    *,
    cancel: CancelToken | None = None,
) -> list[str]:
    """Add the encoder's features of the lesion's image to the values, for a model that learned from such.

    Returns
    -------
    Why they do not count, in words; nothing where they do, are given already, or are not wanted.

    Raises
    ------
    InputError
        If the image cannot be encoded.
    MissingPackageError
        If PyTorch is not installed.
    Canceled
        If ``cancel`` was set.
    """
    learned = [
        note.removeprefix(LESION_NOTE) for note in model.description.training.notes if note.startswith(LESION_NOTE)
    ]
    wanted = any(fitted.record.lesion_features for fitted in model.variants.values())
    if not wanted or not learned or lesion_names(values):
        return []
    if lesion.image is None:
        return ["the model can see the lesion's image, but none is given: it was assessed without"]
    found = lesion_features(lesion.image, lesion.labels, lesion.segment, cancel=cancel)
    if found.model != learned[0]:
        return [
            f"the lesion's image did not count: the model learned from features by {learned[0]}, here is {found.model}"
        ]
    values.update({f"{LESION_COLUMN}{number}": float(value) for number, value in enumerate(found.vector)})
    return []


def lesion_sections(
    model: DiagnosisModel,
    prediction: Prediction,
    values: Mapping[str, object],
    lesion: Lesion,
    *,
    cancel: CancelToken | None = None,
) -> tuple[Section, ...]:
    """Return the pictures of which part of the lesion speaks for a prediction; none where its image did not count.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    fitted = model.variants[prediction.variant]
    if lesion.image is None or not fitted.record.lesion_features or not lesion_names(values):
        return ()
    from MedDeepRegSegLib.features.encode import encode
    from MedDeepRegSegLib.models.networks import load_encoder

    parsed = model.pathology.parse_values(values)
    row = np.array([[parsed[feature.name] for feature in fitted.features]])

    def predict(vectors: Array) -> Array:
        return fitted.predict(np.concatenate([np.repeat(row, len(vectors), axis=0), vectors], axis=1))

    encoded = encode(lesion.image, encoder=load_encoder(None, "auto"), cancel=cancel)
    mask = sitk.Cast(lesion.labels == lesion.segment.value, sitk.sitkUInt8)
    on_image = sitk.Resample(mask, lesion.image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    found = occlude_lesion(predict, encoded, on_image, seed=model.description.training.seed, cancel=cancel)
    return (lesion_section(found, lesion.image),)
