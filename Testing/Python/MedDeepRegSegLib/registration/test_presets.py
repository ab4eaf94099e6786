import json

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.presets import load_preset, preset_names, read_preset
from MedDeepRegSegLib.registration.settings import RegistrationSettings

GOOD = {
    "title": "Knee",
    "description": "Two scans of a knee.",
    "settings": {"kind": "rigid", "stiffness": 2},
    "reasons": {"kind": "Bones.", "stiffness": "Because."},
}


def test_every_preset_can_be_read_and_is_explained_to_a_person():
    names = preset_names()
    assert set(names) >= {"rigid-same-patient", "ct-mr-head", "abdomen", "lung-follow-up", "atlas-to-patient"}
    presets = [load_preset(name) for name in names]
    assert [preset.name for preset in presets] == list(names)
    assert len({preset.title for preset in presets}) == len(names)
    for preset in presets:
        assert preset.description.endswith(".")
        assert preset.description.count(". ") == 0
        assert preset.settings.engine == RegistrationSettings().engine


def test_presets_say_what_the_task_needs():
    assert load_preset("rigid-same-patient").settings.kind == "rigid"
    default = RegistrationSettings()
    assert load_preset("ct-mr-head").settings.stiffness == default.stiffness
    abdomen, lung = load_preset("abdomen").settings, load_preset("lung-follow-up").settings
    assert abdomen.stiffness > default.stiffness > load_preset("atlas-to-patient").settings.stiffness
    assert max(abdomen.largest_rotation_degrees, lung.largest_rotation_degrees) < default.largest_rotation_degrees
    assert lung.control_spacing_mm[-1] < default.control_spacing_mm[-1]


def test_settings_that_are_not_named_are_the_defaults(tmp_path):
    (tmp_path / "knee.json").write_text(json.dumps(GOOD))
    preset = read_preset(tmp_path / "knee.json")
    assert (preset.name, preset.title) == ("knee", "Knee")
    assert preset.settings == RegistrationSettings(kind="rigid", stiffness=2.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"settings": {"kind": "rigit"}, "reasons": {"kind": ""}}, r"settings: kind: expected one of 'rigid'"),
        ({"settings": {"stifness": 1}, "reasons": {"stifness": ""}}, "settings: stifness: unknown field"),
        ({"settings": {"stiffness": -1}, "reasons": {"stiffness": ""}}, "stiffness is -1.0, expected more than 0"),
        ({"settings": {"seed": 0.5}, "reasons": {"seed": ""}}, "settings: seed: expected a whole number"),
        ({"settings": []}, "settings: expected an object"),
        ({"reasons": {"kind": "Bones."}}, "reasons: expected one for each of the settings and no other, see stiffness"),
        ({"title": " "}, "title: expected a text"),
        ({"description": 3}, "description: expected a text"),
        ({"author": "me"}, "author: unknown field"),
    ],
)
def test_a_bad_file_is_named_with_the_field(tmp_path, change, says):
    (tmp_path / "knee.json").write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(InputError, match=rf"knee\.json: .*{says}"):
        read_preset(tmp_path / "knee.json")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]"])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "knee.json").write_text(text)
    with pytest.raises(InputError, match=r"knee\.json"):
        read_preset(tmp_path / "knee.json")


def test_a_name_that_is_not_there_is_refused_with_the_list():
    for name in ("knee", "../abdomen"):
        with pytest.raises(InputError, match=r"is not there, expected one of: abdomen, .*rigid-same-patient"):
            load_preset(name)
