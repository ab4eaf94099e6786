"""ACR Lung-RADS v2022, row by row (ACR/RSNA common data element RDES267 restates the table)."""

import pytest

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.checking import check_coverage, fact_grid
from MedDeepDiagnosisLib.guidelines.reading import load_rules

RULES = load_rules("lung_rads_2022")
SCREENING = {"screening_ct": True, "suspicious_features": False}


def category(**facts):
    outcome = apply_rules(RULES, {**SCREENING, **facts})
    titles = [rule.title for rule in outcome.leading if rule.group == "Category"]
    return titles[0].split(":")[0].removeprefix("Lung-RADS ") if titles else outcome.status


def nodule(texture, state, mm, **more):
    return {
        "screening_finding": "nodule", "nodule_texture": texture, "nodule_state": state, "mean_diameter_mm": mm,
        "juxtapleural": False, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "mm", "expected"),
    [
        ("baseline", 5.9, "2"), ("baseline", 6.0, "3"), ("baseline", 7.9, "3"), ("baseline", 8.0, "4A"),
        ("baseline", 14.9, "4A"), ("baseline", 15.0, "4B"),
        ("new", 3.9, "2"), ("new", 4.0, "3"), ("new", 5.9, "3"), ("new", 6.0, "4A"), ("new", 7.9, "4A"), ("new", 8.0, "4B"),
        ("growing", 5.0, "4A"), ("growing", 7.9, "4A"), ("growing", 8.0, "4B"),
        ("slow_growing", 5.0, "4B"), ("stable", 5.9, "2"),
        ("baseline", 5.94, "2"), ("baseline", 5.95, "3"),  # one decimal
    ],
)  # fmt: skip
def test_solid_nodules(state, mm, expected):
    assert category(**nodule("solid", state, mm)) == expected


@pytest.mark.parametrize(
    ("state", "mm", "solid_mm", "solid_state", "expected"),
    [
        ("baseline", 5.9, 2, None, "2"), ("baseline", 6.0, 5.9, None, "3"), ("baseline", 9.0, 6.0, None, "4A"),
        ("baseline", 9.0, 7.9, None, "4A"), ("baseline", 9.0, 8.0, None, "4B"), ("new", 5.9, 2, None, "3"),
        ("new", 6.0, 3.9, None, "4A"), ("new", 6.0, 4.0, None, "4B"), ("stable", 9.0, 3.9, "new", "4A"),
        ("growing", 9.0, 4.0, "growing", "4B"), ("slow_growing", 9.0, 3.0, None, "4B"),
    ],
)  # fmt: skip
def test_part_solid_nodules(state, mm, solid_mm, solid_state, expected):
    facts = nodule("part_solid", state, mm, solid_component_mm=solid_mm)
    if solid_state:
        facts["solid_component_state"] = solid_state
    assert category(**facts) == expected


@pytest.mark.parametrize(
    ("state", "mm", "expected"),
    [
        ("baseline", 29.9, "2"), ("new", 29.9, "2"), ("growing", 29.9, "2"), ("stable", 30.0, "2"),
        ("slow_growing", 35.0, "2"), ("baseline", 30.0, "3"), ("new", 30.0, "3"),
    ],
)  # fmt: skip
def test_non_solid_nodules(state, mm, expected):
    assert category(**nodule("ground_glass", state, mm)) == expected


@pytest.mark.parametrize(
    ("state", "mm", "expected"), [("baseline", 9.9, "2"), ("new", 9.9, "2"), ("baseline", 10.0, "4A")]
)
def test_juxtapleural_nodules_have_their_own_row_below_10_mm(state, mm, expected):
    assert category(**{**nodule("solid", state, mm), "juxtapleural": True}) == expected


@pytest.mark.parametrize(
    ("level", "state", "expected"),
    [
        ("subsegmental", "baseline", "2"), ("subsegmental", "new", "2"), ("subsegmental", "stable", "2"),
        ("segmental_or_proximal", "baseline", "4A"), ("segmental_or_proximal", "stable", "4B"),
        ("segmental_or_proximal", "growing", "4B"),
    ],
)  # fmt: skip
def test_airway_nodules(level, state, expected):
    assert category(screening_finding="airway", airway_level=level, nodule_state=state) == expected


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("thick_walled", "growing_cyst", "3"), ("thick_walled", "baseline", "4A"), ("multilocular", "baseline", "4A"),
        ("thin_walled", "became_multilocular", "4A"), ("thick_walled", "became_multilocular", "4A"),
        ("thick_walled", "growing_wall", "4B"), ("multilocular", "growing_cyst", "4B"), ("multilocular", "denser", "4B"),
        ("thin_walled", "baseline", "refused"),
    ],
)  # fmt: skip
def test_atypical_cysts(kind, change, expected):
    assert category(screening_finding="cyst", cyst_kind=kind, cyst_change=change, nodule_state="baseline") == expected


