"""What fit and diagnose read."""

import numpy as np
import pytest

from MedDeepDiagnosisLib import diagnose_job, fit_job
from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.casebase.doors import LESION_NOTE, case_row, training_rows
from MedDeepDiagnosisLib.casebase.records import CaseRecord, DeepFeature, Origin, Value
from MedDeepDiagnosisLib.models.model_folder import write_model
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import to_json


def test_a_row_is_text_and_zero_is_a_value(base, file, pathology):
    base.import_rows([{"patient": "A", "case": "A", "size": 12, "ratio": 0}], pathology)
    row = case_row(str(file), "A", pathology)
    assert (row["size"], row["ratio"], row["edge"], row["present"]) == ("12.0", "0.0", "", "")


def test_rows_to_learn_from(filled, file, pathology):
    found = training_rows(str(file), pathology)
    assert len(found.rows) == 2
    assert len(found.sha256) == 64
    assert "1 case of the case base was left out" in found.notes[0]


def test_nothing_to_learn_from(base, file, pathology):
    base.import_rows([{"patient": "A", "size": 12}], pathology)
    with pytest.raises(InputError, match="no cases of toy to learn from"):
        training_rows(str(file), pathology)


def test_fit_learns_the_same_from_the_case_base_as_from_the_table(file, pathology, toy_table):
    rows = [
        {
            "patient": patient,
            "case": case,
            "present": outcome,
            **dict(zip(toy_table.names, map(str, values), strict=True)),
        }
        for patient, case, outcome, values in zip(
            toy_table.patients, toy_table.cases, toy_table.target, toy_table.values, strict=True
        )
    ]
    with open_case_base(file) as base:
        base.import_rows(rows, pathology)
    stored = training_rows(str(file), pathology)
    table, notes = fit_job.read_training_table(None, pathology, stored=stored)
    assert len(table) == len(toy_table)
    assert sorted(table.select(["size"])[:, 0]) == sorted(toy_table.select(["size"])[:, 0])
    assert len(set(table.patients)) == len(set(toy_table.patients))
    assert notes == ()


def test_features_of_the_image_come_along_where_they_are_wanted(base, file, pathology):
    source = Origin("made up", "0" * 64)
    records = []
    for number, model in enumerate(("old encoder", "encoder", "encoder", "")):
        deep = (DeepFeature(model, np.full(3, number, np.float32)),) if model else ()
        values = (Value("size", 3.0 + number, "mm"),)
        outcome = (Value("present", float(number % 2), ""),)
        records.append(
            CaseRecord(f"row {number}", f"P{number}", "a", measurements=values, outcomes=outcome, deep_features=deep)
        )
    base.import_records(records, pathology, source)
    assert not any(name.startswith("lesion_") for row in training_rows(str(file), pathology).rows for name in row)
    found = training_rows(str(file), pathology, lesion=True)
    assert found.notes[-2:] == (f"{LESION_NOTE}encoder", "2 of 4 cases have features of the lesion's image.")
    table, notes = fit_job.read_training_table(None, pathology, stored=found)
    assert table.lesion.shape == (4, 3)
    assert sorted(np.nan_to_num(table.lesion[:, 0], nan=-1)) == [-1, -1, 1, 2]  # another encoder's do not compare
    assert f"{LESION_NOTE}encoder" in notes


def test_without_features_of_the_image_a_note_says_so(filled, file, pathology):
    found = training_rows(str(file), pathology, lesion=True)
    assert "no features of the lesion's image" in found.notes[-1]


def test_patients_who_are_kept_back_are_known_in_a_case_base(base, file, pathology):
    base.import_rows([{"patient": "lidc-idri-900", "case": "x", "size": 3, "present": 1}], pathology)
    with pytest.raises(InputError, match="the case base holds patient LIDC-IDRI-0900, who is kept back"):
        fit_job.read_training_table(None, pathology, stored=training_rows(str(file), pathology))


def test_fit_needs_something_to_learn_from(pathology, tmp_path):
    write_json(tmp_path / "toy.json", to_json(pathology))
    with pytest.raises(InputError, match="nothing to learn from"):
        fit_job.run(fit_job.Request(str(tmp_path / "toy.json"), None, tmp_path / "model"))


def test_diagnose_reads_its_case(filled, file, pathology, toy_model, tmp_path):
    write_model(toy_model, "card", tmp_path / "model")
    request = diagnose_job.Request(tmp_path / "model", None, tmp_path / "out", db=str(file), case="Doe_2")
    stored = diagnose_job.run(request)
    (tmp_path / "row.csv").write_text("case,size,edge,kind\nDoe_2,25,Blurred,Solid\n")
    given = diagnose_job.run(diagnose_job.Request(tmp_path / "model", tmp_path / "row.csv", tmp_path / "out2"))
    assert stored.probability == given.probability
    assert not any("are no features" in line for line in stored.summary)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"db": "x"}, "needs both"), ({"db": "x", "case": "y", "table": True}, "expected one of them")],
)
def test_sources_that_do_not_go_together(toy_model, tmp_path, changes, message):
    write_model(toy_model, "card", tmp_path / "model")
    table = tmp_path / "row.csv" if changes.pop("table", False) else None
    with pytest.raises(InputError, match=message):
        diagnose_job.run(diagnose_job.Request(tmp_path / "model", table, tmp_path / "out", **changes))
