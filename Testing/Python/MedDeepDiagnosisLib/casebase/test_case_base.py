"""Rows in, rows out, and everything that was in between."""

import time
from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.casebase.case_base import rows_sha256
from MedDeepDiagnosisLib.casebase.records import CaseRecord, DeepFeature, ImportOptions, Origin, Value
from MedDeepDiagnosisLib.cases import table_from_rows
from MedDeepRegSegLib.errors import InputError

UPDATE = ImportOptions(on_conflict="update")


def test_rows_come_out_as_a_table_takes_them(filled, pathology):
    rows = filled.rows(pathology)
    assert [row["case"][-2:] for row in rows] == ["_1", "_2"], "the case without outcome cannot be learned from"
    table = table_from_rows(pathology, rows)
    assert table.select(["size", "edge"]).tolist() == [[12.0, 1.0], [25.0, 3.0]]
    assert table.target.tolist() == [0, 1]
    assert np.isnan(table.select(["ratio"])).all()
    assert len(set(table.patients)) == 1
    assert len(filled.rows(pathology, with_outcome=False)) == 3


def test_what_is_left_out_of_learning_is_said(filled, pathology):
    _, (note,) = filled.training_rows(pathology)
    assert note.startswith("1 case of the case base was left out")
    filled.import_rows([{"patient": "X", "case": "only outcome", "present": "1"}], pathology)
    rows, (note,) = filled.training_rows(pathology)
    assert len(rows) == 2
    assert note.startswith("2 cases of the case base were left out")


def test_a_case_is_found_by_its_own_name_and_by_that_of_the_source(filled, pathology):
    row = filled.row("Roe_1", pathology)
    assert row["size"] == 7.0
    assert row["present"] is None
    assert row["case"].startswith("P-")
    assert filled.row(row["case"], pathology) == row
    with pytest.raises(InputError, match="'Poe' is not in the case base"):
        filled.row("Poe", pathology)


def test_cases_of_one_number_are_told_apart(base, pathology):
    base.import_rows([{"patient": p, "case": "1", "size": s} for p, s in (("A", "3"), ("B", "4"))], pathology)
    with pytest.raises(InputError, match="'1' is not in the case base"):
        base.row("1", pathology)
    found = [base.row("A/1", pathology)["size"], base.row("B/1", pathology)["size"]]
    assert found == [3.0, 4.0]


def test_the_same_again_changes_nothing(filled, file, pathology, rows, contents):
    before = contents(file)
    report = filled.import_rows(rows, pathology)
    assert (report.new_cases, report.updated_cases, report.unchanged_cases) == (0, 0, 3)
    assert contents(file) == before


def test_empty_cells_change_nothing_and_new_ones_are_added(filled, pathology):
    report = filled.import_rows([{"patient": "Roe", "case": "Roe_1", "size": "", "edge": "2", "present": 1}], pathology)
    assert (report.updated_cases, report.new_values, report.changed_values) == (1, 2, 0)
    row = filled.row("Roe_1", pathology)
    assert (row["size"], row["edge"], row["present"]) == (7.0, 2.0, 1.0)


def test_conflicts_are_refused_skipped_or_new_versions(filled, file, pathology, contents):
    changed = [
        {"patient": "Doe", "case": "Doe_1", "size": "13", "edge": "1"},
        {"patient": "New", "case": "New_1", "size": "5"},
    ]
    before = contents(file)
    with pytest.raises(InputError, match=r"row 1: case P-\w+_1: size 12 mm is stored, here it is 13 mm"):
        filled.import_rows(changed, pathology)
    assert contents(file) == before
    report = filled.import_rows(changed, pathology, options=ImportOptions(on_conflict="skip"))
    assert (report.new_cases, report.skipped_rows, len(report.problems)) == (1, 1, 1)
    assert filled.row("Doe_1", pathology)["size"] == 12.0
    report = filled.import_rows(changed, pathology, source=Origin("table", "b.csv", "cd", "me"), options=UPDATE)
    assert (report.updated_cases, report.changed_values, report.skipped_rows) == (1, 1, 0)
    assert filled.row("Doe_1", pathology)["size"] == 13.0
    entries = [entry for entry in filled.history("Doe_1") if entry.name == "size"]
    assert [(e.version, e.value, e.current) for e in entries] == [(2, "13 mm", True), (1, "12 mm", False)]
    assert (entries[0].source, entries[0].sha256, entries[0].recorded_by) == ("table b.csv", "cd", "me")
    assert entries[0].software.startswith("MedDeep ")
    assert entries[0].recorded_at.endswith("+00:00")
    assert entries[1].how == "column 'Size (cm)' x 10"


