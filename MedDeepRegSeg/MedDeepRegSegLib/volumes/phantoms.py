"""Phantoms of a head and of a chest, as CT and as T1-weighted MR, with exact labels and landmarks.

They are drawings made of formulas and noise, no patient and no learned model: for tests, for exact truth, and
for use without a network. They are always called phantoms, never CT or MR of a person.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes import phantom_chest, phantom_head
from MedDeepRegSegLib.volumes.geometry import size_text
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY
from MedDeepRegSegLib.volumes.phantom_canvas import Canvas, Point, SmoothNoise, Tissue
from MedDeepRegSegLib.volumes.resampling import resample_to

Landmarks = dict[str, Point]


@dataclass(frozen=True)
class Phantom:
    """A phantom on one grid."""

    ct: sitk.Image
    """CT-like image, int16, HU."""
    mr: sitk.Image
    """T1-weighted-like MR image, int16, arbitrary units, with bias field and Rician noise."""
    labels: sitk.Image
    """Label map, uint8; 0 is the air around the body."""
    names: dict[int, str]
    """Name of each label value, without 0."""
    landmarks: Landmarks
    """Named points, LPS mm. All of them are true places of the anatomy; some may lie outside a small grid."""


def head_phantom(
    seed: int = 0, *, spacing_mm: float = 2.0, size: Sequence[int] = (96, 120, 112), noise: float = 1.0
) -> Phantom:
    """Draw a head phantom: scalp, skull, folded cortex, ventricles, deep nuclei, cerebellum, eyes and air spaces.

    Parameters
    ----------
    seed:
        Chooses the patient (shape, folds, noise). The same seed gives the same patient at every spacing and size.
    spacing_mm:
        Edge of a voxel, mm.
    size:
        Number of voxels along L, P, S. The grid is centered on the head; the default covers 192x240x224 mm.
    noise:
        Amount of image noise; 1 is usual, 0 is none.

    Raises
    ------
    InputError
        If the size or spacing cannot be used.
    """
    center = (0.0, -5.0, -12.0)
    return _draw(
        phantom_head.draw_head,
        phantom_head.TISSUES,
        phantom_head.LANDMARKS,
        center=center,
        warp_mm=2.0,
        seed=seed,
        spacing_mm=spacing_mm,
        size=size,
        noise=noise,
    )


def chest_phantom(
    seed: int = 0,
    *,
    spacing_mm: float = 3.0,
    size: Sequence[int] = (124, 92, 104),
    noise: float = 1.0,
    nodule_diameter_mm: float | None = 14.0,
    spiculated: bool = False,
) -> Phantom:
    """Draw a chest phantom: body wall, ribs, spine, lungs with vessels, heart, great vessels, liver, lung nodule.

    Parameters
    ----------
    seed:
        Chooses the patient. The same seed gives the same patient at every spacing and size.
    spacing_mm:
        Edge of a voxel, mm.
    size:
        Number of voxels along L, P, S. The grid is centered on the chest; the default covers 372x276x312 mm.
    noise:
        Amount of image noise; 1 is usual, 0 is none.
    nodule_diameter_mm:
        Diameter of the solid nodule in the right upper lobe, mm (exact: the nodule is not bent), or None.
    spiculated:
        Whether spikes stand out from the nodule into the lung. They come in addition to the diameter.

    Raises
    ------
    InputError
        If the size, spacing or diameter cannot be used.
    """
    if nodule_diameter_mm is not None and not 2 <= nodule_diameter_mm <= 60:
        msg = f"nodule diameter is {nodule_diameter_mm} mm, expected 2 to 60 mm, or None for no nodule"
        raise InputError(msg)

    def draw(canvas: Canvas, rng: np.random.Generator) -> None:
        phantom_chest.draw_chest(canvas, rng, nodule_diameter_mm, spiculated)

    with_nodule = nodule_diameter_mm is not None
    return _draw(
        draw,
        [tissue for tissue in phantom_chest.TISSUES if with_nodule or tissue is not phantom_chest.NODULE],
        {name: point for name, point in phantom_chest.LANDMARKS.items() if with_nodule or name != "lung nodule"},
        center=(0.0, 0.0, -8.0),
        warp_mm=2.5,
        seed=seed,
        spacing_mm=spacing_mm,
        size=size,
        noise=noise,
    )


def _draw(
    draw: Callable[[Canvas, np.random.Generator], None],
    tissues: Sequence[Tissue],
    landmarks: Landmarks,
    *,
    center: Point,
    warp_mm: float,
    seed: int,
    spacing_mm: float,
    size: Sequence[int],
    noise: float,
) -> Phantom:
    if not (np.isfinite(spacing_mm) and spacing_mm > 0) or len(size) != 3 or min(size) < 8:
        msg = f"phantom has size {size_text(size)} at {spacing_mm} mm, expected 3 sizes of at least 8 at a positive spacing"
        raise InputError(msg)
    check_memory(100.0 * np.prod(np.array(size, float)), f"a phantom of {size_text(size)} voxels", "make it smaller")
    shape_rng, image_rng = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    origin = [middle - spacing_mm * (n - 1) / 2 for middle, n in zip(center, size, strict=True)]
    warp = [SmoothNoise(shape_rng, 40, warp_mm) for _ in range(3)]
    canvas = Canvas(size, spacing_mm, origin, warp)
    draw(canvas, shape_rng)
    bias = np.exp(SmoothNoise(image_rng, 90, 0.12).on_grid(canvas.axes))

    def image_of(values: np.ndarray, modality: str | None = None) -> sitk.Image:
        image = sitk.GetImageFromArray(values)
        image.SetSpacing([spacing_mm] * 3)
        image.SetOrigin(origin)
        if modality:
            image.SetMetaData(MODALITY_KEY, modality)
        return image

    return Phantom(
        ct=image_of(_scan_ct(canvas.ct, image_rng, noise), "CT"),
        mr=image_of(_scan_mr(canvas.mr * bias, image_rng, noise), "MR"),
        labels=image_of(canvas.labels),
        names={tissue.label: tissue.name for tissue in tissues},
        landmarks={name: canvas.world_point(point) for name, point in landmarks.items()},
    )


def _scan_ct(values: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Blur like a reconstruction kernel and add noise that is correlated between neighbors, 5 HU."""
    from scipy.ndimage import gaussian_filter

    grain = gaussian_filter(rng.standard_normal(values.shape, np.float32), 0.6)
    blurred = gaussian_filter(values, 0.45) + grain * (5 * noise / grain.std())
    return np.clip(np.rint(blurred), -1024, 3071).astype(np.int16)


