from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.checks.facts import gather
from MedDeepRegSegLib.datasets.checks.outliers import robust_scores
from MedDeepRegSegLib.datasets.checks.patients import check as check_patients
from MedDeepRegSegLib.datasets.checks.run import check_dataset
from MedDeepRegSegLib.datasets.checks.sides import partners
from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def boxes(write_case):
    """Function that makes a dataset of cases of one box each; keywords of each case go to ``write_case``."""

    def make(*options):
        cases = []
        for number, option in enumerate(options):
            image, labels = write_case(f"{number}.nii.gz", f"{number}_l.nii.gz", **{"seed": number, **option})
            cases.append(Case(name=f"c{number}", patient=f"p{number}", images=(image,), labels=labels))
        return Dataset(name="d", channels=("MR",), classes=(named_segment(1, "box"),), cases=tuple(cases))

    return make


def found(checked, severity=None):
    return {(row.case, row.check) for row in checked.findings if severity in (None, row.severity)}


def rewrite(path, change):
    sitk.WriteImage(change(sitk.ReadImage(str(path))), str(path))


def test_sound_cases_are_quiet_and_stay(boxes):
    dataset = boxes(*[{}] * 6)
    checked = check_dataset(dataset)
    assert checked.findings == ()
    assert checked.dataset == dataset
    assert all(fact.present == {1} for fact in checked.facts)


def test_phantoms_are_quiet(phantom_dataset):
    assert check_dataset(read_dataset(phantom_dataset)).findings == ()


def test_unreadable_files_are_left_out_with_the_reason(boxes):
    dataset = boxes({}, {}, {}, {})
    paths = [case.images[0] for case in dataset.cases]
    paths[0].write_bytes(paths[0].read_bytes()[:200])
    array = np.full((14, 12, 10), 1, np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, 2
    paths[1] = paths[1].with_name("nan.nrrd")  # NIfTI is read with zeros instead
    sitk.WriteImage(sitk.GetImageFromArray(array), str(paths[1]))
    second = replace(dataset.cases[1], images=(paths[1],))
    dataset = replace(dataset, cases=(dataset.cases[0], second, *dataset.cases[2:]))
    rewrite(paths[2], lambda image: sitk.JoinSeries([image, image + 1]))
    checked = check_dataset(dataset)
    errors = found(checked, "error")
    assert ("c0", "unreadable") in errors
    assert ("c1", "voxels not finite") in errors
    assert ("c2", "several volumes in a file") in errors
    assert len(errors) == 3
    assert [case.left_out[:10] for case in checked.dataset.cases] == ["unreadable", "voxels not", "several vo", ""]
    assert all(row.what and row.todo for row in checked.findings)


def test_labels_beside_the_image_and_on_another_grid(boxes):
    dataset = boxes({}, {}, {}, {})

    def thicker(labels):
        labels.SetSpacing((1.0, 1.0, 2.5))
        return labels

    rewrite(dataset.cases[3].labels, thicker)

    def away(labels):
        labels.SetOrigin((500.0, 0.0, 0.0))
        return labels

    rewrite(dataset.cases[0].labels, away)
    rewrite(dataset.cases[1].labels, lambda labels: sitk.Expand(labels, [2, 2, 1], sitk.sitkNearestNeighbor))
    rewrite(dataset.cases[2].labels, lambda labels: labels[1:8, 2:10, 1:9])  # as Slicer crops them
    checked = check_dataset(dataset)
    assert ("c0", "geometry") in found(checked, "error")
    assert ("c1", "geometry") in found(checked, "warning")
    assert [fact.grid for fact in checked.facts] == ["misplaced", "other", "cropped", "misplaced"]
    assert ("c3", "geometry") in found(checked, "error")
    assert not any(case == "c2" for case, _ in found(checked))


def test_empty_and_tiny_labels(boxes):
    dataset = boxes({}, {}, {}, {"empty": True}, {"box": 2})
    checked = check_dataset(dataset)
    assert found(checked, "error") == {("c3", "empty labels")}
    assert found(checked, "warning") == {("c4", "tiny label")}
    kept = check_dataset(dataset, keep_empty=True)
    assert found(kept, "error") == set()
    assert ("c3", "empty labels") in found(kept, "note")
    assert kept.dataset.cases[3].left_out == ""


def test_values_without_class(boxes):
    dataset = boxes({}, {"value": 4}, {"value": 4})
    dropped = replace(dataset.cases[2], values=((1, 1),))
    checked = check_dataset(replace(dataset, cases=(*dataset.cases[:2], dropped)))
    assert ("c1", "value without class") in found(checked, "error")
    assert ("c2", "value without class") in found(checked, "warning")


def test_duplicates_by_file_and_by_voxels(boxes):
    dataset = boxes({}, {}, {"seed": 7})
    copied, other = dataset.cases[1].images[0], dataset.cases[2].images[0].with_suffix("").with_suffix(".nrrd")
    copied.write_bytes(dataset.cases[0].images[0].read_bytes())
    sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(copied)), sitk.sitkFloat32), str(other))
    dataset = replace(dataset, cases=(*dataset.cases[:2], replace(dataset.cases[2], images=(other,))))
    checked = check_dataset(dataset)
    rows = {row.case: row.what for row in checked.findings if row.check == "duplicate"}
    assert rows.keys() == {"c1", "c2"}
    assert "same file" in rows["c1"]
    assert "same voxels in another file" in rows["c2"]
    assert [bool(case.left_out) for case in checked.dataset.cases] == [False, True, True]


