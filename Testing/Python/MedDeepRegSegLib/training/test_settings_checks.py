"""What the settings of all trainings refuse."""

from dataclasses import dataclass

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.training import settings_checks


@dataclass(frozen=True)
class Settings:
    """Two values, of which the first is always right."""

    right: float
    value: float


@pytest.mark.parametrize(
    ("check", "right", "wrong", "expected"),
    [
        ("check_counts", (1, 7), (0, -1, float("nan")), "1 or more"),
        ("check_fractions", (0.0, 1.0), (-0.01, 1.01, float("nan")), "a fraction from 0 to 1"),
        ("check_positive", (1e-9, 5.0), (0.0, -1.0, float("inf"), float("nan")), "more than 0 and finite"),
        ("check_not_negative", (0, 3.5), (-1e-9, float("inf"), float("nan")), "0 or more, and finite"),
    ],
)
def test_the_first_wrong_field_is_named(check, right, wrong, expected):
    check = getattr(settings_checks, check)
    for value in right:
        check(Settings(1, value), "right", "value")
    for value in wrong:
        with pytest.raises(InputError, match=f"^value is {value}, expected {expected}: correct it$"):
            check(Settings(1, value), "right", "value")


@pytest.mark.parametrize(("side", "fits"), [(32, True), (80, True), (16, False), (40, False), (0, False)])
def test_sides_are_multiples(side, fits):
    if fits:
        settings_checks.check_side(side, 16, 64)
        return
    with pytest.raises(InputError, match=f"^side is {side} voxels, expected a multiple of 16 from 32: choose 64$"):
        settings_checks.check_side(side, 16, 64)
