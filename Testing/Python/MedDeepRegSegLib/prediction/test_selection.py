"""Which cases to label next: uncertainty and diversity with known answers, and the table."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from blocks_segmenter import case_arrays, image_of

from MedDeepRegSegLib.datasets.dataset import Case, read_dataset, write_dataset
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.prediction.select_job import Request
from MedDeepRegSegLib.prediction.selection import Candidate, rank, select, uncertainty_near, unlabeled_cases


def candidates(*rows):
    return [
        Candidate(case=f"c{k}", patient="p", uncertainty=unsure, found_ml=ml, features=np.array(place, float))
        for k, (unsure, place, ml) in enumerate(rows)
    ]


def test_the_unsure_ones_come_first_where_all_are_alike():
    found = rank(candidates((0.1, (0, 0), 1), (0.3, (0, 0), 1), (0.2, (0, 0), 1)), [], 3)
    assert [one.case for one in found] == ["c1", "c2", "c0"]
    assert [one.rank for one in found] == [1, 2, 3]
    assert found[0].distance is None
    assert "number 1 of 3" in found[0].reason


def test_what_is_like_the_labeled_or_chosen_ones_comes_late():
    """Two clusters far from the labeled case: one of each first, then the twins."""
    rows = candidates((0.30, (10, 0), 1), (0.29, (10.1, 0), 1), (0.25, (0, 10), 0), (0.24, (0, 0.1), 1))
    found = rank(rows, [np.zeros(2)], 4)
    assert [one.case for one in found][:2] == ["c0", "c2"]
    assert "unlike the cases" in found[0].reason
    assert "nothing was found" in found[1].reason
    assert found[0].distance == pytest.approx(10)
    assert found[2].distance == pytest.approx(0.1)
    assert len(rank(rows, [np.zeros(2)], 2)) == 2


def test_uncertainty_counts_near_what_was_found():
    found, entropy = np.zeros((20, 20, 20), bool), np.zeros((20, 20, 20), np.float32)
    found[8:12, 8:12, 8:12] = True
    entropy[0, 0, 0] = 1
    assert uncertainty_near(found, entropy, (2, 2, 2)) == 0
    entropy[:] = 0.5
    entropy[found] = 0
    assert 0.3 < uncertainty_near(found, entropy, (2, 2, 2)) < 0.5
    assert uncertainty_near(~found & found, entropy, (2, 2, 2)) == pytest.approx(0.5)


@pytest.fixture
def dataset(dataset_path):
    """Cases without labels: one that is easy, one whose lesion is between both classes."""
    dataset = read_dataset(dataset_path)
    new = []
    for name, lesion in (("easy", 200), ("hard", 150)):
        labels, array = case_arrays(7)
        array[labels == 5] = lesion
        path = dataset_path.parent / f"{name}.nrrd"
        sitk.WriteImage(image_of(array), str(path))
        new.append(Case(name=name, patient=name, images=(path,)))
    return replace(dataset, cases=(*dataset.cases, *new))


def mean_gray(image, mask):
    inside = sitk.GetArrayViewFromImage(mask) != 0
    return np.array([sitk.GetArrayViewFromImage(image)[inside].mean() / 1000])


def test_cases_of_a_dataset(dataset, loaded):
    assert [case.name for case in unlabeled_cases(dataset)] == ["easy", "hard"]
    first, second = select(dataset, loaded, describe=mean_gray)
    assert (first.case, second.case) == ("hard", "easy")
    assert first.uncertainty > 1.2 * second.uncertainty
    with pytest.raises(InputError, match="at least 1"):
        select(dataset, loaded, count=0)
    with pytest.raises(InputError, match="no case without labels"):
        select(replace(dataset, cases=dataset.cases[:3]), loaded)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        select(dataset, loaded, describe=mean_gray, cancel=cancel)


def test_a_damaged_case_is_named(dataset, loaded):
    dataset.cases[-1].images[0].write_bytes(b"no image")
    with pytest.raises(InputError, match="hard"):
        select(dataset, loaded, describe=mean_gray)


def test_job(as_model, dataset, tmp_path, monkeypatch):
    """With the features of the encoder that ships."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_dataset(dataset, tmp_path / "dataset.json")
    request = Request(tmp_path / "model", tmp_path / "dataset.json", tmp_path / "next.csv", count=2, device="cpu")
    result = run_job("select", request)
    assert result.cases[0] == "hard"
    with result.table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == list(result.cases)
    assert float(rows[0]["uncertainty"]) > float(rows[1]["uncertainty"])
    assert "labeled or chosen" in rows[0]["reason"]
    with pytest.raises(InputError, match=r"\.csv"):
        run_job("select", replace(request, out=tmp_path / "next.txt"))
