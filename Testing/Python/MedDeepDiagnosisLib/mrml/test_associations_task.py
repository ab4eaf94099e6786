"""Associations of a table of the scene, by the real job."""

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.mrml.tasks import AssociationsTask  # only where there is a scene
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.tasks import run_task


def test_table_node_gives_a_table_of_pairs_and_a_page(case_node, pathology_file, tmp_path):
    task = AssociationsTask(case_node, pathology=pathology_file, out=tmp_path / "out", resamples=50, permutations=99)
    made = run_task(task)
    assert made["report"].is_file()
    columns, rows = rows_from_table(made["table"])
    assert made["pairs"] >= 6
    pair = next(row for row in rows if {row["first"], row["second"]} == {"size", "present"})
    assert pair["q"] < 0.05, "the toy outcome depends on the size"
    assert any("Size" in told for told in made["strongest"])
    assert next(column for column in columns if column.key == "q").description


def test_a_table_and_a_case_base_are_too_much(case_node, tmp_path):
    with pytest.raises(InputError, match="a table and a case base are given"):
        run_task(AssociationsTask(case_node, db=tmp_path / "c.sqlite", out=tmp_path / "out"))
