"""Real pairs of one anatomy in two contrasts, on a common grid, and known deformations of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from MedDeepRegSegLib.registration.known import known_smooth
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

SPACING_MM = 2.0
STRIDE = 2  # all features are compared on a grid of twice this spacing: that of the encoder's local features
TEMPLATES, SPM = "03_ct_mr_template_pair", "11_single_ct_mr_volumes/spm_templates"
MS = "01_open_ms_longitudinal"
CT_WINDOW_HU = (-150.0, 350.0)
_MARGIN, _SMOOTHNESS_MM = 30, 36.0

Encode = Callable[[NDArray[np.float32]], torch.Tensor]
"""Local features (16, ceil(Z / 2), ceil(Y / 2), ceil(X / 2)) of an array (Z, Y, X)."""


@dataclass(frozen=True)
class Source:
    """Where the two images of a pair lie below the shared data; ``to_fixed`` names transforms to a common space."""

    name: str
    role: str
    fixed: str
    moving: str
    fixed_transform: str | None = None
    moving_transform: str | None = None
    common: str | None = None


_P1, _P4 = f"{MS}/patient01/study1", f"{MS}/patient04/study1"
_CT_HEAD = f"{TEMPLATES}/scct_unsmooth_96x96x96.nii.gz"

DEVELOPMENT = (  # settings, weights and checkpoints may be chosen by these
    Source("CT-T1 head", "development", _CT_HEAD, f"{TEMPLATES}/sct1_unsmooth_96x96x96.nii.gz"),
    Source("CT-T2", "development", _CT_HEAD, f"{SPM}/T2.nii.gz"),
    Source(
        "CT-T1 brain",
        "development",
        f"{TEMPLATES}/scct_unsmooth_SS_0.01.nii.gz",
        f"{TEMPLATES}/betsct1_unsmooth.nii.gz",
    ),
    Source("T1-T2", "development", f"{SPM}/T1.nii.gz", f"{SPM}/T2.nii.gz"),
    Source(
        "MS01 T1-T2",
        "development",
        f"{_P1}_T1W.nii.gz",
        f"{_P1}_T2W.nii.gz",
        f"{_P1}_T1W_intrastudy_to_FLAIR.txt",
        f"{_P1}_T2W_intrastudy_to_FLAIR.txt",
        f"{_P1}_FLAIR.nii.gz",
    ),
    Source(
        "MS01 T1-FLAIR",
        "development",
        f"{_P1}_T1W.nii.gz",
        f"{_P1}_FLAIR.nii.gz",
        f"{_P1}_T1W_intrastudy_to_FLAIR.txt",
        None,
        f"{_P1}_FLAIR.nii.gz",
    ),
)
HELD_OUT = (  # reported only: nothing may be chosen by these
    Source("CT-PD", "held out", _CT_HEAD, f"{SPM}/PD.nii.gz"),
    Source("T1-PD", "held out", f"{SPM}/T1.nii.gz", f"{SPM}/PD.nii.gz"),
    Source("T1-EPI", "held out", f"{SPM}/T1.nii.gz", f"{SPM}/EPI.nii.gz"),
    Source(
        "MS04 T2-FLAIR",
        "held out",
        f"{_P4}_T2W.nii.gz",
        f"{_P4}_FLAIR.nii.gz",
        f"{_P4}_T2W_intrastudy_to_FLAIR.txt",
        None,
        f"{_P4}_FLAIR.nii.gz",
    ),
)


@dataclass(frozen=True)
class Pair:
    """Two images of one anatomy.

    Attributes
    ----------
    name, role : str
        ``role`` is "development" or "held out".
    fixed, moving : SimpleITK.Image
        Float32, CT windowed; they share their world.
    body : SimpleITK.Image
        Mask of the fixed image, on the 2 mm grid, where errors are measured.
    """

    name: str
    role: str
    fixed: sitk.Image
    moving: sitk.Image
    body: sitk.Image


@dataclass(frozen=True)
class Warped:
    """A pair on grids of 2 and 1 mm, its moving image seen through a known deformation.

    Attributes
    ----------
    fixed, moving : ndarray of float32, shape (Z, Y, X)
        2 mm.
    fixed_fine, moving_fine : ndarray of float32, shape (2 Z, 2 Y, 2 X)
        1 mm; voxel 2 k + .5 lies at voxel k of the others.
    body : ndarray of bool, shape (Z, Y, X)
        Where errors are measured, in the fixed image.
    seen : ndarray of bool, shape (Z, Y, X)
        Where the moving image shows something.
    truth : ndarray of float32, shape (3, Z, Y, X)
        Displacement z, y, x, voxels, from a place of the moving image to the fixed one.
    """

    fixed: NDArray[np.float32]
    moving: NDArray[np.float32]
    fixed_fine: NDArray[np.float32]
    moving_fine: NDArray[np.float32]
    body: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    truth: NDArray[np.float32]


def load_pairs(shared: Path, sources: tuple[Source, ...]) -> Iterator[Pair]:
    """Load the pairs whose files are there; others are named and left out."""
    for source in sources:
        missing = [
            name for name in (source.fixed, source.moving, source.common) if name and not (shared / name).is_file()
        ]
        if missing:
            print(f"{source.name} is left out: no {shared / missing[0]} (--shared)")
            continue
        yield _load(shared, source)


def _load(shared: Path, source: Source) -> Pair:
    fixed, moving = (_read(shared / name) for name in (source.fixed, source.moving))
    if source.common:
        common = isotropic_grid(sitk.ReadImage(str(shared / source.common)), SPACING_MM / 2)
        fixed = _through(fixed, common, shared, source.fixed_transform)
        moving = _through(moving, common, shared, source.moving_transform)
    grid = isotropic_grid(fixed, SPACING_MM)
    body = sitk.Resample(foreground_mask(fixed, "body"), grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    shown = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    shown.CopyInformation(moving)
    body = sitk.And(body, sitk.Resample(shown, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0))
    return Pair(source.name, source.role, fixed, moving, body)


def _read(path: Path) -> sitk.Image:
    image = sitk.ReadImage(str(path), sitk.sitkFloat32)
    lowest = float(sitk.GetArrayViewFromImage(image).min())
    return sitk.Clamp(image, sitk.sitkFloat32, *CT_WINDOW_HU) if lowest < -900 else image


def _through(image: sitk.Image, grid: sitk.Image, shared: Path, transform: str | None) -> sitk.Image:
    known = sitk.ReadTransform(str(shared / transform)) if transform else None
    return resample_to(image, grid, known)


def warp(pair: Pair, seed: int | None, magnitude_mm: float = 9.0) -> Warped:
    """Return a pair under a smooth random deformation of the moving image, mean ``magnitude_mm`` in the body.

    ``None`` for no deformation.
    """
    grid = isotropic_grid(pair.fixed, SPACING_MM)
    size = [2 * number for number in grid.GetSize()]
    fine = sitk.Image(size, sitk.sitkUInt8)
    fine.SetSpacing([SPACING_MM / 2] * 3)
    fine.SetDirection(grid.GetDirection())
    fine.SetOrigin(grid.TransformContinuousIndexToPhysicalPoint([-0.25] * 3))
    known: sitk.Transform | None = None
    if seed is not None:
        # Laid over a wider grid, it does not fade inside of the field of view; fading that fast, it would fold.
        wide = sitk.ConstantPad(grid, [_MARGIN] * 3, [_MARGIN] * 3)
        known = known_smooth(
            wide,
            seed=seed,
            magnitude_mm=magnitude_mm,
            measure="mean",
            smoothness_mm=_SMOOTHNESS_MM,
            where=pair.body,
        )
    fixed, moving = _on(pair.fixed, fine), _on(pair.moving, fine, known)
    shown = sitk.Image(pair.moving.GetSize(), sitk.sitkFloat32) + 1.0
    shown.CopyInformation(pair.moving)
    seen = sitk.GetArrayFromImage(resample_to(shown, grid, known, outside=0.0)) > 0.5
    body = sitk.GetArrayFromImage(pair.body) > 0
    # Averages of 2^3 voxels of 1 mm: both grids see the same image.
    return Warped(_halved(fixed), _halved(moving), fixed, moving, body, seen, _truth(grid, known))


def _on(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform | None = None) -> NDArray[np.float32]:
    return sitk.GetArrayFromImage(resample_to(image, grid, transform))


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    z, y, x = (number // 2 for number in values.shape)
    return values.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5))


def _truth(grid: sitk.Image, known: sitk.Transform | None) -> NDArray[np.float32]:
    if known is None:
        return np.zeros((3, *grid.GetSize()[::-1]), dtype=np.float32)
    field = sitk.TransformToDisplacementField(
        known, sitk.sitkVectorFloat64, grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection()
    )
    world = sitk.GetArrayFromImage(field)
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    index = world @ direction / SPACING_MM  # the transpose of a rotation is its inverse
    return np.ascontiguousarray(np.moveaxis(index[..., ::-1], -1, 0), dtype=np.float32)
