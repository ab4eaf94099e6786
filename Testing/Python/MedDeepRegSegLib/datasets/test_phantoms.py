import pytest

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.hashes import dataset_sha256
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.errors import InputError


def test_same_seed_gives_the_same_heads(phantom_dataset, tmp_path):
    first = read_dataset(phantom_dataset)
    again = read_dataset(write_phantom_dataset(tmp_path / "again", cases=4, spacing_mm=8.0))
    other = read_dataset(write_phantom_dataset(tmp_path / "other", cases=4, spacing_mm=8.0, seed=1))
    assert dataset_sha256(first) == dataset_sha256(again) != dataset_sha256(other)
    assert [case.role for case in first.cases].count("validation") == 1


def test_nothing_is_overwritten(phantom_dataset):
    with pytest.raises(InputError, match="is not empty"):
        write_phantom_dataset(phantom_dataset.parent, spacing_mm=8.0)


def test_one_head_is_too_few(tmp_path):
    with pytest.raises(InputError, match="1 case, expected at least 2"):
        write_phantom_dataset(tmp_path / "one", cases=1)
    assert not (tmp_path / "one").exists()
