"""The vector that an encoder makes of a lesion, to be stored with its case and learned from."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.records import DeepFeature
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.segments import Segment


def lesion_features(
    image: sitk.Image,
    labels: sitk.Image,
    segment: Segment,
    *,
    encoder: Path | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> DeepFeature:
    """Encode an image and pool the features under a segment.

    Parameters
    ----------
    labels:
        Label map with the segment, on any grid; the nearest voxels are taken.
    encoder:
        Model folder; the encoder that ships if None.

    Returns
    -------
    DeepFeature
        Mean and standard deviation of the local, then of the context features. Its model names encoder, weights and
        working voxel size: vectors of others do not compare.

    Raises
    ------
    InputError
        If the image cannot be encoded, or the segment has no voxel on its grid.
    MissingPackageError
        If PyTorch is not installed.
    """
    from MedDeepRegSegLib.features.encode import encode
    from MedDeepRegSegLib.features.pooling import pool
    from MedDeepRegSegLib.models.networks import load_encoder

    loaded = load_encoder(encoder, "auto")
    encoded = encode(image, encoder=loaded, progress=progress, cancel=cancel)
    mask = sitk.Cast(labels == segment.value, sitk.sitkUInt8)
    pooled = pool(encoded, sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0), segment.name)
    vector = np.array(
        [*pooled.local_mean, *pooled.local_deviation, *pooled.context_mean, *pooled.context_deviation], np.float32
    )
    weights = loaded.description.weights_sha256[:12]
    return DeepFeature(f"{encoded.model} {weights} at {encoded.spacing_mm:g} mm", vector)
