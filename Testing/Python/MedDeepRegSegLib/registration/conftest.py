"""A small head phantom pair with known truth, shared by the tests of registration."""

import os

os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "2")

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.registration.known import known_composite, known_rigid
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.volumes.phantoms import Phantom, deform_phantom, head_phantom

FAST = {"engine": "classic", "fine_spacing_mm": 4.0, "control_spacing_mm": (60.0, 30.0), "iterations": 25}


@dataclass(frozen=True)
class Pair:
    """CT fixed, MR moved by ``known`` (points of the moved phantom to points of the fixed one)."""

    fixed: Phantom
    moving: Phantom
    known: sitk.Transform
    fixed_points: np.ndarray
    moving_points: np.ndarray


def make_pair(known: sitk.Transform) -> Pair:
    """Return the small head phantom and itself seen through ``known`` on a grid that cuts nothing."""
    fixed = head_phantom(3, spacing_mm=4.0, size=(50, 62, 58))
    grid = sitk.Image(66, 76, 72, sitk.sitkUInt8)
    grid.SetSpacing([4.0] * 3)
    grid.SetOrigin([-(n - 1) * 2.0 for n in grid.GetSize()])
    moving = deform_phantom(fixed, known, grid)
    names = [name for name in fixed.landmarks if name in moving.landmarks]
    return Pair(
        fixed,
        moving,
        known,
        np.array([fixed.landmarks[name] for name in names]),
        np.array([moving.landmarks[name] for name in names]),
    )


@pytest.fixture(scope="session")
def pair() -> Pair:
    """Rotated 15 degrees, shifted 20 mm, bent by up to 8 mm."""
    reference = head_phantom(3, spacing_mm=4.0, size=(50, 62, 58)).ct
    return make_pair(known_composite(reference, (0, 0, 0), seed=5, rotation_degrees=15, shift_mm=20, magnitude_mm=8))


@pytest.fixture(scope="session")
def rigid_pair() -> Pair:
    """Rotated 10 degrees and shifted 12 mm, not bent."""
    return make_pair(known_rigid((0, 0, 0), seed=6, rotation_degrees=10, shift_mm=12))


@pytest.fixture(scope="session")
def fast():
    """Make settings that are quick on the small phantom: fast(kind="rigid", ...)."""

    def make(**changes) -> RegistrationSettings:
        return RegistrationSettings(**{**FAST, **changes})

    return make
