"""Every bad input of the list gives exit code 2, one clear line, and no output."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "Benchmarks"))
from bad_inputs import BAD_INPUTS, answer, make_files, without_folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    make_files(folder)
    return folder


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.title.replace(" ", "-"))
def test_bad_input(bad, files):
    before = sorted(files.rglob("*"))
    code, out, err = answer(bad, files)
    assert code == 2, err
    assert len(bad.says) > 4
    assert bad.says in without_folder(err, files)
    assert err.startswith("meddeep")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert len(err) < 400
    assert out == ""
    assert sorted(files.rglob("*")) == before


def test_list_is_long_and_every_command_is_in_it():
    assert len(BAD_INPUTS) >= 20
    commands = {bad.words(Path())[0] for bad in BAD_INPUTS}
    assert {"register", "foreground", "grow", "measure", "features", "samples", "fit", "diagnose", "demo"} <= commands