def test_nothing_of_the_history_is_lost(filled, pathology):
    for size in (13, 14, 12, 15):
        filled.import_rows([{"patient": "Doe", "case": "Doe_1", "size": size}], pathology, options=UPDATE)
    entries = [entry for entry in filled.history("Doe_1") if entry.name == "size"]
    assert [entry.value for entry in entries] == ["15 mm", "12 mm", "14 mm", "13 mm", "12 mm"]
    assert [entry.current for entry in entries] == [True, False, False, False, False]


def test_a_case_of_another_patient_is_never_taken(filled, pathology, base):
    base.import_rows([{"patient": "A", "case": "C1", "size": "3"}], pathology)
    rows = [{"patient": "B", "case": "C1", "size": "3"}, {"patient": "B", "case": "C2", "size": "4"}]
    with pytest.raises(InputError, match=r"case C1 is stored for patient P-\w+, here it is one of P-"):
        base.import_rows(rows, pathology)
    report = base.import_rows(rows, pathology, options=UPDATE)
    assert (report.new_cases, report.skipped_rows) == (1, 1)


def test_implausible_rows_are_refused_or_left_out(base, file, pathology, rows):
    rows[1]["Size (cm)"] = "99"
    with pytest.raises(InputError, match=r"nothing was imported: 1 row cannot be taken. row 2: size is 990"):
        base.import_rows(rows, pathology)
    assert not file.exists()
    report = base.import_rows(rows, pathology, options=ImportOptions(on_implausible="skip"))
    assert (report.new_cases, report.skipped_rows) == (2, 1)
    assert report.problems[0].place == "row 2"


def test_all_problems_are_told_at_once(filled, pathology):
    rows = [{"patient": "Doe", "case": "Doe_1", "size": "13"}, {"patient": "X", "case": "Y", "size": "999"}]
    with pytest.raises(InputError, match=r"2 rows cannot be taken.*row 2: size is 999.*row 1: case P-"):
        filled.import_rows(rows, pathology)


def test_long_lists_of_problems_are_cut(base, pathology):
    rows = [{"patient": f"P{number}", "size": f"{900 + number}"} for number in range(50)]
    with pytest.raises(InputError, match="and 30 further problems"):
        base.import_rows(rows, pathology)


def test_what_many_rows_share_is_told_once(base, pathology):
    rows = [{"patient": f"P{number}", "edge": "Fuzzy"} for number in range(50)] + [{"patient": "Q", "size": "999"}]
    told = (
        r"51 rows cannot be taken. 50 rows \(row 1, row 2, row 3 and 47 more\): edge is 'Fuzzy'.*; row 51: size is 999"
    )
    with pytest.raises(InputError, match=told) as caught:
        base.import_rows(rows, pathology)
    assert str(caught.value).count("Fuzzy") == 1


def test_a_trial_says_whether_the_import_would_be_refused(filled, pathology, rows):
    bad, other = {"patient": "X", "size": "999"}, {"patient": "Doe", "case": "Doe_1", "size": "13"}
    for extra, options, option in (
        ([], {}, None),
        ([bad], {}, "--on-implausible skip"),
        ([other], {}, "--on-conflict skip"),
        ([bad, other], {}, "--on-implausible skip --on-conflict skip"),
        ([bad], {"on_implausible": "skip"}, None),
        ([other], {"on_conflict": "update"}, None),
    ):
        report = filled.import_rows([*rows, *extra], pathology, options=ImportOptions(trial=True, **options))
        if option is None:
            assert report.refusal == ""
            continue
        wrong, total = len(extra), len(rows) + len(extra)
        assert report.refusal.startswith(f"nothing would be imported, {wrong} of {total} rows cannot be taken")
        assert report.refusal.endswith(f"leave such rows out ({option})")
        with pytest.raises(InputError, match="nothing was imported"):
            filled.import_rows([*rows, *extra], pathology, options=ImportOptions(**options))


@pytest.mark.parametrize("keep", [True, False])
def test_a_patient_in_place_of_a_case_tells_the_patients_cases(base, pathology, rows, keep):
    base.import_rows(rows, pathology, options=ImportOptions(keep_names=keep))
    doe, roe = ([case.case for case in base.cases() if case.case.endswith(end)] for end in ("1", "2"))
    names = sorted(name for name in [*doe, *roe] if base.summary(name).patient == base.summary("Doe_1").patient)
    assert len(names) == 2
    with pytest.raises(InputError, match="it is a patient with 2 cases, name one: ") as caught:
        base.summary(" Doe ")
    assert str(caught.value).endswith(", ".join(names))
    stored = base.summary("Doe_1").patient
    with pytest.raises(InputError, match="it is a patient with 2 cases"):
        base.summary(stored)
    with pytest.raises(InputError, match="see its cases with 'meddeep cases list'"):
        base.summary("Poe")
    with pytest.raises(InputError, match="see its cases with 'meddeep cases list'"):
        base.summary("lidc 12x")


