import sys

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.registration import meddeep
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import transform_points


@pytest.fixture(scope="module")
def result(pair):
    settings = RegistrationSettings(fine_spacing_mm=4.0, iterations=40)
    return register(pair.fixed.ct, pair.moving.mr, settings)


def body_points(phantom) -> np.ndarray:
    index = np.argwhere(sitk.GetArrayFromImage(phantom.labels) > 0)[::30, ::-1]
    return index * np.array(phantom.labels.GetSpacing()) + phantom.labels.GetOrigin()


def test_it_is_the_default():
    assert RegistrationSettings().engine == "meddeep"


def test_a_turned_shifted_and_bent_mr_is_brought_onto_the_ct(pair, result):
    points = body_points(pair.fixed)

    def error(transform):
        return float(
            np.linalg.norm(transform_points(pair.known, transform_points(transform, points)) - points, axis=1).mean()
        )

    linear = next(stage.transform for stage in result.stages if stage.name == "affine")
    assert error(sitk.Transform(3, sitk.sitkIdentity)) > 20
    assert error(result.transform) < 2.5
    assert error(result.transform) < error(linear)


def test_nothing_folds_and_the_inverse_is_exact(result):
    assert result.quality.folding_fraction == 0
    assert result.quality.inverse_p95_mm < 0.2
    assert result.quality.light == "good"


def test_far_outside_only_the_linear_map_is_left(result):
    linear = next(stage.transform for stage in result.stages if stage.name == "affine")
    far = np.array([[400.0, 0, 0], [0, -400, 100], [0, 0, 500]])
    np.testing.assert_allclose(transform_points(result.transform, far), transform_points(linear, far), atol=1e-6)


def test_without_pytorch_it_says_what_to_do(monkeypatch, pair):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(meddeep, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="engine classic"):
        register(pair.fixed.ct, pair.moving.mr)
