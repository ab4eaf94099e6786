"""What augmentation takes from MONAI, and what it says without it."""

import sys

import numpy as np
import pytest

from MedDeepRegSegLib.augmentation.monai_parts import affine_matrices, gaussian_weights
from MedDeepRegSegLib.errors import MissingPackageError


def test_the_scale_comes_first_and_the_shift_last():
    matrix = affine_matrices((0.0, 0.0, np.pi / 2), (5.0, 0.0, 0.0), (2.0, 1.0, 1.0), (0.0,) * 6)
    assert np.allclose(matrix @ (1.0, 0.0, 0.0, 1.0), (5.0, 2.0, 0.0, 1.0))


def test_the_weights_of_a_gaussian_sum_to_one():
    weights = gaussian_weights(1.5)
    assert weights.sum() == pytest.approx(1.0)
    assert np.allclose(weights, weights[::-1])


def test_without_monai_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    for use in (lambda: gaussian_weights(1.0), lambda: affine_matrices((0.0,) * 3, (0.0,) * 3, (1.0,) * 3, (0.0,) * 6)):
        with pytest.raises(MissingPackageError, match="augmentation needs MONAI, which is not installed"):
            use()
