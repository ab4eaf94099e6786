"""What a case base says, as rich text."""

import pytest

from MedDeepDiagnosisLib.casebase.records import CaseSummary, ImportReport, RowProblem


@pytest.fixture
def texts(slicer_host):
    from MedDeepDiagnosisLib.panels import case_base_text

    return case_base_text


def test_report_tells_counts_problems_and_notes(texts):
    problems = tuple(RowProblem(f"line {n}", "implausible", "size is <840>") for n in range(20))
    report = ImportReport(rows=25, new_cases=5, skipped_rows=20, new_values=9, problems=problems, notes=("unused: x",))
    text = texts.reportText(report)
    assert "<b>Stored.</b> New cases: 5" in text
    assert "rows left out: 20" in text
    assert text.count("size is &lt;840&gt;") == texts.SHOWN_PROBLEMS
    assert f"and {20 - texts.SHOWN_PROBLEMS} more" in text
    assert "Note: unused: x" in text


def test_a_trial_says_that_nothing_was_stored(texts):
    assert "nothing was stored" in texts.reportText(ImportReport(rows=1, new_cases=1, written=False))


def test_the_list_counts_patients_once(texts):
    cases = [CaseSummary(f"P/{n}", "P", "", ("toy",), 3, 3) for n in (1, 2)]
    assert texts.listText(cases) == "Cases: 2, patients: 1."
    assert "no cases yet" in texts.listText([])
