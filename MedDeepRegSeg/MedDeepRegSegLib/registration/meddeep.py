"""MedDeep's method: the learned encoder finds where the images lie, then a diffeomorphism in both directions.

See :mod:`~MedDeepRegSegLib.registration.global_matching`, :mod:`~MedDeepRegSegLib.registration.search` and
:mod:`~MedDeepRegSegLib.registration.velocity_fit`. It needs PyTorch.
"""

from importlib.util import find_spec

import SimpleITK as sitk

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
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
    """Register; see :class:`MedDeepRegSegLib.registration.engines.Engine`.

    Raises
    ------
    MissingPackageError
        When PyTorch is not installed.
    """
    if find_spec("torch") is None:
        msg = (
            "engine meddeep needs PyTorch, which is not installed: in Slicer, press Apply in the panel and agree to install "
            "it; elsewhere 'pip install torch'; or choose the engine classic, which does without"
        )
        raise MissingPackageError(msg)
    from MedDeepRegSegLib.registration.velocity_fit import fit_velocity

    return register_in_stages(
        fixed,
        moving,
        settings,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        start=start,
        bend=fit_velocity,
        progress=progress,
        cancel=cancel,
    )
