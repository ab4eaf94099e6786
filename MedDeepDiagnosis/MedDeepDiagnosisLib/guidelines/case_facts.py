"""Facts for guideline rules from what a case already holds: measurements and rated signs of its lesion."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from MedDeepDiagnosisLib.guidelines.rule_facts import MISSING_FACT_WORDS
from MedDeepDiagnosisLib.pathology import Pathology

_TEXTURES = {1.0: "ground_glass", 3.0: "part_solid", 5.0: "solid"}
"""LIDC's scale of texture (Armato SG 3rd et al., Medical Physics 2011;38:915-931). Steps 2 and 4 lie between two."""

_BENIGN_CALCIFICATION = {1.0: "popcorn", 2.0: "laminated", 3.0: "solid", 5.0: "central"}
"""LIDC's patterns of calcification that are benign; 4 is non-central, 6 is absent."""

_NO_BENIGN_CALCIFICATION = frozenset({4.0, 6.0})

_FAT = 3.0
"""LIDC's internal structure: fat."""


@dataclass(frozen=True)
class CaseFacts:
    """Facts of one case.

    Attributes
    ----------
    values:
        Fact name to value, as :func:`~MedDeepDiagnosisLib.guidelines.applying.apply_rules` takes them.
    origins:
        Fact name to where a derived value comes from, in words. What was given has none.
    notes:
        Why something could not be derived.
    """

    values: dict[str, object]
    origins: dict[str, str]
    notes: tuple[str, ...]


def facts_from(
    pathology: Pathology, values: Mapping[str, object], facts: Mapping[str, object] | None = None
) -> CaseFacts:
    """Collect the facts of a case: what was given, then what follows from its features.

    The mean diameter is the mean of the longest diameter in a slice and the one perpendicular to it in the same
    slice; the volume is that of the ball of the equivalent diameter, which is how that diameter is defined. A texture
    that a reader rated between two kinds decides nothing, and neither does anything that a feature does not say.

    Parameters
    ----------
    values:
        Feature name to number, text or word. Missing ones are allowed, required or not.
    facts:
        Fact name to value, for example the row of a table; these come before what is derived. None for none.

    Raises
    ------
    InputError
        If a feature's value is implausible.
    """
    sure = {feature.name: _value(pathology, values, feature.name) for feature in pathology.features}
    derived: dict[str, tuple[object, str]] = {}
    notes: list[str] = []
    _add_sizes(sure, derived)
    _add_texture(sure, derived, notes)
    _add_calcification(sure, derived, notes)
    if "benign_pattern" in derived:
        benign, origin = derived["benign_pattern"]
        derived["screening_finding"] = ("benign_nodule" if benign else "nodule", f"a nodule is assessed; {origin}")
    # Features of the same name are facts as they are: age, NIHSS and others from a table.
    found: dict[str, object] = {name: value for name, value in sure.items() if value is not None}
    found |= {name: value for name, (value, _) in derived.items()}
    given = {name: value for name, value in (facts or {}).items() if _is_given(value) and name not in sure}
    origins = {name: origin for name, (_, origin) in derived.items() if name not in given}
    return CaseFacts(found | given, origins, tuple(notes))


def _add_sizes(sure: Mapping[str, float | None], derived: dict[str, tuple[object, str]]) -> None:
    longest, across = sure.get("longest_diameter_mm"), sure.get("perpendicular_diameter_mm")
    if longest is not None and across is not None:
        origin = f"mean of {longest:.1f} mm and {across:.1f} mm across it in the same axial slice"
        derived["mean_diameter_mm"] = ((longest + across) / 2, origin)
    ball = sure.get("equivalent_diameter_mm")
    if ball is not None:
        derived["volume_mm3"] = (math.pi / 6 * ball**3, f"ball of {ball:.1f} mm, the equivalent diameter")


def _add_texture(sure: Mapping[str, float | None], derived: dict[str, tuple[object, str]], notes: list[str]) -> None:
    rating = sure.get("texture")
    if rating is None:
        return
    if rating in _TEXTURES:
        derived["nodule_texture"] = (_TEXTURES[rating], f"texture rated {rating:.0f} of 5")
    else:
        notes.append(
            f"Texture was rated {rating:.0f} of 5, between two kinds: whether the nodule counts as solid, part-solid "
            "or ground glass has to be said."
        )


def _add_calcification(
    sure: Mapping[str, float | None], derived: dict[str, tuple[object, str]], notes: list[str]
) -> None:
    calcification, inside = sure.get("calcification"), sure.get("internal_structure")
    if inside == _FAT:
        derived["benign_pattern"] = (True, "internal structure rated fat")
    elif calcification in _BENIGN_CALCIFICATION:
        derived["benign_pattern"] = (True, f"calcification rated {_BENIGN_CALCIFICATION[calcification]}")
    elif calcification in _NO_BENIGN_CALCIFICATION and inside is not None:
        derived["benign_pattern"] = (False, "neither calcification of a benign pattern nor fat was rated")
    elif calcification in _NO_BENIGN_CALCIFICATION:
        notes.append("No benign calcification was rated, but whether the nodule holds fat was not.")


def _value(pathology: Pathology, values: Mapping[str, object], name: str) -> float | None:
    value = values.get(name)
    if not _is_given(value):
        return None
    number = pathology.feature(name).parse(value)
    return None if math.isnan(number) else number


def _is_given(value: object) -> bool:
    return value is not None and str(value).strip().casefold() not in MISSING_FACT_WORDS
