"""The parts of MONAI that augmentation is made of. MONAI is loaded only when one of them is used."""

from collections.abc import Sequence

import numpy as np

from MedDeepRegSegLib.models.networks import import_monai, import_torch

_USER = "augmentation"


def affine_matrices(
    radians: Sequence[float], shift: Sequence[float], scale: Sequence[float], shear: Sequence[float]
) -> np.ndarray:
    """Return shift x rotation x shear x scale as one matrix (4, 4) of float64."""
    import_monai(_USER)
    from monai.transforms.utils import create_rotate, create_scale, create_shear, create_translate

    parts = (create_translate(3, shift), create_rotate(3, radians), create_shear(3, shear), create_scale(3, scale))
    return np.linalg.multi_dot([np.asarray(part, np.float64) for part in parts])


def gaussian_weights(sigma: float, truncated: float = 3.0) -> np.ndarray:
    """Return the weights of a Gaussian of this standard deviation, voxels: integrated over each voxel; they sum to 1."""
    torch = import_torch()
    import_monai(_USER)
    from monai.networks.layers import gaussian_1d

    return gaussian_1d(torch.tensor(float(sigma)), truncated=truncated, approx="erf", normalize=True).numpy()
