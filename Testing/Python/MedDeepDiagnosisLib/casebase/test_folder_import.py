"""One folder for each patient: image, segmentation and table."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase import folder_import
from MedDeepDiagnosisLib.casebase.folder_import import find_patients, import_folder
from MedDeepDiagnosisLib.casebase.records import DeepFeature, ImportOptions
from MedDeepDiagnosisLib.measuring import measured_features
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment

LESION = Segment(1, "Lesion", (1.0, 0.0, 0.0))
LIVER = Segment(2, "Liver", (0.0, 1.0, 0.0))


@pytest.fixture
def measuring_pathology(pathology):
    """The toy lesion whose size is measured."""
    size = replace(pathology.features[0], measurement="equivalent_diameter_mm")
    return replace(pathology, features=(size, *pathology.features[1:]))


def ball(radius):
    zyx = np.indices((24, 24, 24)) - 12
    return sitk.GetImageFromArray((np.sqrt((zyx**2).sum(axis=0)) <= radius).astype(np.uint8))


def add_patient(folder, radius, table="", *, both=False, image=True):
    folder.mkdir(parents=True)
    labels = ball(radius)
    if both:
        labels[0, 0, 0] = 2
    write_segmentation(labels, (LESION, LIVER) if both else (LESION,), folder / "drawn.seg.nrrd")
    if image:
        sitk.WriteImage(sitk.Cast(ball(radius), sitk.sitkInt16) * 1040 - 1000, str(folder / "ct.nrrd"))
    if table:
        (folder / "findings.csv").write_text(table)


@pytest.fixture
def patients(tmp_path):
    folder = tmp_path / "patients"
    add_patient(folder / "Doe", 6, "Edge,Kind,present\nSharp,S,1\n")
    add_patient(folder / "Roe", 3, "Edge\tKind\tpresent\nBlurred\tNone\t0\n", image=False)
    return folder


def test_measured_and_rated_values_are_stored_with_references(base, patients, measuring_pathology):
    report = import_folder(base, patients, measuring_pathology, who="me")
    assert (report.rows, report.new_cases, report.skipped_rows) == (2, 2, 0)
    row = base.row("Doe", measuring_pathology)
    expected = measured_features(ball(6), LESION, measuring_pathology)["size"]
    assert row["size"] == pytest.approx(expected)
    assert expected == pytest.approx(12, rel=0.05)
    assert (row["edge"], row["kind"], row["present"]) == (1.0, 2.0, 1.0)
    (volume,) = base.references("Doe", "volumes")
    path = patients / "Doe" / "ct.nrrd"
    assert (volume["name"], volume["path"], volume["sha256"]) == ("ct.nrrd", str(path), file_sha256(path))
    assert volume["modality"] == "CT"
    (segment,) = base.references("Doe", "segments")
    assert (segment["name"], segment["label"], segment["volume"]) == ("Lesion", 1, "ct.nrrd")
    assert base.references("Roe", "volumes") == ()
    (entry,) = [entry for entry in base.history("Doe") if entry.name == "size"]
    assert (entry.how, entry.source, entry.recorded_by) == ("measured on segment 'Lesion'", "folder patients", "me")
    assert base.summary("Doe").patient.startswith("P-")


def test_import_twice_changes_nothing(base, file, patients, measuring_pathology, contents):
    import_folder(base, patients, measuring_pathology)
    before = contents(file)
    assert import_folder(base, patients, measuring_pathology).unchanged_cases == 2
    assert contents(file) == before


def test_a_segment_that_was_redrawn_is_a_conflict_or_a_new_version(base, patients, measuring_pathology):
    import_folder(base, patients, measuring_pathology)
    write_segmentation(ball(7), (LESION,), patients / "Doe" / "drawn.seg.nrrd")
    with pytest.raises(InputError, match=r"Doe: case P-.*: size 12"):
        import_folder(base, patients, measuring_pathology)
    report = import_folder(base, patients, measuring_pathology, options=ImportOptions(on_conflict="update"))
    assert (report.updated_cases, report.unchanged_cases) == (1, 1)
    sizes = [entry.value for entry in base.history("Doe") if entry.name == "size"]
    assert len(sizes) == 2
    assert float(sizes[0].split()[0]) > float(sizes[1].split()[0])


def test_the_table_goes_before_the_measurement_and_differences_are_told(base, tmp_path, measuring_pathology):
    add_patient(tmp_path / "p" / "Doe", 6, "Size (cm),present,subject,case\n3,1,Jane,C7\n")
    report = import_folder(base, tmp_path / "p", measuring_pathology)
    assert base.row("C7", measuring_pathology)["size"] == 30.0
    assert any("size is 30 in the table and 12" in note for note in report.notes)


def test_the_finding_among_several_segments(base, tmp_path, measuring_pathology):
    add_patient(tmp_path / "p" / "Doe", 6, both=True)
    with pytest.raises(InputError, match=r"Doe: segmentation drawn\.seg\.nrrd has 2 segments"):
        import_folder(base, tmp_path / "p", measuring_pathology)
    report = import_folder(base, tmp_path / "p", measuring_pathology, segment="Lesion")
    assert report.new_cases == 1
    assert base.row("Doe", measuring_pathology)["size"] == pytest.approx(12, rel=0.05)


def test_faulty_folders_are_refused_or_left_out(base, file, patients, measuring_pathology):
    (patients / "Empty").mkdir()
    add_patient(patients / "Far", 4)
    far = ball(4)
    far.SetOrigin((500.0, 0.0, 0.0))
    write_segmentation(far, (LESION,), patients / "Far" / "drawn.seg.nrrd")
    add_patient(patients / "Rated", 4, "edge\n9\n")
    add_patient(patients / "Two", 4, "edge\n1\n2\n")
    with pytest.raises(InputError, match="nothing was imported: 4 rows cannot be taken"):
        import_folder(base, patients, measuring_pathology)
    assert not file.exists()
    report = import_folder(base, patients, measuring_pathology, options=ImportOptions(on_implausible="skip"))
    assert (report.new_cases, report.skipped_rows) == (2, 4)
    told = {problem.place: problem.message for problem in report.problems}
    assert "neither segmentation nor table" in told["Empty"]
    assert "outside the image" in told["Far"]
    assert "edge is 9" in told["Rated"]
    assert "has 2 rows" in told["Two"]


def test_what_lies_in_a_folder(tmp_path):
    folder = tmp_path / "Doe"
    for name in ("t1.nii.gz", "t1_seg.nii.gz", "row.xlsx", "notes.pdf"):
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    (found,), problems = find_patients(tmp_path)
    assert problems == []
    assert (found.image.name, found.segmentation.name, found.table.name) == ("t1.nii.gz", "t1_seg.nii.gz", "row.xlsx")
    (folder / "segment of the brain.nrrd").touch()
    _, problems = find_patients(tmp_path)
    assert "2 images (segment of the brain.nrrd, t1.nii.gz)" in problems[0].message, "a segment is not a segmentation"
    for name in ("segment of the brain.nrrd", "t1.nii.gz"):
        (folder / name).unlink()
    (folder / "dicom").mkdir()
    (found,), _ = find_patients(tmp_path)
    assert found.image.name == "dicom"


def test_folders_without_patients_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no folders"):
        find_patients(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        find_patients(tmp_path / "absent")


def test_features_are_stored_where_asked(base, patients, measuring_pathology, monkeypatch):
    from MedDeepDiagnosisLib.casebase import lesion_features

    def made_up(image, labels, segment, **options):
        return DeepFeature("made up", np.arange(4, dtype=np.float32))

    monkeypatch.setattr(lesion_features, "lesion_features", made_up)
    import_folder(base, patients, measuring_pathology, features=True)
    found = base.deep_features(measuring_pathology, "made up")
    assert list(found) == [base.summary("Doe").case], "Roe has no image"


def test_cancel_stores_nothing(base, file, patients, measuring_pathology):
    token = CancelToken()
    with pytest.raises(Canceled):
        import_folder(base, patients, measuring_pathology, progress=lambda fraction, text: token.cancel(), cancel=token)
    assert not file.exists()
    assert folder_import.find_patients(patients)[1] == []


def test_cases_that_are_numbered_within_each_patient(base, tmp_path, measuring_pathology):
    for name in ("Doe", "Roe"):
        add_patient(tmp_path / "both" / name, 6, "case,Edge\n1,Sharp\n", image=False)
    assert import_folder(base, tmp_path / "both", measuring_pathology).new_cases == 2
    assert [case.case.partition("/")[2] for case in base.cases()] == ["1", "1"]


def test_one_case_in_two_folders_is_told(base, tmp_path, measuring_pathology):
    for number, name in enumerate(("a", "b")):
        add_patient(tmp_path / "both" / name, 4 + number, "patient,case,Edge\nDoe,1,Sharp\n", image=False)
    with pytest.raises(InputError, match="b: repeats case '1' of a with other values"):
        import_folder(base, tmp_path / "both", measuring_pathology)
