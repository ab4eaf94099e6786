"""How a structure is grown."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from MedDeepRegSegLib.errors import InputError

Method = Literal["network", "classic"]


@dataclass(frozen=True)
class GrowingSettings:
    """How a structure is grown."""

    method: Method = "network"
    """``network``, the growing network (needs PyTorch), or ``classic``, bands of intensity (needs no model)."""
    smoothness_mm: float = 1.0
    """Classic only. Scale of the smoothing of image and border, mm; 0 is none. Details smaller than this are lost."""
    band_width: float | None = None
    """Classic only. Width of the intensity band in standard deviations around the seeds; chosen by the image if None."""
    neck_radius_mm: float | None = None
    """Classic only. Connections narrower than this radius are cut, mm; chosen by the image if None, 0 cuts none."""
    max_volume_ml: float = 4000.0
    """Classic only. Largest volume of the structure, ml."""
    max_extent_mm: float = 250.0
    """Largest distance of the structure from the seeds along an axis of the image, mm."""
    adapt: bool = False
    """Network only. The last layer learns from the corrections of this object. Measured: no fewer clicks, so it is off."""


def check_settings(settings: GrowingSettings) -> None:
    """Refuse settings that nothing can be grown with.

    Raises
    ------
    InputError
    """
    if settings.method not in ("network", "classic"):
        msg = f"method is {settings.method!r}, expected network or classic"
        raise InputError(msg)
    if settings.adapt and settings.method == "classic":
        msg = "adapt is on with the method classic, expected the network: only the network learns from corrections"
        raise InputError(msg)
    for name, lowest in (("smoothness_mm", 0.0), ("band_width", 0.1), ("neck_radius_mm", 0.0)):
        value = getattr(settings, name)
        if value is not None and not (np.isfinite(value) and value >= lowest):
            msg = f"{name} is {value}, expected a number of at least {lowest:g}"
            raise InputError(msg)
    for name in ("max_volume_ml", "max_extent_mm"):
        value = getattr(settings, name)
        if not (np.isfinite(value) and value > 0):
            msg = f"{name} is {value}, expected a positive number"
            raise InputError(msg)
