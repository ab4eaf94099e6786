"""The classic method: mutual information and local descriptors on working grids, without any learned part.

Multi-start rigid or affine search by normalized mutual information, then a free-form deformation. See
:mod:`~MedDeepRegSegLib.registration.search` and :mod:`~MedDeepRegSegLib.registration.free_form` for the sources. It
needs no PyTorch.
"""

import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.registration.free_form import fit_deformation
from MedDeepRegSegLib.registration.landmarks import Pairs
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.result import EngineResult
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.two_stages import register_in_stages


def run(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings,
    *,
    fixed_mask: sitk.Image | None,
    moving_mask: sitk.Image | None,
    start: Linear | None,
    pairs: Pairs | None,  # they only measure
    progress: Progress,
    cancel: CancelToken | None,
) -> EngineResult:
    """Register; see :class:`MedDeepRegSegLib.registration.engines.Engine`."""
    return register_in_stages(
        fixed,
        moving,
        settings,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        start=start,
        bend=fit_deformation,
        progress=progress,
        cancel=cancel,
    )
