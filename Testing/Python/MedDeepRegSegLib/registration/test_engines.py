import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.engines import engine_names, find_engine


def test_every_engine_that_is_named_can_run():
    assert "classic" in engine_names()
    for name in engine_names():
        assert callable(find_engine(name))


def test_an_unknown_engine_is_refused_with_the_list():
    with pytest.raises(InputError, match=r"'elastix' is not there, expected one of: .*classic"):
        find_engine("elastix")
