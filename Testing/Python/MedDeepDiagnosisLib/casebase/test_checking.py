"""What is wrong with rows."""

from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.casebase.checking import check_rows, parse_cells
from MedDeepDiagnosisLib.casebase.mapping import mapping_from_json

MAPPING = mapping_from_json({name: name for name in ("patient", "case", "size", "edge", "present")})
WITHOUT_CASE = mapping_from_json({name: name for name in ("patient", "size")})


def check(pathology, *rows, mapping=MAPPING):
    return check_rows(rows, [f"row {number}" for number in range(1, len(rows) + 1)], mapping, pathology)


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ({"patient": "", "size": "3"}, "missing", "column 'patient' is empty"),
        ({"patient": "A", "size": "900"}, "implausible", "size is 900, expected 0.5 to 200 mm"),
        ({"patient": "A", "size": "large"}, "implausible", "size is 'large'"),
        ({"patient": "A", "edge": "4"}, "implausible", "edge is 4, expected one of"),
        ({"patient": "A", "present": "2"}, "implausible", "present is '2'"),
        ({"patient": "lidc 12x"}, "implausible", "not a LIDC-IDRI identifier"),
        ({"patient": "A" * 300}, "implausible", "more than 200 letters"),
    ],
)
def test_faults_are_told(pathology, row, kind, message):
    records, problems = check(pathology, row)
    assert records == []
    assert [problem.kind for problem in problems] == [kind]
    assert message in problems[0].message
    assert problems[0].place == "row 1"


def test_all_faults_of_a_row_are_told(pathology):
    _, problems = check(pathology, {"patient": "A", "size": "900", "edge": "9", "present": "9"})
    assert len(problems) == 3


def test_missing_values_are_no_faults_even_required_ones(pathology):
    (record,), problems = check(pathology, {"patient": "A", "size": "n/a", "edge": "unknown", "present": ""})
    assert problems == []
    assert record.measurements == record.findings == record.outcomes == ()


def test_values_that_no_shape_allows(pathology):
    ratio = replace(pathology.features[1], never_above="size", maximum=100)
    bounded = replace(pathology, features=(pathology.features[0], ratio, *pathology.features[2:]))
    numbers, wrong = parse_cells({"size": "5", "ratio": "50"}, bounded)
    assert numbers["size"] == 5
    assert "no shape allows" in wrong[0]


def test_rows_without_case_are_numbered_within_the_patient(pathology):
    rows = [{"patient": name, "size": "3"} for name in ("A", "B", "A", "A")]
    records, _ = check(pathology, *rows, mapping=WITHOUT_CASE)
    assert [record.case for record in records] == ["A", "B", "A/2", "A/3"]


def test_cases_that_are_only_numbered_within_the_patient(pathology):
    records, problems = check(
        pathology, {"patient": "A", "case": "1"}, {"patient": "A", "case": "2"}, {"patient": "B", "case": "1"}
    )
    assert problems == []
    assert [record.case for record in records] == ["A/1", "A/2", "B/1"]


def test_repeated_rows(pathology):
    row = {"patient": "A", "case": "1", "size": "3"}
    records, problems = check(pathology, row, dict(row), dict(row, size="4"))
    assert len(records) == 1
    (problem,) = problems
    assert (problem.place, problem.kind) == ("row 3", "conflict")
    assert "repeats case '1' of row 1 with other values" in problem.message


def test_a_patients_number_within_a_case_name_is_not_the_patients_name(pathology):
    rows = [{"patient": patient, "case": "11", "size": "3"} for patient in ("1", "2")]
    records, problems = check(pathology, *rows)
    assert problems == []
    assert [record.case for record in records] == ["1/11", "2/11"]
    assert [record.other_name for record in records] == ["11", "11"]


def test_one_patient_in_two_spellings_has_no_cases_numbered_within_patients(pathology):
    rows = [{"patient": patient, "case": case, "size": "3"} for patient, case in (("A", "x"), (" A", "y"), ("A ", "x"))]
    records, problems = check(pathology, *rows)
    assert problems == []
    assert [record.case for record in records] == ["x", "y"]