def test_outliers_of_spacing_size_and_intensity(boxes):
    dataset = boxes(*[{}] * 7, {"spacing": (1.0, 1.0, 9.0)}, {"size": (30, 12, 14)})
    rewrite(dataset.cases[0].images[0], lambda image: sitk.Cast(image, sitk.sitkInt32) * 40)
    checked = check_dataset(dataset)
    assert ("c7", "unusual spacing") in found(checked, "warning")
    assert ("c8", "unusual size") in found(checked, "warning")
    assert ("c0", "unusual intensity") in found(checked, "note")
    assert {case for case, _ in found(checked)} == {"c0", "c7", "c8"}


def test_few_cases_have_no_outliers(boxes):
    assert check_dataset(boxes({}, {}, {"spacing": (1.0, 1.0, 9.0)})).findings == ()


def test_robust_scores():
    scores = robust_scores(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), 0.1)
    assert scores[2] == 0
    assert scores[4] == pytest.approx(97 / 1.4826)
    assert np.abs(robust_scores(np.array([5.0, 5.0, 5.01]), 0.1)).max() < 1


def test_patient_in_two_roles(boxes):
    dataset = boxes({}, {}, {})
    roles = ("training", "test", "training")
    cases = tuple(replace(case, patient="p", role=role) for case, role in zip(dataset.cases, roles, strict=True))
    (row,) = check_patients((), replace(dataset, cases=cases))
    assert (row.case, row.severity) == ("c1", "error")
    assert "for test here and for training in 'c0'" in row.what


def lopsided(folder, count, mirrored=(), labels_only=()):
    """Cases of a body with a bright organ on the patient's left, and its labels."""
    cases = []
    for number in range(count):
        rng = np.random.default_rng(number)
        z, y, x = np.indices((24, 24, 32))
        body = ((x - 15.5) / 14) ** 2 + ((y - 11.5) / 10) ** 2 < 1
        organ = ((x - 22 - number % 2) / 5) ** 2 + ((y - 11) / 5) ** 2 + ((z - 12) / 6) ** 2 < 1
        values = rng.normal(0, 4, body.shape) + 100 * body + 150 * organ
        array = organ.astype(np.uint8)
        if number in mirrored:
            values, array = values[..., ::-1], array[..., ::-1]
        if number in labels_only:
            array = array[..., ::-1]
        paths = folder / f"{number}.nii.gz", folder / f"{number}_l.nii.gz"
        sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.int16)), str(paths[0]))
        sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(array)), str(paths[1]))
        cases.append(Case(name=f"c{number}", patient=f"p{number}", images=paths[:1], labels=paths[1]))
    return Dataset(name="d", channels=("MR",), classes=(named_segment(1, "organ"),), cases=tuple(cases))


def test_mirrored_cases_are_suspected_and_kept(tmp_path):
    assert check_dataset(lopsided(tmp_path, 6)).findings == ()
    checked = check_dataset(lopsided(tmp_path, 6, mirrored=(2,), labels_only=(4,)))
    assert found(checked, "warning") == {("c2", "left and right"), ("c4", "left and right")}
    assert found(checked, "error") == set()
    assert all(row.what.startswith("mirrored?") for row in checked.findings if row.severity == "warning")


def test_a_mirrored_image_is_suspected_without_labels(tmp_path):
    dataset = lopsided(tmp_path, 6, mirrored=(2,))
    dataset = replace(dataset, cases=tuple(replace(case, labels=None) for case in dataset.cases))
    rows = [row for row in check_dataset(dataset).findings if row.check == "left and right"]
    assert [row.case for row in rows] == ["c2"]
    assert "more alike to the other cases when mirrored" in rows[0].what


def test_four_cases_are_too_few_to_suspect(tmp_path):
    assert not found(check_dataset(lopsided(tmp_path, 4, mirrored=(2,))), "warning")


def test_names_of_sides_are_looked_at(tmp_path, write_case):
    image, labels = write_case("a.nii.gz", "a_l.nii.gz", size=(20, 12, 14))
    array = np.zeros((14, 12, 20), np.uint8)
    array[3:8, 3:8, 2:6], array[3:8, 3:8, 14:18] = 1, 2  # x grows toward the patient's left
    drawn = sitk.GetImageFromArray(array)
    drawn.CopyInformation(sitk.ReadImage(str(image)))
    sitk.WriteImage(drawn, str(labels))
    case = Case(name="a", patient="a", images=(image,), labels=labels)

    def rows(first, second):
        classes = (named_segment(1, first), named_segment(2, second))
        return check_dataset(Dataset(name="d", channels=("MR",), classes=classes, cases=(case,))).findings

    assert rows("right kidney", "left kidney") == ()
    (row,) = rows("kidney_L", "kidney_R")
    assert "'kidney_L' lies to the right of 'kidney_R'" in row.what


def test_partners_are_found_by_name():
    names = ("left kidney", "Kidney_right", "lung L", "lung R", "liver", "left eye", "Left-Hippocampus")
    classes = tuple(named_segment(value, name) for value, name in enumerate(names, start=1))
    case = Dataset(name="d", channels=("CT",), classes=classes, cases=())
    assert partners(case) == [(1, 2), (3, 4)]


def test_facts_of_a_damaged_case_raise_nothing(boxes, tmp_path):
    dataset = boxes({})
    gone = replace(dataset.cases[0], images=(tmp_path / "gone.nii.gz",))
    assert "no file or folder" in gather(gone, dataset).unreadable
