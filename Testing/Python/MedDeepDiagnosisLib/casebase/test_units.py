"""Units and the factors between them."""

import pytest

from MedDeepDiagnosisLib.casebase.units import factor_between, is_unit, plain_units


@pytest.mark.parametrize(
    ("given", "wanted", "factor"),
    [
        ("ml", "mm³", 1000),
        ("cm3", "mm3", 1000),
        ("mm^3", "ml", 0.001),
        ("cm", "mm", 10),
        ("µm", "mm", 0.001),
        ("months", "years", 1 / 12),
        ("%", "", 0.01),
        ("mm", "mm", 1),
        ("points", "points", 1),
        ("kg", "mm", None),
        ("mm", "mm2", None),
        ("ml", "", None),
    ],
)
def test_factors(given, wanted, factor):
    assert factor_between(given, wanted) == (None if factor is None else pytest.approx(factor))


def test_spellings():
    assert plain_units("mm³") == plain_units("mm^3") == "mm3"
    assert plain_units("Yrs") == "years"
    assert is_unit("mL")
    assert not is_unit("1-5")
