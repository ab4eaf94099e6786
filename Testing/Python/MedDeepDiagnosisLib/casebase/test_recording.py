"""What is written into the tables."""

from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.casebase.recording import user_name
from MedDeepDiagnosisLib.casebase.records import (
    CaseRecord,
    ImportOptions,
    Origin,
    SegmentReference,
    Value,
    VolumeReference,
)
from MedDeepRegSegLib.errors import InputError

VOLUME = VolumeReference("ct.nrrd", "/data/ct.nrrd", "ab", "CT", "{}")
SEGMENT = SegmentReference("Lesion", "id", 1, "", "ct.nrrd", "/data/seg.nrrd", "cd")
RECORD = CaseRecord(
    "row 1", "A", "A1", "scan 1", measurements=(Value("size", 3.0, "mm"),), volumes=(VOLUME,), segments=(SEGMENT,)
)
ORIGIN = Origin("folder", "patients", "ef", "me")
UPDATE = ImportOptions(on_conflict="update")


@pytest.fixture
def stored(base, pathology):
    base.import_records([RECORD, replace(RECORD, place="row 2", case="A2")], pathology, ORIGIN)
    return base


def test_cases_of_one_study_share_its_volume(stored, file, contents):
    tables = contents(file)
    assert [len(tables[name]) for name in ("patients", "studies", "cases", "volumes", "segments")] == [1, 1, 2, 1, 2]
    assert [len(tables[name]) for name in ("sources", "measurements")] == [1, 2]
    assert stored.references("A1", "volumes") == stored.references("A2", "volumes")
    (volume,) = stored.references("A1", "volumes")
    assert (volume["path"], volume["sha256"], volume["modality"]) == ("/data/ct.nrrd", "ab", "CT")
    (segment,) = stored.references("A2", "segments")
    assert (segment["name"], segment["label"], segment["volume"]) == ("Lesion", 1, "ct.nrrd")


def test_a_file_that_was_moved_is_a_new_version_and_no_conflict(stored, pathology):
    moved = replace(RECORD, volumes=(replace(VOLUME, path="/new/ct.nrrd"),))
    report = stored.import_records([moved], pathology, ORIGIN)
    assert (report.updated_cases, report.changed_values) == (1, 1)
    entries = [entry for entry in stored.history("A1") if entry.what == "volumes"]
    assert [(entry.value, entry.current) for entry in entries] == [("/new/ct.nrrd", True), ("/data/ct.nrrd", False)]


def test_another_file_is_a_conflict(stored, pathology):
    other = replace(RECORD, volumes=(replace(VOLUME, sha256="99"),))
    with pytest.raises(InputError, match=r"ct\.nrrd file ab is stored, here it is file 99"):
        stored.import_records([other], pathology, ORIGIN)
    assert stored.import_records([other], pathology, ORIGIN, options=UPDATE).changed_values == 1


def test_another_study_is_a_conflict_and_none_is_not(stored, pathology):
    with pytest.raises(InputError, match="is stored in study scan 1, here it is in scan 2"):
        stored.import_records([replace(RECORD, study="scan 2")], pathology, ORIGIN)
    assert stored.import_records([replace(RECORD, study="", volumes=())], pathology, ORIGIN).unchanged_cases == 1


def test_studies_of_one_name_belong_to_their_patients(stored, pathology):
    stored.import_records([replace(RECORD, patient="B", case="B1")], pathology, ORIGIN)
    assert [case.study for case in stored.cases()] == ["scan 1"] * 3
    assert len({case.patient for case in stored.cases()}) == 2


def test_units_that_change_are_a_conflict(stored, pathology):
    other = replace(RECORD, measurements=(Value("size", 3.0, "cm"),))
    with pytest.raises(InputError, match="size 3 mm is stored, here it is 3 cm"):
        stored.import_records([other], pathology, ORIGIN)


def test_names_in_paths_are_pointed_out(base, pathology):
    named = replace(RECORD, patient="Jane Doe", segments=(replace(SEGMENT, path="/data/jane doe/seg.nrrd"),))
    (note,) = base.import_records([named], pathology, ORIGIN).notes
    assert note.startswith("the paths of files of 1 patient hold their names and are stored")
    other = replace(named, patient="Roe", case="R1")
    assert base.import_records([other], pathology, ORIGIN).notes == ()


def test_how_a_value_was_found_is_no_conflict(stored, pathology):
    other = replace(RECORD, measurements=(Value("size", 3.0, "mm", "by hand"),))
    assert stored.import_records([other], pathology, ORIGIN).unchanged_cases == 1


def test_who_is_the_user_unless_said(base, pathology, monkeypatch):
    base.import_records([RECORD], pathology, Origin("program", "x"))
    assert base.history("A1")[0].recorded_by == user_name()
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("no such user")))
    assert user_name() == "unknown"


def test_two_volumes_of_one_name_in_a_study_are_never_taken_for_one(base, pathology):
    other = replace(RECORD, place="row 2", case="A2", volumes=(replace(VOLUME, sha256="99"),))
    with pytest.raises(
        InputError, match=r"row 2: case A2: ct\.nrrd is another file in another case of the study scan 1"
    ):
        base.import_records([RECORD, other], pathology, ORIGIN)
    report = base.import_records([RECORD, other], pathology, ORIGIN, options=UPDATE)
    assert (report.new_cases, [problem.place for problem in report.problems]) == (1, ["row 2"])


def test_a_case_is_found_with_or_without_its_patients_name(base, pathology):
    first, second = replace(RECORD, case="1"), replace(RECORD, place="row 2", patient="B", case="1")
    base.import_records([first, second], pathology, ORIGIN)
    assert base.import_records([first], pathology, ORIGIN).unchanged_cases == 1
    base.import_records([replace(RECORD, patient="C", case="7")], pathology, ORIGIN)
    more = [replace(RECORD, patient=name, place=f"row {name}", case="7") for name in ("C", "D")]
    report = base.import_records(more, pathology, ORIGIN)
    assert (report.new_cases, report.unchanged_cases) == (1, 1)
    assert len(base.cases()) == 4


def test_names_of_files_and_segments_do_not_give_the_patient_away(base, file, pathology):
    named = replace(
        RECORD,
        patient="Doe",
        case="Doe 1",
        measurements=(Value("size", 3.0, "mm", "column 'size' of Doe.csv"),),
        volumes=(replace(VOLUME, name="doe_ct.nrrd"),),
        segments=(replace(SEGMENT, name="Lesion of Doe", volume="doe_ct.nrrd"),),
    )
    origin = replace(ORIGIN, name="Doe.xlsx")
    base.import_records([named], pathology, origin)
    assert base.import_records([named], pathology, origin).unchanged_cases == 1
    everything = b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*") if part.suffix != ".key")
    assert b"doe" not in everything.lower()
    (volume,) = base.references("Doe 1", "volumes")
    (segment,) = base.references("Doe 1", "segments")
    assert segment["volume"] == volume["name"] == f"{base.summary('Doe 1').patient}_ct.nrrd"
