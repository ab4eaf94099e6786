"""Fleischner Society 2017 (MacMahon H et al., Radiology 2017;284:228-243): the table row by row, and the exclusions."""

import itertools

import pytest

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.checking import check_coverage, fact_grid
from MedDeepDiagnosisLib.guidelines.reading import load_rules

RULES = load_rules("fleischner_2017")
PERSON = {
    "age_years": 60.0, "known_cancer": False, "immunosuppressed": False, "screening_ct": False, "benign_pattern": False,
}  # fmt: skip

# Table, part A (solid) and part B (subsolid): texture, number, mm, mm³, risk (None: it does not matter) -> text.
TABLE = [
    ("solid", "single", 5, 99, "low", "No routine follow-up."),
    ("solid", "single", 5, 99, "high", "Optional CT at 12 months."),
    ("solid", "single", 6, 100, "low", "CT at 6 to 12 months, then consider CT at 18 to 24 months."),
    ("solid", "single", 8, 250, "low", "CT at 6 to 12 months, then consider CT at 18 to 24 months."),
    ("solid", "single", 6, 100, "high", "CT at 6 to 12 months, then CT at 18 to 24 months."),
    ("solid", "single", 8, 250, "high", "CT at 6 to 12 months, then CT at 18 to 24 months."),
    ("solid", "single", 9, 251, None, "Consider CT at 3 months, PET/CT, or tissue sampling."),
    ("solid", "multiple", 5, 99, "low", "No routine follow-up."),
    ("solid", "multiple", 5, 99, "high", "Optional CT at 12 months."),
    ("solid", "multiple", 7, 200, "low", "CT at 3 to 6 months, then consider CT at 18 to 24 months."),
    ("solid", "multiple", 7, 200, "high", "CT at 3 to 6 months, then CT at 18 to 24 months."),
    ("solid", "multiple", 9, 251, "low", "CT at 3 to 6 months, then consider CT at 18 to 24 months."),
    ("solid", "multiple", 9, 251, "high", "CT at 3 to 6 months, then CT at 18 to 24 months."),
    ("ground_glass", "single", 5, 99, None, "No routine follow-up."),
    ("ground_glass", "single", 6, 101, None, "CT at 6 to 12 months to confirm that it persists, then CT every 2 years"),
    ("part_solid", "single", 5, 99, None, "No routine follow-up."),
    ("part_solid", "single", 6, 101, None, "CT at 3 to 6 months to confirm that it persists."),
    ("ground_glass", "multiple", 5, 99, None, "Consider infection. CT at 3 to 6 months; if stable, consider CT at 2"),
    ("part_solid", "multiple", 5, 99, None, "Consider infection. CT at 3 to 6 months; if stable, consider CT at 2"),
    ("ground_glass", "multiple", 6, 101, None, "Consider infection. CT at 3 to 6 months, then management by the most"),
    ("part_solid", "multiple", 6, 101, None, "Consider infection. CT at 3 to 6 months, then management by the most"),
]


def outcome(**facts):
    return apply_rules(RULES, {**PERSON, **facts})


def nodule(texture, count, risk):
    facts = {"nodule_texture": texture, "nodule_count": count}
    if risk is not None:
        facts["lung_cancer_risk"] = risk
    if texture == "part_solid":
        facts |= {"solid_component_mm": 3, "suspicious_solid_part": False}
    return facts


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_row_of_the_table_by_diameter(row):
    texture, count, mm, _, risk, text = row
    found = outcome(mean_diameter_mm=mm, **nodule(texture, count, risk))
    assert found.status == "applies"
    assert [rule.text[: len(text)] for rule in found.leading] == [text]


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_row_of_the_table_by_volume(row):
    texture, count, _, mm3, risk, text = row
    found = outcome(volume_mm3=mm3, size_by="volume", **nodule(texture, count, risk))
    assert found.status == "applies"
    assert [rule.text[: len(text)] for rule in found.leading] == [text]


@pytest.mark.parametrize(("mm", "size"), [(5.4, "small"), (5.5, "medium"), (8.4, "medium"), (8.5, "large")])
def test_the_mean_diameter_is_rounded_to_the_millimeter(mm, size):
    (rule,) = outcome(mean_diameter_mm=mm, **nodule("solid", "single", "low")).leading
    assert rule.name.startswith(f"solid_single_{size}")


