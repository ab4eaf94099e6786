"""Seeds in the air around the patient are a slip; air inside (lung, bowel) can be grown."""

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.segmentation.growing_seeds import ras_text
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

_AIR_HU = -700.0


class AirCheck:
    """Refuses positive seeds in the air around the patient of one image. The body is looked for once, and only if needed.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D scalar volume.
    """

    def __init__(self, image: sitk.Image) -> None:
        self._image = image
        self._dark: float | None = None
        self._body: np.ndarray | None = None
        self._told = False

    def __call__(self, seeds: np.ndarray, allowed: np.ndarray | None, cancel: CancelToken) -> None:
        """Check seeds, (N, 3) voxels (k, j, i); a mask ``allowed`` says that they are meant.

        Raises
        ------
        InputError
            If one lies in the air.
        Canceled
            If ``cancel`` was set.
        """
        if allowed is not None or len(seeds) == 0:
            return
        values = sitk.GetArrayViewFromImage(self._image)
        if self._dark is None:
            if guess_modality(self._image) is Modality.CT:
                self._dark = _AIR_HU
            else:
                self._dark = float(np.percentile(values[::3, ::3, ::3], 99)) * 0.1
        suspects = [
            seed
            for seed in seeds
            if values[tuple(slice(max(part - 1, 0), part + 2) for part in seed)].mean() < self._dark
        ]
        if not suspects:
            return
        body = self._found_body(cancel)
        if body is None:
            return
        for seed in suspects:
            if not body[tuple(seed)]:
                point = self._image.TransformIndexToPhysicalPoint([int(part) for part in seed[::-1]])
                msg = (
                    f"positive point {ras_text(point)} lies in the air outside the patient, expected a point inside the "
                    "structure: move it"
                )
                raise InputError(msg)

    def _found_body(self, cancel: CancelToken) -> np.ndarray | None:
        """Return the mask of the body; None where the field of view is too small to tell: the seed may be fine."""
        if not self._told:
            cancel.raise_if_canceled()
            try:
                self._body = sitk.GetArrayFromImage(foreground_mask(self._image, "body", cancel=cancel)) > 0
            except InputError:
                self._body = None
            self._told = True
        return self._body
