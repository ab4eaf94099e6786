"""Features of an image of any spacing and orientation.

Threads are left to the caller: set ``OMP_NUM_THREADS`` before PyTorch is imported, or ``torch.set_num_threads``.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.features.backends import choose_backend
from MedDeepRegSegLib.features.cache import FeatureCache, content_key, user_cache
from MedDeepRegSegLib.features.windows import CONTEXT_STRIDE, OVERLAP, STRIDE, TILE, encode_array
from MedDeepRegSegLib.features.working_volume import choose_spacing, feature_grid, working_volume
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.geometry import check_volume
from MedDeepRegSegLib.volumes.modality import guess_modality
from MedDeepRegSegLib.volumes.resampling import isotropic_grid

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.networks import LoadedEncoder

_RECIPE = 1  # raised whenever the same image and weights give other features: entries of the cache become void


@dataclass(frozen=True)
class SourceGrid:
    """The grid of the image that was encoded, as in its header (LPS mm)."""

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class EncodedVolume:
    """Dense features of an image.

    Attributes
    ----------
    local : numpy.ndarray, shape (z, y, x, 16)
        Vectors of length 1: which structure, and where in it. float32 (float16 for very large volumes).
    local_grid : SimpleITK.Image
        Empty; where the vectors of ``local`` lie. Its voxels have twice the working size.
    context : numpy.ndarray, shape (z, y, x, 32)
        Vectors of length 1: which part of the body.
    context_grid : SimpleITK.Image
        Empty; its voxels have eight times the working size.
    source : SourceGrid
        Of the image.
    spacing_mm : float
        Working voxel size that was used.
    model, backend : str
        Name and version of the encoder, and what computed it.
    seconds : float
        Duration.
    cached : bool
        Whether the features came from the cache.
    notes : tuple of str
        What a reader should know, for example why the voxel size is not the recommended one.
    """

    local: np.ndarray
    local_grid: sitk.Image
    context: np.ndarray
    context_grid: sitk.Image
    source: SourceGrid
    spacing_mm: float
    model: str
    backend: str
    seconds: float
    cached: bool
    notes: tuple[str, ...] = ()


def encode(
    image: sitk.Image,
    *,
    spacing_mm: float | None = None,
    encoder: "LoadedEncoder | None" = None,
    device: str = "auto",
    backend: str = "auto",
    cache: FeatureCache | bool = True,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> EncodedVolume:
    """Return the dense features of an image.

    The image is brought to axes along the patient and cubic voxels; CT in Hounsfield units is limited to -250 to 450 HU.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D, scalar, any spacing and orientation.
    spacing_mm : float, optional
        Working voxel size, mm. None: what suits the field of view, see :func:`.working_volume.choose_spacing`.
    encoder : LoadedEncoder, optional
        The one that ships if None.
    device : {"auto", "cpu", "cuda"}
        For the encoder that ships; one that is given stays on its own device.
    backend : {"auto", "torch", "torch-bf16", "openvino"}
        See :mod:`.backends`.
    cache : FeatureCache or bool
        True: the user's cache; False: none.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If the image cannot be used (4-D, not finite, constant, too thin, sheared, too large for the memory), or an option
        is unknown.
    MissingPackageError
        If PyTorch, or a backend that is asked for, is not installed.
    Canceled
        If ``cancel`` was set.
    """
    from MedDeepRegSegLib.models.networks import load_encoder

    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    start = time.perf_counter()
    check_volume(image)
    encoder = load_encoder(None, device) if encoder is None else encoder
    name = choose_backend(backend, encoder.device)
    chosen = choose_spacing(image, encoder.description.spacing_mm, spacing_mm)
    if chosen.note:
        progress(0.0, f"{NOTE}{chosen.note}")
    progress(0.0, "Preparing the volume")
    store = user_cache() if cache is True else cache or None
    # What a header says about the modality decides whether CT is limited, and whether a GPU computes changes digits.
    facts = (
        _RECIPE,
        _weights(encoder),
        chosen.spacing_mm,
        name,
        encoder.device,
        guess_modality(image).value,
        TILE,
        OVERLAP,
    )
    key = content_key(image, *facts) if store is not None else ""
    arrays = None if store is None else _usable(store.get(key), image, chosen.spacing_mm, encoder)
    cached = arrays is not None
    if arrays is None:
        arrays = _computed(
            image, chosen.spacing_mm, encoder, backend=name, progress=part_of(progress, 0.05, 0.98), cancel=cancel
        )
        if store is not None:
            store.keep(key, arrays)
    grids = [_grid_of(image, chosen.spacing_mm, part, arrays) for part in ("local", "context")]
    progress(1.0, "Features found in the cache" if cached else "Features computed")
    return EncodedVolume(
        local=arrays["local"],
        local_grid=grids[0],
        context=arrays["context"],
        context_grid=grids[1],
        source=SourceGrid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()),
        spacing_mm=chosen.spacing_mm,
        model=f"{encoder.description.name} {encoder.description.version}",
        backend=name,
        seconds=time.perf_counter() - start,
        cached=cached,
        notes=(chosen.note,) if chosen.note else (),
    )


def _computed(
    image: sitk.Image,
    spacing_mm: float,
    encoder: "LoadedEncoder",
    *,
    backend: str,
    progress: Progress,
    cancel: CancelToken,
) -> dict[str, np.ndarray]:
    values = sitk.GetArrayFromImage(working_volume(image, spacing_mm))
    cancel.raise_if_canceled()
    local, context = encode_array(values, encoder, backend=backend, progress=part_of(progress, 0.1, 1.0), cancel=cancel)
    return {"local": _channels_last(local), "context": _channels_last(context)}


def _channels_last(features: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(features, 0, -1))


def _working_grid(image: sitk.Image, spacing_mm: float) -> sitk.Image:
    """Return the grid of the working volume."""
    oriented = sitk.DICOMOrient(_hull(image), "LPS")
    return isotropic_grid(oriented, spacing_mm)


def _hull(image: sitk.Image) -> sitk.Image:
    """Return one voxel that fills the field of view of an image: as good as the image for its grid, and small."""
    hull = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    middle = [(side - 1) / 2 for side in image.GetSize()]
    hull.SetSpacing([side * step for side, step in zip(image.GetSize(), image.GetSpacing(), strict=True)])
    hull.SetDirection(image.GetDirection())
    hull.SetOrigin(image.TransformContinuousIndexToPhysicalPoint(middle))
    return hull


def _grid_of(image: sitk.Image, spacing_mm: float, part: str, arrays: dict[str, np.ndarray]) -> sitk.Image:
    stride = STRIDE if part == "local" else CONTEXT_STRIDE
    return feature_grid(_working_grid(image, spacing_mm), stride, arrays[part].shape[2::-1])


def _usable(
    arrays: dict[str, np.ndarray] | None, image: sitk.Image, spacing_mm: float, encoder: "LoadedEncoder"
) -> dict[str, np.ndarray] | None:
    """Return what the cache gave if it is what it should be."""
    if arrays is None:
        return None
    size = _working_grid(image, spacing_mm).GetSize()[::-1]
    settings = encoder.network.settings
    for part, stride, length in (
        ("local", STRIDE, settings.local_features),
        ("context", CONTEXT_STRIDE, settings.context_features),
    ):
        expected = (*(-(-side // stride) for side in size), length)
        found = arrays.get(part)
        if found is None or found.shape != expected or found.dtype.kind != "f":
            return None
    return arrays


def _weights(encoder: "LoadedEncoder") -> str:
    """Return the hash of the weights as they are in memory."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
