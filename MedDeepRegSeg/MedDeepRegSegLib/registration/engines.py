"""The methods that can register, behind one interface.

A method is a module with a function ``run`` that satisfies :class:`Engine`; add it to ``_ENGINES``. It is imported when
it is first asked for, and imports packages that are optional inside ``run``.
"""

from importlib import import_module
from typing import Protocol

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.registration.landmarks import Pairs
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.result import EngineResult
from MedDeepRegSegLib.registration.settings import RegistrationSettings


class Engine(Protocol):
    """Finds the transform. Images and masks are checked; world coordinates are LPS mm."""

    def __call__(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        settings: RegistrationSettings,
        *,
        fixed_mask: sitk.Image | None,
        moving_mask: sitk.Image | None,
        start: Linear | None,
        pairs: Pairs | None,
        progress: Progress,
        cancel: CancelToken | None,
    ) -> EngineResult:
        """Return what was found.

        Parameters
        ----------
        start
            Where to start instead of a search.
        pairs
            Landmarks, if there are any. Those that only measure (``settings.points`` is "measure") must not draw the
            result to them, or they would measure nothing; the method "landmarks" knows nothing else.
        """


_ENGINES = {
    "meddeep": "MedDeepRegSegLib.registration.meddeep",
    "classic": "MedDeepRegSegLib.registration.classic",
    "elastix": "MedDeepRegSegLib.registration.elastix",
    "landmarks": "MedDeepRegSegLib.registration.landmark_engine",
}


def engine_names() -> tuple[str, ...]:
    """Return the names of the methods there are."""
    return tuple(_ENGINES)


def find_engine(name: str) -> Engine:
    """Return the method called ``name``.

    Raises
    ------
    InputError
        When there is none of this name.
    """
    if name not in _ENGINES:
        msg = f"registration engine {name!r} is not there, expected one of: {', '.join(_ENGINES)}; choose one of them"
        raise InputError(msg)
    return import_module(_ENGINES[name]).run
