"""Cells that a spreadsheet would run."""

import pytest

from MedDeepDiagnosisLib.spreadsheet import guarded, unguarded


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-A1", "@SUM(A1)", "\t=1", "'=1", "''@x"])
def test_formulas_are_guarded_and_read_back(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "margin", "-1.5", "+2e3", "-inf", "'tis", "a=b", "P-U5FPPOV2LNMM/1"])
def test_other_texts_and_numbers_are_as_they_were(text):
    assert guarded(text) == text == unguarded(text)
