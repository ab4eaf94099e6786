import inspect
from importlib.util import find_spec

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.engines import Engine, engine_names, find_engine


def test_every_engine_that_is_named_can_run():
    assert "classic" in engine_names()
    expected = set(inspect.signature(Engine.__call__).parameters) - {"self"}
    for name in engine_names():
        if name == "meddeep" and find_spec("torch") is None:
            continue
        assert set(inspect.signature(find_engine(name)).parameters) == expected


def test_an_unknown_engine_is_refused_with_the_list():
    with pytest.raises(InputError, match=r"'demons' is not there, expected one of: .*classic"):
        find_engine("demons")
