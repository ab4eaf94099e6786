"""What the demo works on: a CT and an MR of the head, the MR once more moved by a known transform, and points.

With the network, the pair is real: an average head CT and an average head MR, both without skull, in two spaces
more than a meter apart. Nobody knows their true correspondence. So the MR is moved by a known transform and
registered twice, as it is and moved: the two results must agree through the known transform (consistency). The
truth is exact on the phantom pair, which also serves offline.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.known import known_composite
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.phantoms import Landmarks, deform_phantom, head_phantom
from MedDeepRegSegLib.volumes.reading import read_volume
from MedDeepRegSegLib.volumes.resampling import resample_to
from MedDeepRegSegLib.volumes.samples import sample_path

ROTATION_DEGREES = 15.0
SHIFT_MM = 20.0
DEFORMATION_MM = 8.0
POINTS = 400
# In the head CT atlas, each in one lateral ventricle, where the cerebrospinal fluid is darkest.
CT_VENTRICLE_INDICES = ((95, 101, 112), (106, 122, 93))


@dataclass(frozen=True)
class RealPair:
    """A CT, an MR, and the MR moved by a known transform. All coordinates are LPS mm.

    Attributes
    ----------
    ct, mr, moved_mr:
        Scalar volumes.
    known:
        Maps points of the moved MR to points of the MR.
    points:
        (N, 3) points spread over the head in the CT, for the consistency error.
    clicks:
        (N, 3) points in the lateral ventricles of the CT.
    """

    ct: sitk.Image
    mr: sitk.Image
    moved_mr: sitk.Image
    known: sitk.Transform
    points: np.ndarray
    clicks: np.ndarray


@dataclass(frozen=True)
class PhantomPair:
    """A CT and an MR phantom with exact truth.

    Attributes
    ----------
    ct, mr:
        Volumes; the MR was moved and deformed.
    ct_landmarks, mr_landmarks:
        Name to point, LPS mm, exact in both.
    clicks:
        (N, 3) points in the lateral ventricles of the CT.
    """

    ct: sitk.Image
    mr: sitk.Image
    ct_landmarks: Landmarks
    mr_landmarks: Landmarks
    clicks: np.ndarray


def points_inside(mask: sitk.Image, count: int, seed: int) -> np.ndarray:
    """Return ``count`` random voxel centers of a mask, (count, 3) LPS mm."""
    indices = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    chosen = indices[np.random.default_rng(seed).choice(len(indices), count, replace=len(indices) < count)]
    return np.array([mask.TransformIndexToPhysicalPoint([int(i) for i in index]) for index in chosen])


def real_pair(seed: int, *, progress: Progress, cancel: CancelToken | None) -> RealPair:
    """Fetch the two sample images, once, and move the MR by a known transform drawn from ``seed``."""
    ct = read_volume(sample_path("ct-head-atlas", progress=part_of(progress, 0, 0.4), cancel=cancel))
    mr = read_volume(sample_path("mr-head-t1", progress=part_of(progress, 0.4, 0.8), cancel=cancel))
    progress(0.85, "Moving the MR by a known transform")
    known = _known_movement(mr, seed)
    return RealPair(
        ct=ct,
        mr=mr,
        moved_mr=resample_to(mr, mr, known),
        known=known,
        points=points_inside(foreground_mask(ct, "head"), POINTS, seed),
        clicks=np.array([ct.TransformIndexToPhysicalPoint(index) for index in CT_VENTRICLE_INDICES]),
    )


def _known_movement(image: sitk.Image, seed: int) -> sitk.Transform:
    """Return a rotation about the image's center, a shift and a smooth deformation, drawn from ``seed``."""
    return known_composite(
        image,
        volume_center(image),
        seed=seed,
        rotation_degrees=ROTATION_DEGREES,
        shift_mm=SHIFT_MM,
        magnitude_mm=DEFORMATION_MM,
    )


def phantom_pair(seed: int) -> PhantomPair:
    """Make a phantom, and its MR as seen after a known movement and deformation drawn from ``seed``."""
    phantom = head_phantom(seed)
    moved = deform_phantom(phantom, _known_movement(phantom.mr, seed))
    ventricle = next(value for value, name in phantom.names.items() if "ventricle" in name.lower())
    distance = sitk.SignedMaurerDistanceMap(phantom.labels == ventricle, insideIsPositive=True, useImageSpacing=True)
    deepest = np.unravel_index(np.argmax(sitk.GetArrayViewFromImage(distance)), distance.GetSize()[::-1])
    return PhantomPair(
        ct=phantom.ct,
        mr=moved.mr,
        ct_landmarks=phantom.landmarks,
        mr_landmarks=moved.landmarks,
        clicks=np.array([phantom.ct.TransformIndexToPhysicalPoint([int(i) for i in deepest[::-1]])]),
    )
