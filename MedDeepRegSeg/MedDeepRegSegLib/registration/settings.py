"""What a person may choose about a registration."""

from dataclasses import dataclass
from typing import Literal

from MedDeepRegSegLib.errors import InputError

Kind = Literal["rigid", "similarity", "affine", "deformable"]

_KINDS = ("rigid", "similarity", "affine", "deformable")


@dataclass(frozen=True)
class RegistrationSettings:
    """Settings of :func:`MedDeepRegSegLib.registration.registration.register`. Lengths are in mm.

    Attributes
    ----------
    kind : {"rigid", "similarity", "affine", "deformable"}
        How the moving image may change: turned and shifted; also enlarged; also sheared; or also bent.
    engine : str
        Which method does the work, one of :func:`MedDeepRegSegLib.registration.engines.engine_names`.
    seed : int
        Seed of the random choice of sample points. The same seed gives the same transform on one machine.
    coarse_spacing_mm, middle_spacing_mm, fine_spacing_mm : float
        Voxel size of the three working grids: where starts are compared, where the best few are refined, and where
        the result is settled. A larger body may be worked on with a coarser fine grid (up to twice) to bound the time.
    control_spacing_mm : tuple of float
        Distance of the control points of the deformation, coarse to fine, in mm. Only for ``kind="deformable"``. The engine
        "meddeep" searches what is coarse without control points, and takes the last.
    stiffness : float
        Weight of the smoothness of the deformation against the similarity: 1 is the default, more is smoother.
    largest_rotation_degrees : float
        Rotations up to this angle from the images' own orientation are tried as starts. 0 tries none.
    minimum_overlap : float
        Fraction (0 to 1) of the fixed foreground that must fall inside the moving image.
    iterations : int
        Largest number of iterations of each stage at each resolution; stages stop by themselves when nothing changes.
    points : {"measure", "start"}
        What landmark pairs are for: only to measure the result, or also to start from (3 pairs or more; from 4 on an
        affine start, unless ``kind`` is rigid or similarity). The engine "landmarks" uses them in either case.
    """

    kind: Kind = "deformable"
    engine: str = "meddeep"
    seed: int = 0
    coarse_spacing_mm: float = 8.0
    middle_spacing_mm: float = 4.0
    fine_spacing_mm: float = 2.5
    control_spacing_mm: tuple[float, ...] = (60.0, 30.0, 15.0)
    stiffness: float = 1.0
    largest_rotation_degrees: float = 45.0
    minimum_overlap: float = 0.3
    iterations: int = 60
    points: Literal["measure", "start"] = "measure"

    def __post_init__(self) -> None:
        """Refuse values that no registration can use."""
        if self.kind not in _KINDS:
            msg = f"kind is {self.kind!r}, expected one of {', '.join(_KINDS)}: choose one of them"
            raise InputError(msg)
        if self.points not in ("measure", "start"):
            msg = f"points is {self.points!r}, expected measure or start: choose one of them"
            raise InputError(msg)
        if self.seed < 0:
            msg = f"seed is {self.seed}, expected 0 or more: choose a non-negative whole number"
            raise InputError(msg)
        spacings = (self.coarse_spacing_mm, self.middle_spacing_mm, self.fine_spacing_mm)
        if not all(0.5 <= value <= 20.0 for value in spacings) or list(spacings) != sorted(spacings, reverse=True):
            msg = f"working grids are {spacings} mm, expected coarse >= middle >= fine, each 0.5 to 20 mm: correct them"
            raise InputError(msg)
        if not self.control_spacing_mm or not all(4.0 <= value <= 200.0 for value in self.control_spacing_mm):
            msg = f"control_spacing_mm is {self.control_spacing_mm}, expected one or more of 4 to 200 mm: correct it"
            raise InputError(msg)
        if list(self.control_spacing_mm) != sorted(self.control_spacing_mm, reverse=True):
            msg = f"control_spacing_mm is {self.control_spacing_mm}, expected coarse to fine: put the largest first"
            raise InputError(msg)
        if not self.stiffness > 0:
            msg = f"stiffness is {self.stiffness}, expected more than 0: 1 is the default"
            raise InputError(msg)
        if not 0 <= self.largest_rotation_degrees <= 180:
            msg = f"largest_rotation_degrees is {self.largest_rotation_degrees}, expected 0 to 180: correct it"
            raise InputError(msg)
        if not 0 < self.minimum_overlap < 1:
            msg = f"minimum_overlap is {self.minimum_overlap}, expected a fraction between 0 and 1: correct it"
            raise InputError(msg)
        if self.iterations < 1:
            msg = f"iterations is {self.iterations}, expected 1 or more: 60 is the default"
            raise InputError(msg)
