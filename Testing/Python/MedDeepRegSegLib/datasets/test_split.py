from pathlib import Path

import pytest

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.split import folds, split
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import named_segment


def dataset_of(patients, **changes):
    """Dataset with one case for each letter; equal letters are one patient."""
    cases = []
    for number, patient in enumerate(patients):
        options = {"labels": Path(f"{number}_seg.nii.gz")} | changes.get(f"case{number}", {})
        cases.append(Case(name=f"case{number}", patient=patient, images=(Path(f"{number}.nii.gz"),), **options))
    classes = (named_segment(1, "liver"), named_segment(2, "spleen"))
    return Dataset(name="d", channels=("CT",), classes=classes, cases=tuple(cases))


def roles_by_patient(dataset):
    roles = {}
    for case in dataset.cases:
        roles.setdefault(case.patient, set()).add(case.role)
    return roles


def test_no_patient_is_on_two_sides():
    dataset = split(dataset_of("AABBCCDDEEFFGGHHIIJJ"), validation=0.2, test=0.1, seed=3)
    roles = roles_by_patient(dataset)
    assert all(len(found) == 1 for found in roles.values())
    counts = [sum(role in found for found in roles.values()) for role in ("training", "validation", "test")]
    assert counts == [7, 2, 1]
    assert dataset.split_seed == 3


def test_the_seed_decides():
    dataset = dataset_of("ABCDEFGHIJ")
    assert split(dataset, seed=1) == split(dataset, seed=1)
    assert len({split(dataset, seed=seed).of_role("validation") for seed in range(8)}) > 2
    # The order in which a folder is listed does not matter.
    reverse = Dataset(name="d", channels=("CT",), classes=dataset.classes, cases=dataset.cases[::-1])
    assert sorted(split(reverse, seed=1).cases, key=str) == sorted(split(dataset, seed=1).cases, key=str)


@pytest.mark.parametrize("seed", range(6))
def test_rare_classes_are_on_both_sides(seed):
    dataset = dataset_of("ABCDEFGHIJ")
    present = {case.name: {1, 2} if case.patient in "AB" else {1} for case in dataset.cases}
    drawn = split(dataset, validation=0.5, seed=seed, present=present)
    rare = {case.role for case in drawn.cases if case.patient in "AB"}
    assert rare == {"training", "validation"}


@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_one_patient_is_for_training(seed):
    dataset = dataset_of("ABCDEF")
    present = {case.name: {1, 2} if case.patient == "A" else {1} for case in dataset.cases}
    assert split(dataset, validation=0.3, seed=seed, present=present).cases[0].role == "training"


def test_cases_without_labels_and_left_out_stay_unused():
    dataset = dataset_of("ABCD", case0={"labels": None}, case1={"left_out": "its image cannot be read"})
    drawn = split(dataset, validation=0.5)
    assert [case.role for case in drawn.cases[:2]] == ["unused", "unused"]
    assert {case.role for case in drawn.cases[2:]} == {"training", "validation"}


def test_given_test_cases_stay_with_all_of_their_patient():
    dataset = dataset_of("AABCD", case0={"role": "test"})
    drawn = split(dataset)
    assert [case.role for case in drawn.cases[:2]] == ["test", "test"]
    assert "test" not in {case.role for case in drawn.cases[2:]}
    again = split(drawn, seed=5)  # what was drawn is drawn anew
    assert again.of_role("test") == ()


def test_too_few_patients_and_wrong_shares():
    with pytest.raises(InputError, match=r"1 patient has labels .*, expected at least 2 .* give --validation 0 to use"):
        split(dataset_of("AAA"))
    assert {case.role for case in split(dataset_of("AAA"), validation=0).cases} == {"training"}
    with pytest.raises(
        InputError, match=r"2 patients have labels .*training, validation, test: .* --validation 0 --test 0"
    ):
        split(dataset_of("AB"), test=0.2)
    assert {case.role for case in split(dataset_of("AB"), validation=0, test=0).cases} == {"training"}
    with pytest.raises(InputError, match=r"2 cases are left out because of errors\)"):
        split(dataset_of("ABC", case0={"left_out": "x"}, case1={"left_out": "x"}))
    with pytest.raises(InputError, match=r"0 patients have labels .*: add labels of more patients$"):
        split(dataset_of("AA", case0={"role": "test"}))
    for shares in ((0.6, 0.5), (-0.1, 0), (float("nan"), 0)):
        with pytest.raises(InputError, match="shares are"):
            split(dataset_of("ABC"), validation=shares[0], test=shares[1])


def test_each_patient_is_once_for_validation():
    dataset = dataset_of("AABBCCDDEEZ", case10={"role": "test"})
    made = folds(dataset, 3, seed=2)
    assert len(made) == 3
    for fold in made:
        assert all(len(found) == 1 for found in roles_by_patient(fold).values())
        assert fold.cases[10].role == "test"
    validated = [case.name for fold in made for case in fold.of_role("validation")]
    assert sorted(validated) == sorted(case.name for case in dataset.cases[:10])
    with pytest.raises(InputError, match="6 folds of 5 patients"):
        folds(dataset, 6)
    with pytest.raises(InputError, match="1 fold of 5 patients"):
        folds(dataset, 1)
