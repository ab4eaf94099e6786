"""Settings from a preset and what is to be different."""

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.choices import choose_settings
from MedDeepRegSegLib.registration.presets import load_preset, preset_names
from MedDeepRegSegLib.registration.settings import RegistrationSettings


def test_without_choices_the_defaults_hold():
    assert choose_settings() == RegistrationSettings()
    assert choose_settings("", kind=None) == RegistrationSettings()


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_holds_where_nothing_else_is_chosen(name):
    preset = load_preset(name).settings
    assert choose_settings(name, kind=None, engine=None) == preset
    changed = choose_settings(name, kind="similarity", points="start")
    assert (changed.kind, changed.points) == ("similarity", "start")
    assert changed.fine_spacing_mm == preset.fine_spacing_mm


def test_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="nowhere"):
        choose_settings("nowhere")
    with pytest.raises(InputError, match="kind"):
        choose_settings(kind="elastic")
