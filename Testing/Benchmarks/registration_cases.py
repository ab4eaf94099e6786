"""Cases of the registration benchmark: pairs of images as files, and where points of the fixed body belong.

- "real": two contrasts of one anatomy (features_pairs.py), the moving one under a random known movement: a rotation, a
  shift, scale and shear, and a smooth deformation. The averages of the template pairs do not share every fold, so an
  ideal result has some millimeters there too.
- "phantom": drawings with exact truth and labels, under the same movements.
- "native": thick-slice images on their own grids; the published transforms between them are the truth. The moving one is
  turned and shifted by its header, so that nothing is interpolated.
- "consistency": the demo's pair, whose truth nobody knows. It is registered unmoved and moved, and both are compared.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import features_pairs as pairs
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from registration_movements import known_linear, moved_grid, moved_points, movement, rigid_movement

from MedDeepRegSegLib.registration.transforms import (
    as_matrix,
    transform_points,
    write_transform,
)
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.phantoms import chest_phantom, deform_phantom, head_phantom
from MedDeepRegSegLib.volumes.resampling import resample_isotropic, resample_to

Kind = Literal["real", "phantom", "native", "consistency"]
Mode = Literal["deformable", "linear"]

POINTS = 3000
AROUND_MM = 10.0
HELD_OUT_SEED = 100
"""Held-out pairs share images with the others: at least their movements are their own."""
_FINEST_MM = 1.5  # finer images are brought to this voxel size, so that every method ends within minutes
_MADE = "made.json"
VERSION = 3  # count up when the images of a case change: results of others are made again


@dataclass(frozen=True)
class Case:
    """One pair under one movement; ``role`` is "development" or "held out"."""

    pair: str
    kind: Kind
    role: str
    seed: int
    mode: Mode = "deformable"

    @property
    def name(self) -> str:
        """Name of the case's files."""
        linear = "_linear" if self.mode == "linear" else ""
        return f"{self.kind}_{self.pair.replace(' ', '_')}_{self.seed}{linear}"


def cases(mode: Mode, seeds: int, *, quick: bool = False) -> Iterator[Case]:
    """Return all cases: development before held out; ``seeds`` movements of each pair."""
    numbers = range(1, seeds + 1)
    if quick:
        yield from (Case("head", "phantom", "development", seed, mode) for seed in numbers)
        return
    for role, sources, first in (("development", pairs.DEVELOPMENT, 0), ("held out", pairs.HELD_OUT, HELD_OUT_SEED)):
        moved = [(source.name, "real") for source in sources] + [("head", "phantom"), ("chest", "phantom")]
        if role == "development":
            moved.append(("demo", "consistency"))
        for name, kind in moved:
            yield from (Case(name, kind, role, first + seed, mode) for seed in numbers)  # type: ignore[arg-type]
        # Nothing is drawn at random for these.
        yield from (Case(source.name, "native", role, first + 1, mode) for source in sources if source.common)


@dataclass(frozen=True)
class Files:
    """Files of a case in its folder."""

    folder: Path

    @property
    def fixed(self) -> Path:
        """Fixed image, float."""
        return self.folder / "fixed.nii.gz"

    @property
    def moving(self) -> Path:
        """Moving image, float."""
        return self.folder / "moving.nii.gz"

    @property
    def body(self) -> Path:
        """Mask of the fixed body on the fixed grid."""
        return self.folder / "body.nii.gz"

    @property
    def mask(self) -> Path:
        """Mask of the fixed body and what is near it, for methods whose manual advises one."""
        return self.folder / "mask.nii.gz"

    @property
    def truth(self) -> Path:
        """Arrays ``points`` (fixed) and ``goals`` (moving), (N, 3) LPS mm."""
        return self.folder / "truth.npz"

    @property
    def labels(self) -> tuple[Path, Path]:
        """Label maps of fixed and moving; phantoms only."""
        return self.folder / "fixed_labels.nii.gz", self.folder / "moving_labels.nii.gz"

    @property
    def unmoved(self) -> tuple[Path, Path]:
        """Unmoved moving image, and the transform from moved to unmoved points; consistency only."""
        return self.folder / "unmoved.nii.gz", self.folder / "known.h5"


def prepare(case: Case, shared: Path, folder: Path) -> Files | None:
    """Make the files of a case, unless they are there. Without the images it needs, say so and return None."""
    files = Files(folder / case.name)
    made = files.folder / _MADE
    wanted = asdict(case) | {"version": VERSION}
    if made.is_file() and json.loads(made.read_text(encoding="utf-8")) == wanted:
        return files
    files.folder.mkdir(parents=True, exist_ok=True)
    make = {"real": _real, "phantom": _phantom, "native": _native, "consistency": _demo}[case.kind]
    if not make(case, shared, files):
        return None
    made.write_text(json.dumps(wanted), encoding="utf-8")
    return files


def body_points(body: sitk.Image, count: int = POINTS) -> NDArray[np.float64]:
    """Return points spread evenly over a mask, (N, 3) LPS mm."""
    index = np.argwhere(sitk.GetArrayViewFromImage(body))[:, ::-1]
    index = index[np.random.default_rng(0).choice(len(index), min(count, len(index)), replace=False)]
    direction = np.array(body.GetDirection()).reshape(3, 3)
    return (index * body.GetSpacing()) @ direction.T + body.GetOrigin()


