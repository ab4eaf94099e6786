"""Settings of pre-training refuse what no run can use."""

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.training.settings import PretrainSettings


@pytest.mark.parametrize(
    ("change", "match"),
    [
        *(
            ({name: 0}, f"{name} is 0, expected 1 or more")
            for name in ("steps", "pairs", "reuse", "neighbors", "voxels")
        ),
        ({"side": 16}, "side is 16 voxels, expected a multiple of 16 from 32"),
        ({"side": 40}, "side is 40 voxels"),
        ({"anchors": 31}, "anchors is 31, expected 32 or more"),
        ({"real_fraction": 1.1}, "real_fraction is 1.1, expected a fraction"),
        ({"average": -0.1}, "average is -0.1, expected a fraction"),
        ({"average": math.nan}, "average is nan"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected more than 0"),
        ({"learning_rate": math.inf}, "learning_rate is inf"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"weight_decay": -1e-3}, "weight_decay is -0.001, expected 0 or more"),
        ({"warmup": -1}, "warmup is -1"),
        ({"global_weight": -0.5}, "global_weight is -0.5"),
        ({"position_weight": -1.0}, "position_weight is -1.0"),
        ({"region_weight": math.nan}, "region_weight is nan"),
        ({"precision": "float16"}, "precision is 'float16', expected float32 or bfloat16"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
        ({"encoder": EncoderSettings(channels=(8, 8, 8, 12))}, "expected multiples of 8"),
        ({"encoder": EncoderSettings(channels=(0, 8, 8, 8))}, "expected multiples of 8"),
    ],
)
def test_bad_values_are_refused(change, match):
    with pytest.raises(InputError, match=match) as caught:
        PretrainSettings(**change)
    assert "\n" not in str(caught.value)


def test_settings_are_frozen_and_survive_json(tiny):
    with pytest.raises(FrozenInstanceError):
        tiny.steps = 7
    assert from_json(PretrainSettings, to_json(tiny)) == tiny
    assert replace(tiny, seed=4) != tiny
