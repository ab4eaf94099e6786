"""Diffeomorphic maps by stationary velocity fields: the exponential of a velocity, and what keeps it even.

Domain and codomain: positions z, y, x in voxels of one grid. The map of a velocity v is exp(v); that of -v is its inverse.

Source: V. Arsigny et al., "A log-Euclidean framework for statistics on diffeomorphisms", MICCAI 2006 (scaling and
squaring).
"""

from torch import Tensor

from MedDeepRegSegLib.registration.feature_grids import sample, voxels


def exponential(velocity: Tensor, *, steps: int) -> Tensor:
    """Return the displacement (1, 3, D, H, W), voxels, after following a velocity for one unit of time.

    Parameters
    ----------
    velocity : Tensor, shape (1, 3, D, H, W)
        Voxels per unit of time.
    steps : int
        Number of squarings. A step starts with ``velocity / 2 ** steps``, which has to be well below a voxel.
    """
    home = voxels(velocity.shape[2:], velocity.device)
    displacement = velocity / 2**steps
    for _ in range(steps):
        displacement = displacement + sample(displacement, home + displacement)
    return displacement


def squared_slopes(velocity: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted sum over the voxels of all squared derivatives of a velocity.

    Parameters
    ----------
    velocity : Tensor, shape (1, 3, D, H, W)
    weight : Tensor, shape (D, H, W)
    """
    total = velocity.new_zeros(())
    for axis in range(3):
        slopes = velocity[0].diff(dim=axis + 1).square().sum(dim=0)
        total = total + (slopes * weight.narrow(axis, 0, slopes.shape[axis])).sum()
    return total


def determinants(displacement: Tensor, corner: tuple[int, int, int]) -> Tensor:
    """Return the Jacobian determinants of x -> x + displacement at one of the eight corners of every cell.

    Parameters
    ----------
    displacement : Tensor, shape (1, 3, D, H, W)
        Voxels, along z, y, x.
    corner : tuple of 0 or 1
        Which corner, along z, y, x.

    Returns
    -------
    Tensor, shape (D - 1, H - 1, W - 1)
    """
    columns = []
    for axis in range(3):
        part = displacement[0].diff(dim=axis + 1)
        for other in range(3):
            if other != axis:
                part = part.narrow(other + 1, corner[other], part.shape[other + 1] - 1)
        columns.append(part)
    (a, b, c), (d, e, f), (g, h, i) = columns  # derivative of z, y, x along each axis
    return (1 + a) * ((1 + e) * (1 + i) - f * h) - d * (b * (1 + i) - c * h) + g * (b * f - c * (1 + e))
