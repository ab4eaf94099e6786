"""Values by kind, and grids as text."""

import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.records import ImportOptions, RowProblem, geometry_json, grouped, values_of


def test_values_go_where_they_belong(pathology):
    found = values_of(
        pathology, {"size": 12.0, "edge": 3.0, "ratio": float("nan"), "present": 1.0}, {"size": "by hand"}
    )
    assert [(v.name, v.value, v.units, v.how) for v in found["measurements"]] == [("size", 12.0, "mm", "by hand")]
    assert [(v.name, v.value) for v in found["findings"]] == [("edge", 3.0)]
    assert [(v.name, v.value) for v in found["outcomes"]] == [("present", 1.0)]


def test_equal_grids_have_equal_text():
    image = sitk.Image(3, 4, 5, sitk.sitkUInt8)
    same = sitk.Image(3, 4, 5, sitk.sitkFloat32)
    assert geometry_json(image) == geometry_json(same)
    same.SetSpacing((1, 1, 1.001))
    assert geometry_json(image) != geometry_json(same)


def test_what_is_refused():
    conflict, missing = RowProblem("line 2", "conflict", "x"), RowProblem("line 2", "missing", "y")
    assert conflict.text == "line 2: x"
    assert ImportOptions().refuses(conflict)
    assert ImportOptions().refuses(missing)
    assert not ImportOptions(on_conflict="update").refuses(conflict)
    assert not ImportOptions(on_implausible="skip").refuses(missing)
    assert ImportOptions(on_conflict="update").refuses(missing)


def test_problems_with_the_same_message_are_one_group():
    problems = [RowProblem(f"line {n}", "implausible", "a" if n % 2 else "b") for n in range(2, 8)]
    first, second = grouped([*problems, problems[0], RowProblem("line 9", "missing", "a")])
    assert first.text == "3 rows (line 2, line 4, line 6): b"
    assert second.text == "4 rows (line 3, line 5, line 7 and 1 more): a"
    (alone,) = grouped(problems[:1])
    assert alone.text == problems[0].text
