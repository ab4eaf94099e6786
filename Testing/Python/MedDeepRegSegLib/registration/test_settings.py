import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.registration.settings import RegistrationSettings


def test_settings_survive_json():
    settings = RegistrationSettings(kind="affine", seed=4, control_spacing_mm=(40.0, 20.0))
    assert from_json(RegistrationSettings, to_json(settings)) == settings


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "elastic"},
        {"points": "guess"},
        {"seed": -1},
        {"coarse_spacing_mm": 3.0},
        {"fine_spacing_mm": 0.1},
        {"control_spacing_mm": ()},
        {"control_spacing_mm": (20.0, 40.0)},
        {"control_spacing_mm": (2.0,)},
        {"stiffness": 0.0},
        {"largest_rotation_degrees": 200.0},
        {"minimum_overlap": 1.0},
        {"iterations": 0},
    ],
)
def test_values_that_cannot_work_are_refused_by_name(change):
    with pytest.raises(
        InputError, match=next(iter(change)).split("_")[0].replace("coarse", "working").replace("fine", "working")
    ):
        RegistrationSettings(**change)
