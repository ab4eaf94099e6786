"""Seeds in the air around the patient are a slip; air inside (lung, bowel) can be grown."""

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.segmentation.growing_seeds import ras_text
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality


def check_air(image: sitk.Image, seeds: np.ndarray, allowed: np.ndarray | None, cancel: CancelToken) -> None:
    """Refuse positive seeds, (N, 3) voxels (k, j, i), in the air around the patient; a mask ``allowed`` says otherwise.

    Raises
    ------
    InputError
    """
    if allowed is not None or len(seeds) == 0:
        return
    values = sitk.GetArrayViewFromImage(image)
    modality = guess_modality(image)
    dark = float(np.percentile(values[::3, ::3, ::3], 99)) * 0.1 if modality is not Modality.CT else -700.0
    suspects = [
        seed for seed in seeds if values[tuple(slice(max(part - 1, 0), part + 2) for part in seed)].mean() < dark
    ]
    if not suspects:
        return
    cancel.raise_if_canceled()
    try:
        body = sitk.GetArrayFromImage(foreground_mask(image, "body", cancel=cancel))
    except InputError:
        return  # too small a field of view to tell; the seed may be fine
    for seed in suspects:
        if not body[tuple(seed)]:
            point = image.TransformIndexToPhysicalPoint([int(part) for part in seed[::-1]])
            msg = (
                f"positive point {ras_text(point)} lies in the air outside the patient, expected a point inside the "
                "structure: move it"
            )
            raise InputError(msg)