@pytest.mark.parametrize(
    ("finding", "expected"),
    [("prior_ct_awaited", "0"), ("not_evaluable", "0"), ("inflammatory", "0"), ("none", "1"), ("benign_nodule", "1")],
)
def test_incomplete_and_negative_examinations(finding, expected):
    assert category(screening_finding=finding) == expected


@pytest.mark.parametrize(("before", "expected"), [("3", "2"), ("4A", "3"), ("4B_benign", "2"), ("none", "refused")])
def test_stable_nodules_step_down_by_their_category_before(before, expected):
    assert category(**nodule("solid", "stable", 7.0, category_before=before)) == expected


def test_further_suspicious_features_make_4x_of_3_and_4_only():
    assert category(**nodule("solid", "baseline", 6.0) | {"suspicious_features": True}) == "4X"
    assert category(**nodule("solid", "baseline", 16.0) | {"suspicious_features": True}) == "4X"
    assert category(**nodule("solid", "baseline", 5.0) | {"suspicious_features": True}) == "2"


def test_suspicious_features_are_asked_for_in_category_3_but_not_in_2():
    for mm, missing in ((6.0, ["suspicious_features"]), (5.0, [])):
        outcome = apply_rules(RULES, {"screening_ct": True, **nodule("solid", "baseline", mm)})
        assert [fact.name for fact in outcome.missing] == missing


def test_the_modifier_s_stands_beside_any_category():
    outcome = apply_rules(
        RULES, {"screening_ct": True, "screening_finding": "none", "other_significant_finding": "yes"}
    )
    assert [rule.group for rule in outcome.leading] == ["Category", "Modifier"]


def test_a_ct_that_is_no_screening_is_refused():
    outcome = apply_rules(RULES, {**nodule("solid", "baseline", 7.0), "screening_ct": "no"})
    assert outcome.status == "refused"
    assert "not made for lung cancer screening" in outcome.reason


@pytest.mark.parametrize("texture", ["solid", "ground_glass", "part_solid"])
def test_what_the_rows_leave_out_is_what_the_note_says(texture):
    grid = fact_grid(RULES)
    names = {
        "solid": ["juxtapleural"],
        "ground_glass": [],
        "part_solid": ["solid_component_mm", "solid_component_state"],
    }
    fixed = {
        "screening_ct": (True,), "screening_finding": ("nodule",), "suspicious_features": (False,),
        "category_before": ("none",), "nodule_texture": (texture,),
    }  # fmt: skip
    whole = {**fixed, **{n: grid[n] for n in ("nodule_state", "mean_diameter_mm", *names[texture])}}
    for state in grid["nodule_state"]:
        report = check_coverage(
            RULES,
            "category",
            {**whole, "nodule_state": (state,)},
            counts=lambda f: f.get("solid_component_mm", 0) <= f["mean_diameter_mm"],
        )
        assert report.contradictory == ()
        for finding in report.uncovered:
            facts = finding.facts
            stable_and_large = state == "stable" and facts["mean_diameter_mm"] >= 6
            fast_non_solid = texture == "ground_glass" and state == "growing" and facts["mean_diameter_mm"] >= 30
            stable_solid_part = (
                texture == "part_solid" and state == "growing" and facts["solid_component_state"] == "stable"
            )
            assert stable_and_large or fast_non_solid or stable_solid_part, facts


def test_a_nodule_past_a_size_limit_is_not_stepped_down():
    """Size thresholds hold for nodules that reach a higher category, even without growth of more than 1.5 mm."""
    state = RULES.fact_by_name["nodule_state"]
    words = {word.value: word.title for word in state.words}
    assert "passed the size limit of a higher category" in state.question
    assert "past a size limit" in words["baseline"]
    assert "same size class" in words["stable"]
    assert category(**nodule("solid", "baseline", 8.2, category_before="3")) == "4A"
    assert category(**nodule("solid", "stable", 7.2, category_before="3")) == "2"
