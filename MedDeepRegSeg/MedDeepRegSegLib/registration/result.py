"""What a registration gives back."""

from dataclasses import dataclass

import SimpleITK as sitk

from MedDeepRegSegLib.registration.quality import Quality


@dataclass(frozen=True)
class Stage:
    """One stage of a registration.

    Attributes
    ----------
    name : str
        For a person: "rigid", "affine", "deformable 30 mm" ...
    transform : SimpleITK.Transform or None
        The whole map after this stage, fixed to moving points, LPS mm; None for a part of a stage.
    measure : str
        What ``curve`` shows: "similarity" (more is better) or "cost" (less is better).
    curve : tuple of float
        Value after each iteration; the first is before the stage.
    spacing_mm : float
        Voxel size of the working grid.
    """

    name: str
    transform: sitk.Transform | None
    measure: str
    curve: tuple[float, ...]
    spacing_mm: float


@dataclass(frozen=True)
class EngineResult:
    """What an engine finds, before inverse, pictures and quality are made of it.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed to moving points, LPS mm; affine, or composite [affine, displacement field].
    stages : tuple of Stage
    notes : tuple of str
        What a person should know about how it was found (held back, made stiffer, ...).
    ambiguous : bool
        Whether another, distant answer matched nearly as well.
    """

    transform: sitk.Transform
    stages: tuple[Stage, ...]
    notes: tuple[str, ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True)
class RegistrationResult:
    """The registration of a moving to a fixed image.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Fixed to moving points, LPS mm (the convention of resampling).
    inverse : SimpleITK.Transform
        Moving to fixed points.
    registered : SimpleITK.Image
        Moving intensities on the grid of the fixed image.
    stages : tuple of Stage
        In the order in which they ran.
    quality : Quality
    """

    transform: sitk.Transform
    inverse: sitk.Transform
    registered: sitk.Image
    stages: tuple[Stage, ...]
    quality: Quality
