import shutil
from dataclasses import replace

import pytest

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.hashes import content_sha256, dataset_sha256
from MedDeepRegSegLib.errors import InputError


def test_places_order_and_roles_do_not_matter(phantom_dataset, tmp_path):
    dataset = read_dataset(phantom_dataset)
    shutil.copytree(phantom_dataset.parent, tmp_path / "copy")
    copied = read_dataset(tmp_path / "copy" / "dataset.json")
    copied = replace(copied, cases=tuple(replace(case, role="training") for case in reversed(copied.cases)))
    assert dataset_sha256(copied) == dataset_sha256(dataset)


def test_content_and_meaning_matter(phantom_dataset):
    dataset = read_dataset(phantom_dataset)
    whole = dataset_sha256(dataset)
    first = dataset.cases[0]
    assert dataset_sha256(dataset, dataset.cases[1:]) != whole
    changed = replace(first, annotated=(1, 2))
    assert dataset_sha256(dataset, [changed, *dataset.cases[1:]]) != whole
    changed = replace(first, labels=dataset.cases[1].labels)
    assert dataset_sha256(dataset, [changed, *dataset.cases[1:]]) != whole
    renamed = replace(dataset, classes=(replace(dataset.classes[0], name="other"), *dataset.classes[1:]))
    assert dataset_sha256(renamed) != whole


def test_folders_and_missing_files(tmp_path):
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "1.dcm").write_bytes(b"one")
    first = content_sha256(tmp_path / "series")
    (tmp_path / "series" / "2.dcm").write_bytes(b"two")
    assert content_sha256(tmp_path / "series") != first
    with pytest.raises(InputError, match="cannot be read"):
        content_sha256(tmp_path / "gone")