def test_a_trial_writes_nothing(base, file, pathology, rows, contents):
    trial = ImportOptions(trial=True)
    report = base.import_rows(rows, pathology, options=trial)
    assert (report.new_cases, report.written) == (3, False)
    assert list(file.parent.iterdir()) == []
    base.import_rows(rows, pathology)
    before = contents(file)
    rows[0]["Size (cm)"] = "1.3"
    report = base.import_rows([*rows, {"patient": "N", "Size (cm)": "1"}], pathology, options=trial)
    assert (report.new_cases, report.skipped_rows, len(report.problems)) == (1, 1, 1)
    assert contents(file) == before


def test_mappings_are_remembered_by_layout_and_have_versions(base, file, pathology, contents):
    from MedDeepDiagnosisLib.casebase.mapping import mapping_from_json

    rows = [{"ID": "A", "Diameter": "1.2"}]
    given = mapping_from_json({"patient": "ID", "size": {"column": "Diameter", "factor": 10}})
    base.import_rows(rows, pathology, mapping=given, layout="one")
    report = base.import_rows(rows, pathology, layout="one")
    assert report.mapping_from == "remembered"
    assert report.unchanged_cases == 1
    assert base.remembered_mapping("one", pathology) == given
    assert base.remembered_mapping("two", pathology) is None
    with pytest.raises(InputError, match="no column says whose"):
        base.import_rows(rows, pathology, layout="two")
    other = mapping_from_json({"patient": "ID", "size": "Diameter"})
    base.import_rows([{"ID": "B", "Diameter": "12"}], pathology, mapping=other, layout="one")
    assert base.remembered_mapping("one", pathology) == other
    assert [row[4:6] for row in contents(file)["mappings"]] == [(1, 0), (2, 1)]
    report = base.import_rows([{"patient": "C", "size": "2"}], pathology, layout="one")
    assert report.mapping_from == "suggested", "one that does not fit is not used"
    assert "does not fit any more" in report.notes[0]


def test_cases_of_two_pathologies_share_what_has_one_name(filled, pathology):
    other = replace(pathology, identifier="other")
    assert filled.rows(other) == []
    report = filled.import_rows([{"patient": "Doe", "case": "Doe_1", "edge": "1"}], other)
    assert (report.updated_cases, report.new_values) == (1, 0)
    assert filled.rows(other) == [filled.row("Doe_1", pathology)]
    in_cm = replace(other, features=(replace(other.features[0], units="cm"), *other.features[1:]))
    with pytest.raises(InputError, match="size is stored in mm, Toy lesion has it in cm"):
        filled.rows(in_cm)


def test_deep_features_keep_their_bits_and_versions(base, pathology):
    vector = np.random.default_rng(0).normal(size=96).astype(np.float32)
    record = CaseRecord(
        "row 1", "A", "A1", measurements=(Value("size", 3.0, "mm"),), deep_features=(DeepFeature("enc 1", vector),)
    )
    origin = Origin("program", "test")
    base.import_records([record], pathology, origin)
    (found,) = base.deep_features(pathology, "enc 1").values()
    assert found.dtype == np.float32
    assert np.array_equal(found, vector)
    assert base.deep_features(pathology, "enc 2") == {}
    assert base.import_records([record], pathology, origin).unchanged_cases == 1
    other = replace(record, deep_features=(DeepFeature("enc 1", vector + 1),))
    with pytest.raises(InputError, match="enc 1 a vector of 96 is stored"):
        base.import_records([other], pathology, origin)
    base.import_records([other], pathology, origin, options=UPDATE)
    (found,) = base.deep_features(pathology, "enc 1").values()
    assert np.array_equal(found, vector + 1)
    assert [e.version for e in base.history("A1") if e.what == "deep_features"] == [2, 1]


def test_a_memory_database_works_while_it_is_open(pathology, rows):
    with open_case_base("sqlite://") as base:
        base.import_rows(rows, pathology)
        assert len(base.rows(pathology)) == 2
        assert base.row("Doe_2", pathology)["size"] == 25.0


def test_what_was_learned_from_has_a_hash(filled, pathology):
    rows = filled.rows(pathology)
    assert rows_sha256(rows) == rows_sha256(filled.rows(pathology))
    assert rows_sha256(rows) != rows_sha256(rows[:1])


def test_thousands_of_cases(base, pathology):
    """As many as LIDC has readings; more than one query can name."""
    rows = [
        {
            "patient": f"P{number // 4}",
            "case": f"C{number}",
            "size": 1 + number % 100,
            "edge": 1 + number % 3,
            "present": number % 2,
        }
        for number in range(3000)
    ]
    start = time.perf_counter()
    assert base.import_rows(rows, pathology).new_cases == 3000
    assert base.import_rows(rows, pathology).unchanged_cases == 3000
    found = base.rows(pathology)
    assert time.perf_counter() - start < 30
    assert len(found) == 3000
    assert len({row["patient"] for row in found}) == 750