@pytest.mark.parametrize(
    ("solid_mm", "suspicious", "text"),
    [
        (5, False, "CT at 3 to 6 months to confirm that it persists. If it is unchanged"),
        (6, False, "Consider CT at 3 to 6 months to see whether it persists."),
        (8, False, "Consider CT at 3 to 6 months to see whether it persists."),
        (9, False, "PET/CT, biopsy, or resection are recommended."),
        (6, True, "PET/CT, biopsy, or resection are recommended."),
    ],
)
def test_the_solid_part_decides_recommendation_4(solid_mm, suspicious, text):
    facts = nodule("part_solid", "single", None)
    facts |= {"solid_component_mm": solid_mm, "suspicious_solid_part": suspicious}
    (rule,) = outcome(mean_diameter_mm=12, **facts).leading
    assert rule.text.startswith(text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"age_years": 34}, "younger than 35"),
        ({"known_cancer": True}, "a primary cancer is known"),
        ({"immunosuppressed": "yes"}, "immunosuppressed"),
        ({"screening_ct": True}, "Lung-RADS"),
        ({"benign_pattern": True}, "benign pattern of calcification"),
        ({"mean_diameter_mm": 31}, "mass"),
    ],
)
def test_exclusions_refuse_with_their_reason(change, reason):
    facts = {"mean_diameter_mm": 7, **nodule("solid", "single", "low"), **change}
    found = outcome(**facts)
    assert found.status == "refused"
    assert reason in found.reason
    assert found.leading == ()


def test_thirty_five_years_and_thirty_millimeters_are_still_within():
    assert outcome(age_years=35, mean_diameter_mm=30, **nodule("solid", "single", None)).status == "applies"


@pytest.mark.parametrize("missing", ["age_years", "known_cancer", "immunosuppressed", "screening_ct", "benign_pattern"])
def test_an_exclusion_that_was_not_asked_is_never_taken_for_no(missing):
    facts = {**PERSON, "mean_diameter_mm": 9, **nodule("solid", "single", None)}
    del facts[missing]
    found = apply_rules(RULES, facts)
    assert found.status == "incomplete"
    assert [fact.name for fact in found.missing] == [missing]


def test_risk_is_asked_for_only_where_it_matters():
    assert [m.name for m in outcome(mean_diameter_mm=7, **nodule("solid", "single", None)).missing] == [
        "lung_cancer_risk"
    ]
    assert outcome(mean_diameter_mm=7, **nodule("ground_glass", "single", None)).missing == ()


def _grid(size_by):
    left_out = {"diameter": "volume_mm3", "volume": "mean_diameter_mm"}[size_by]
    grid = {name: values for name, values in fact_grid(RULES).items() if name not in {*PERSON, left_out}}
    return {
        **{name: (value,) for name, value in PERSON.items()},
        **grid,
        "size_by": (size_by,),
        "perifissural": (False,),
    }


@pytest.mark.parametrize(("size_by", "sizes"), [("diameter", 7), ("volume", 8)])
def test_exactly_one_row_applies_to_every_nodule_that_is_not_excluded(size_by, sizes):
    report = check_coverage(RULES, "management", _grid(size_by))
    # Sizes around each limit up to a mass, textures, numbers, sizes of the solid part, its look, risks.
    assert report.cases == sizes * 3 * 2 * 5 * 2 * 2
    assert report.excluded == report.cases // sizes
    assert report.uncovered == ()
    assert report.contradictory == ()
    assert report.unused == ()


def test_every_combination_of_exclusions_refuses():
    names = [name for name in PERSON if name != "age_years"]
    facts = {"mean_diameter_mm": 7, **nodule("solid", "single", "low")}
    for flags in itertools.product([False, True], repeat=len(names)):
        for age in (34, 35):
            found = apply_rules(RULES, {**facts, "age_years": age, **dict(zip(names, flags, strict=True))})
            assert (found.status == "refused") == (any(flags) or age < 35)


def test_a_typical_perifissural_nodule_is_a_remark_beside_the_row():
    found = outcome(mean_diameter_mm=7, perifissural=True, **nodule("solid", "single", "low"))
    assert [rule.group for rule in found.leading] == ["Management", "Remarks"]


def test_grades_shown_are_those_that_were_verified():
    grades = {rule.name: rule.evidence for rule in RULES.rules if rule.evidence}
    assert grades == {
        "solid_single_small_low": "1C",
        "solid_single_small_high": "2A",
        "solid_multiple_small_low": "2B",
        "solid_multiple_larger_low": "1B",
        "solid_multiple_larger_high": "1B",
        "ground_glass_single_small": "1B",
        "ground_glass_single_larger": "1B",
        "part_solid_single_small": "1C",
        "part_solid_single_suspicious": "1B",
        "subsolid_multiple_small": "1C",
        "subsolid_multiple_larger": "1C",
    }