def _real(case: Case, shared: Path, files: Files) -> bool:
    pair = next(pairs.load_pairs(shared, (_source(case),)), None)
    if pair is None:
        return False
    fixed, unmoved = (_not_finer(image) for image in (pair.fixed, pair.moving))
    body = resample_to(pair.body, fixed, interpolation="nearest", outside=0)
    known = movement(fixed, body, case.seed, smooth=case.mode == "deformable")
    moving = resample_to(unmoved, moved_grid(unmoved, known, max(_FINEST_MM, min(unmoved.GetSpacing()))), known)
    points = body_points(body)
    _write(files, (fixed, moving), body, points, moved_points(known, points))
    return True


def _phantom(case: Case, shared: Path, files: Files) -> bool:
    phantom = head_phantom(case.seed) if case.pair == "head" else chest_phantom(case.seed)
    body = foreground_mask(phantom.ct, "body")
    known = movement(phantom.ct, body, case.seed, smooth=case.mode == "deformable")
    moved = deform_phantom(phantom, known, moved_grid(phantom.ct, known, phantom.ct.GetSpacing()[0]))
    points = body_points(body)
    _write(files, (_windowed(phantom.ct), moved.mr), body, points, moved_points(known, points))
    for labels, path in zip((phantom.labels, moved.labels), files.labels, strict=True):
        sitk.WriteImage(labels, str(path))
    return True


def _native(case: Case, shared: Path, files: Files) -> bool:
    source = _source(case)
    common = shared / str(source.common)
    if not all((shared / name).is_file() for name in (source.fixed, source.moving)) or not common.is_file():
        print(f"{case.name} is left out: no {common.parent} (--shared)")
        return False
    fixed, moving = (sitk.ReadImage(str(shared / name)) for name in (source.fixed, source.moving))
    # Published transforms map points of the common space to those of an image.
    to_fixed, to_moving = (
        known_linear(sitk.ReadTransform(str(shared / name))) if name else sitk.AffineTransform(3)
        for name in (source.fixed_transform, source.moving_transform)
    )
    body = foreground_mask(fixed, "body")
    shown = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    shown.CopyInformation(moving)
    between = sitk.CompositeTransform(3)
    between.AddTransform(to_moving)
    between.AddTransform(to_fixed.GetInverse())
    body = sitk.And(body, sitk.Resample(shown, body, between, sitk.sitkNearestNeighbor, 0))
    points = body_points(body)
    turn = rigid_movement(volume_center(moving), case.seed)
    matrix, offset = as_matrix(turn) or (np.eye(3), np.zeros(3))
    moving.SetOrigin((matrix @ moving.GetOrigin() + offset).tolist())
    moving.SetDirection((matrix @ np.array(moving.GetDirection()).reshape(3, 3)).ravel().tolist())
    _write(files, (fixed, moving), body, points, transform_points(turn, transform_points(between, points)))
    return True


def _demo(case: Case, shared: Path, files: Files) -> bool:
    from MedDeepRegSegLib.volumes.samples import SampleError, sample_path

    try:
        names = [sample_path("ct-head-atlas"), sample_path("mr-head-t1")]
    except SampleError as error:
        print(f"{case.name} is left out: {error}")
        return False
    fixed, unmoved = (_not_finer(sitk.ReadImage(str(name))) for name in names)
    body = foreground_mask(fixed, "body")
    known = movement(unmoved, foreground_mask(unmoved, "body"), case.seed, smooth=case.mode == "deformable")
    moving = resample_to(unmoved, moved_grid(unmoved, known, max(_FINEST_MM, min(unmoved.GetSpacing()))), known)
    points = body_points(body)
    # Goals are not known: the registration of the unmoved image tells them, see registration_run.py.
    _write(files, (_windowed(fixed), moving), body, points, np.full_like(points, np.nan))
    sitk.WriteImage(sitk.Cast(unmoved, sitk.sitkFloat32), str(files.unmoved[0]))
    write_transform(known, files.unmoved[1])
    return True


def _source(case: Case) -> pairs.Source:
    return next(source for source in pairs.DEVELOPMENT + pairs.HELD_OUT if source.name == case.pair)


def _not_finer(image: sitk.Image) -> sitk.Image:
    return image if min(image.GetSpacing()) >= _FINEST_MM else resample_isotropic(image, _FINEST_MM)


def _windowed(image: sitk.Image) -> sitk.Image:
    """Return a CT in the window of the real pairs: 32 bins of mutual information over all of its range see bone only."""
    return sitk.Clamp(image, sitk.sitkFloat32, *pairs.CT_WINDOW_HU)


def _write(
    files: Files,
    images: tuple[sitk.Image, sitk.Image],
    body: sitk.Image,
    points: NDArray[np.float64],
    goals: NDArray[np.float64],
) -> None:
    for image, path in zip(images, (files.fixed, files.moving), strict=True):
        # No negative values: centers of mass (ANTs) and the 0 that fills what is missing (greedy) would make no sense.
        lowest = float(sitk.GetArrayViewFromImage(image).min())
        sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32) - min(lowest, 0.0), str(path))
    sitk.WriteImage(body, str(files.body))
    # What a user would have: found in the fixed image alone, widened so that its outline counts.
    radius = [max(1, round(AROUND_MM / spacing)) for spacing in images[0].GetSpacing()]
    mask = sitk.BinaryDilate(foreground_mask(images[0], "body"), radius, sitk.sitkBox)
    sitk.WriteImage(mask, str(files.mask))
    np.savez_compressed(files.truth, points=points, goals=goals)
