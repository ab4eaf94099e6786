"""Units in the headers of tables, and the factors between them."""

import re
import unicodedata

_FACTORS: dict[str, dict[str, float]] = {
    "length": {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0},
    "area": {"mm2": 1.0, "cm2": 100.0},
    "volume": {"mm3": 1.0, "ul": 1.0, "cm3": 1000.0, "cc": 1000.0, "ccm": 1000.0, "ml": 1000.0, "l": 1e6},
    "mass": {"mg": 1e-3, "g": 1.0, "kg": 1000.0},
    "time": {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25},
    "part": {"%": 0.01, "percent": 0.01},
    "density": {"hu": 1.0},
    "index": {"kg/m2": 1.0},
}
_SPELLINGS = {
    **{"millimeter": "mm", "millimeters": "mm", "millimetre": "mm", "centimeter": "cm", "centimeters": "cm"},
    **{"mm^2": "mm2", "mm^3": "mm3", "cm^2": "cm2", "cm^3": "cm3", "sqmm": "mm2", "qmm": "mm2", "kg/m^2": "kg/m2"},
    **{"y": "years", "yr": "years", "yrs": "years", "year": "years", "month": "months", "d": "days", "day": "days"},
}


def plain_units(text: str) -> str:
    """Return units in one spelling: ``mm³`` and ``mm^3`` become ``mm3``, ``yrs`` becomes ``years``."""
    plain = unicodedata.normalize("NFKC", text).replace("μ", "u").casefold()
    plain = re.sub(r"\s+", "", plain)
    return _SPELLINGS.get(plain, plain)


def is_unit(text: str) -> bool:
    """Return whether a text is a unit that is known here."""
    return any(plain_units(text) in units for units in _FACTORS.values())


def factor_between(given: str, wanted: str) -> float | None:
    """Return by which a value in ``given`` units is multiplied to be in ``wanted`` units; None if that cannot be.

    A part without units is a fraction: ``%`` becomes ``""`` by 0.01.
    """
    first, second = plain_units(given), plain_units(wanted)
    if first == second:
        return 1.0
    for units in _FACTORS.values():
        if first in units and second in units:
            return units[first] / units[second]
    if first in _FACTORS["part"] and not second:
        return _FACTORS["part"][first]
    return None
