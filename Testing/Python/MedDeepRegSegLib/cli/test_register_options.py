"""What the options of ``meddeep register`` ask the job for."""

import argparse
import json

import pytest

from MedDeepRegSegLib.cli import register
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.engines import engine_names
from MedDeepRegSegLib.registration.presets import load_preset, preset_names
from MedDeepRegSegLib.registration.settings import RegistrationSettings


@pytest.fixture
def request_of(tmp_path):
    """Return a function of words that gives the request."""
    for name in ("ct.nrrd", "mr.nrrd"):
        (tmp_path / name).touch()
    points = [{"label": str(number), "position": [number, 0, 0]} for number in range(3)]
    for name in ("ct.mrk.json", "mr.mrk.json"):
        (tmp_path / name).write_text(json.dumps({"markups": [{"coordinateSystem": "LPS", "controlPoints": points}]}))

    def make(*words, with_points=False):
        own = ["register", tmp_path / "ct.nrrd", tmp_path / "mr.nrrd", "--out", tmp_path / "out", *words]
        if with_points:
            own += ["--fixed-points", tmp_path / "ct.mrk.json", "--moving-points", tmp_path / "mr.mrk.json"]
        parser = argparse.ArgumentParser()
        register.COMMAND.add_parser(parser.add_subparsers())
        return register.COMMAND.request(parser.parse_args([str(word) for word in own]))

    return make


def test_the_engines_of_the_option_are_those_there_are():
    assert engine_names() == register.ENGINES


def test_without_options_the_settings_are_the_defaults(request_of):
    assert request_of().settings == RegistrationSettings()


def test_kind_and_engine_override_the_preset_and_leave_the_rest(request_of):
    assert request_of("--preset", "abdomen").settings == load_preset("abdomen").settings
    settings = request_of("--preset", "abdomen", "--kind", "similarity", "--engine", "classic", "--seed", "7").settings
    assert (settings.kind, settings.engine, settings.seed) == ("similarity", "classic", 7)
    assert settings.stiffness == load_preset("abdomen").settings.stiffness


def test_points_start_the_search_only_when_asked(request_of):
    assert request_of(with_points=True).settings.points == "measure"
    request = request_of("--landmarks-start", with_points=True)
    assert request.settings.points == "start"
    assert len(request.fixed_points) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "knee"], "'knee' is not there, expected one of: abdomen"),
        (["--landmarks-start"], "a start from landmarks needs points, expected --fixed-points and --moving-points"),
        (["--engine", "landmarks"], "engine landmarks needs points"),
    ],
)
def test_what_cannot_be_done_is_said_before_images_are_read(request_of, words, says):
    with pytest.raises(InputError, match=says):
        request_of(*words)


def test_help_lists_the_presets(capsys):
    with pytest.raises(SystemExit):
        main(["register", "--help"])
    told = capsys.readouterr().out
    for name in preset_names():
        assert f"  {name} " in told
        assert load_preset(name).description in told
