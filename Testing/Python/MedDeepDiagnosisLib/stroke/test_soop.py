"""The table of the SOOP data: on a folder made for the test, and on the data where they are at hand."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.cases import read_rows, table_from_rows
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.stroke.soop import read_participants, soop_table, write_soop_table
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

HEADER = "participant_id\tsex\tage\trace\tacuteischaemicstroke\tpriorstroke\tbmi\tnihss\tgs_rankin_6isdeath\n"
LINES = (
    "sub-2\tM\t78.0\tw\t1.0\t0.0\t22.84\t17.0\tn/a\n"
    "sub-10\tF\t89+\tn/a\t1.0\t1.0\tn/a\t3.0\t4.0\n"
    "sub-3\tF\t50\tb\t1.0\t0.0\t30\t0.0\t2.0\n"
    "sub-4\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\n"
    "sub-5\tM\t60\tw\t1.0\t0.0\t25\tn/a\tn/a\n"
    "sub-9\tF\t16\tw\t1.0\t0.0\t25\t4.0\t1.0\n"
    "sub-6\tM\t61\tw\t1.0\t0.0\t25\t4.0\t1.0\n"
    "sub-7\tM\t62\tw\t1.0\t0.0\t25\t4.0\t1.0\n"
)


@pytest.fixture
def folder(tmp_path, atlas):
    """Lesions of all but patient 6; that of patient 7 is empty, and that of patient 8 belongs to nobody."""
    (tmp_path / "participants.tsv").write_text(HEADER + LINES)
    (tmp_path / "NIfTI").mkdir()
    labels = sitk.GetArrayFromImage(atlas)
    for number, label in ((2, 7), (10, 1), (3, 2), (4, 3), (5, 4), (7, 99), (8, 5), (9, 6)):
        image = sitk.GetImageFromArray((labels == label).astype(np.uint8))
        image.CopyInformation(atlas)
        sitk.WriteImage(image, str(tmp_path / "NIfTI" / f"bwsrsub-{number}_lesion.nii.gz"))
    sitk.WriteImage(atlas, str(tmp_path / "ArterialAtlas136.nii.gz"))
    return tmp_path


def test_rows_reasons_and_notes(folder):
    table = soop_table(folder)
    assert [row["case"] for row in table.rows] == ["sub-2", "sub-3", "sub-10"]
    first, second, third = table.rows
    assert (first["age"], first["sex"], first["prior_stroke"], first["bmi"]) == (78.0, "male", "no", 22.84)
    assert (first["nihss"], first["rankin"], first["rankin_above_2"]) == (17.0, None, None)
    assert (second["rankin"], second["rankin_above_2"]) == (2.0, 0.0)
    assert (third["age"], third["bmi"], third["prior_stroke"]) == (89.0, None, "yes")
    assert (third["rankin"], third["rankin_above_2"]) == (4.0, 1.0)
    assert first["left_percent"] == 100
    assert second["left_percent"] == 0
    reasons = {case.case: case.reason for case in table.left_out}
    assert reasons.pop("sub-7").startswith("the lesion cannot be measured: the lesion mask is empty")
    assert reasons == {
        "sub-4": "age or sex is missing",
        "sub-5": "NIHSS and Rankin are missing",
        "sub-6": "no lesion mask",
        "sub-8": "no line in participants.tsv",
        "sub-9": "younger than 18 years",
    }
    assert table.notes[0] == "3 patients have a lesion mask and NIHSS or Rankin; 2 have a Rankin scale at discharge."
    assert "1 case was left out: no lesion mask." in table.notes
    assert table.notes[-1].startswith("Patients of 89 years or more, 1 of them")


def test_the_written_table_is_one_to_learn_from(folder, tmp_path):
    table = soop_table(folder)
    path = tmp_path / "soop.csv"
    write_soop_table(table, path)
    stroke = load_pathology("acute_stroke")
    cases = table_from_rows(stroke.for_target("rankin_above_2"), read_rows(path))
    assert cases.target.tolist() == [0.0, 1.0]
    assert cases.patients.tolist() == ["sub-3", "sub-10"]
    severity = table_from_rows(stroke.for_target("nihss"), read_rows(path))
    assert severity.target.tolist() == [17.0, 0.0, 3.0]
    column = severity.names.index("lesion_volume_ml")
    assert severity.values[0, column] == pytest.approx(table.rows[0]["lesion_volume_ml"], rel=1e-8)
    assert np.isnan(severity.values[2, severity.names.index("bmi")])


def test_the_layout_of_the_repository_is_known_too(folder):
    (folder / "Scripts").mkdir()
    (folder / "participants.tsv").rename(folder / "Scripts" / "participants.tsv")
    (folder / "ArterialAtlas136.nii.gz").rename(folder / "NIfTI" / "ArterialAtlas136.nii.gz")
    assert len(soop_table(folder).rows) == 3


def test_cancel_and_missing_files(folder, tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        soop_table(folder, cancel=token)
    with pytest.raises(InputError, match=r"has no file participants\.tsv"):
        soop_table(tmp_path / "NIfTI")
    (folder / "ArterialAtlas136.nii.gz").unlink()
    with pytest.raises(InputError, match="has no file ArterialAtlas136"):
        soop_table(folder)


def test_no_lesion_and_nobody_to_learn_from_are_told(folder):
    (folder / "participants.tsv").write_text(HEADER + "sub-4\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\n")
    with pytest.raises(InputError, match="no patient with a lesion mask"):
        soop_table(folder)
    for path in (folder / "NIfTI").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="has no lesion mask"):
        soop_table(folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sub-1\tX\t78\tw\t1\t0\t22\t1\t1\n", "line 2: sex is 'X', expected one of M, F or n/a"),
        ("sub-1\tM\told\tw\t1\t0\t22\t1\t1\n", "line 2: age is 'old', expected a number or n/a"),
        ("sub-1\tM\t78\tw\t1\t0\t22\t1\t1\n" * 2, "line 3: participant 'sub-1' is empty or there twice"),
        ("", "has no column 'participant_id'"),
    ],
)
def test_bad_participants_are_refused(tmp_path, line, message):
    path = tmp_path / "participants.tsv"
    path.write_text(HEADER + line)
    with pytest.raises(InputError, match=message):
        read_participants(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_participants(tmp_path / "absent.tsv")


def test_the_participants_of_the_data(shared_data):
    path = shared_data / "13_soop_stroke_image_tabular" / "participants.tsv"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    people = read_participants(path)
    with path.open(newline="") as file:
        assert len(people) == len(list(csv.DictReader(file, delimiter="\t")))
    assert sum(person["nihss"] is not None for person in people.values()) == 778
    assert {person["rankin"] for person in people.values()} == {None, 0, 1, 2, 3, 4, 5, 6}
    assert max(person["age"] for person in people.values() if person["age"]) == 89
