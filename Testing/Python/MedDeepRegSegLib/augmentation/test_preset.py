"""Presets are complete, explained, and refused with the field where they are wrong."""

import json

import pytest

from MedDeepRegSegLib.augmentation.preset import load_preset, preset_names
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings
from MedDeepRegSegLib.errors import InputError

GOOD = {
    "title": "Knee",
    "description": "Knees.",
    "transforms": {"blur": {"probability": 0.5, "sigma_mm": [0.5, 1]}},
    "reasons": {"blur": "Motion."},
}


def test_every_preset_can_be_read_and_is_explained_to_a_person():
    assert set(preset_names()) == {"CT", "MR", "default", "light", "strong"}
    for name in preset_names():
        preset = load_preset(name)
        assert preset.name == name
        assert preset.description.endswith(".")
    assert load_preset("ct") == load_preset("CT")
    light, strong = load_preset("light").settings, load_preset("strong").settings
    assert light.affine.rotation_degrees < strong.affine.rotation_degrees
    assert load_preset("CT").settings.bias_field.probability == 0


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / "knee.json").write_text(json.dumps(GOOD))
    preset = load_preset(tmp_path / "knee.json")
    assert (preset.name, preset.settings.blur.sigma_mm) == ("knee", (0.5, 1.0))
    assert preset.settings.affine == AugmentationSettings().affine


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"transforms": {"blurr": {"probability": 1}}, "reasons": {"blurr": ""}}, "transforms: blurr: unknown field"),
        ({"transforms": {"blur": {"probability": 2}}}, "probability is 2, expected 0 to 1"),
        ({"transforms": {"blur": {"probability": 1, "sigma_mm": [2, 1]}}}, "sigma_mm is 2 to 1, expected the lower"),
        ({"transforms": {"blur": {"probability": 1, "sigma": 1}}}, "blur.*sigma: unknown field"),
        ({"transforms": {"blur": {"sigma_mm": [1, 2]}}}, "probability: missing field"),
        ({"transforms": {"blur": 1}}, "transforms.blur: expected an object"),
        ({"transforms": []}, "transforms: expected an object"),
        ({"reasons": {}}, "reasons: expected one for each"),
        ({"title": " "}, "title: expected a text"),
    ],
)
def test_a_bad_file_is_named_with_the_field(tmp_path, change, says):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(InputError, match=says) as caught:
        load_preset(path)
    assert "bad.json" in str(caught.value)


def test_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match="expected one of CT, MR, default"):
        load_preset("huge")
    with pytest.raises(InputError, match="cannot be read"):
        load_preset(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        load_preset(tmp_path / "text.json")
