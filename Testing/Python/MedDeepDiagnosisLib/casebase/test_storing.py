"""Which mapping is chosen, and how refusals read."""

from MedDeepDiagnosisLib.casebase.mapping import mapping_from_json
from MedDeepDiagnosisLib.casebase.records import RowProblem
from MedDeepDiagnosisLib.casebase.storing import choose_mapping, refusal

GIVEN = mapping_from_json({"patient": "ID", "size": "Size"})
STORED = mapping_from_json({"patient": "ID", "ratio": "Size"})


def test_given_goes_before_remembered_before_suggested(pathology):
    header = ("ID", "Size")
    assert choose_mapping(GIVEN, STORED, pathology, header, [])[:2] == (GIVEN, "given")
    assert choose_mapping(None, STORED, pathology, header, [])[:2] == (STORED, "remembered")
    mapping, how, _ = choose_mapping(None, None, pathology, header, [])
    assert how == "suggested"
    assert set(mapping.columns) == {"size"}


def test_a_remembered_mapping_that_does_not_fit_is_told(pathology):
    _, how, notes = choose_mapping(None, STORED, pathology, ("patient", "size"), [])
    assert how == "suggested"
    assert "'ID', which the table lacks" in notes[0]


def test_refusals_count_rows_and_list_problems():
    problems = [RowProblem("line 2", "implausible", "a"), RowProblem("line 2", "conflict", "b")]
    text = refusal(problems)
    assert text.startswith("nothing was imported: 1 row cannot be taken. line 2: a; line 2: b. ")
    assert "\n" not in text