def _scan_mr(values: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Blur a little and take the magnitude of a complex signal with noise (Rician; Gudbjartsson and Patz 1995)."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(values, 0.45)
    real = blurred + 12 * noise * rng.standard_normal(values.shape, np.float32)
    imaginary = 12 * noise * rng.standard_normal(values.shape, np.float32)
    return np.rint(np.hypot(real, imaginary)).astype(np.int16)


def deform_phantom(phantom: Phantom, transform: sitk.Transform, reference: sitk.Image | None = None) -> Phantom:
    """Return the phantom as another scanner would see it, with exact labels and landmarks.

    Parameters
    ----------
    phantom:
        The phantom to look at.
    transform:
        Maps points of the *new* phantom to points of the given one, LPS mm. Registering with the new phantom as
        fixed and the given one as moving should find this transform.
    reference:
        Grid of the new phantom; that of ``phantom`` if None.

    Returns
    -------
    Phantom
        Images resampled with cubic interpolation, labels with the nearest neighbor, landmarks mapped through the
        inverse of ``transform``, found by Newton's method to 1e-4 mm. The noise is moved with the anatomy.

    Raises
    ------
    InputError
        If the transform cannot be inverted at a landmark (it folds there).
    """
    grid = phantom.ct if reference is None else reference
    images = {
        "ct": resample_to(phantom.ct, grid, transform, interpolation="bspline", outside=-1000),
        "mr": resample_to(phantom.mr, grid, transform, interpolation="bspline", outside=0),
        "labels": resample_to(phantom.labels, grid, transform, interpolation="nearest", outside=0),
    }
    for name in ("ct", "mr"):
        images[name].SetMetaData(MODALITY_KEY, name.upper())
    landmarks = {name: _inverse_point(transform, point, name) for name, point in phantom.landmarks.items()}
    return Phantom(**images, names=dict(phantom.names), landmarks=landmarks)


def _inverse_point(transform: sitk.Transform, target: Point, name: str, tolerance_mm: float = 1e-5) -> Point:
    """Return the point that ``transform`` maps to ``target``: Newton's method with step halving."""

    def error_at(place: np.ndarray) -> np.ndarray:
        return np.subtract(transform.TransformPoint(place.tolist()), target)

    step = 1e-2
    point = np.array(target, dtype=float)
    error = error_at(point)
    for _ in range(100):
        if np.linalg.norm(error) <= tolerance_mm:
            return tuple(point.tolist())
        columns = [(error_at(point + step * axis) - error_at(point - step * axis)) / (2 * step) for axis in np.eye(3)]
        change = np.linalg.lstsq(np.array(columns).T, error, rcond=None)[0]
        for scale in (1.0, 0.5, 0.25, 0.1, 0.02):
            following = error_at(point - scale * change)
            if np.linalg.norm(following) < np.linalg.norm(error):
                break
        point, error = point - scale * change, following
    msg = f"the transform cannot be inverted at the landmark '{name}': use one that does not fold"
    raise InputError(msg)
