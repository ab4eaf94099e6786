import shutil
from dataclasses import replace

import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.training.cases.prepared import PreparedCases
from MedDeepRegSegLib.training.cases.settings import UNKNOWN


@pytest.fixture
def cases(dataset, tiny, tmp_path):
    return PreparedCases(dataset, dataset.of_role("training"), tiny.preprocessing, tmp_path)


def test_a_case_is_prepared_once(cases, tmp_path):
    cases.prepare_all()
    folders = sorted(tmp_path.iterdir())
    times = [file.stat().st_mtime_ns for folder in folders for file in folder.iterdir()]
    cases.prepare_all()
    assert [file.stat().st_mtime_ns for folder in folders for file in folder.iterdir()] == times
    assert len(folders) == len(cases) == 2
    one = cases[0]
    assert one.values.shape[1:] == one.classes.shape
    assert set(np.unique(one.classes)) <= {UNKNOWN, 0, 1, 2, 3, 4}
    for output, places in enumerate(one.places, start=1):
        assert len(places)
        assert (one.classes[tuple(places.T)] == output).all()


def test_a_damaged_or_missing_file_is_made_again(cases, tmp_path):
    cases.prepare_all()
    before = np.array(cases[1].values)
    again = PreparedCases(cases._dataset, cases._cases, cases._how, tmp_path)
    for folder in tmp_path.iterdir():
        (folder / "values.npy").write_bytes(b"\x93NUMPY cut off")
    assert np.array_equal(again[1].values, before)
    shutil.rmtree(tmp_path)
    third = PreparedCases(cases._dataset, cases._cases, cases._how, tmp_path)
    assert np.array_equal(third[1].values, before)


def test_memory_is_bounded(dataset, tiny, tmp_path):
    cases = PreparedCases(dataset, dataset.cases, tiny.preprocessing, tmp_path, memory_bytes=0)
    assert isinstance(cases[0].values, np.memmap)
    size = cases[0].values.nbytes + cases[0].classes.nbytes
    some = PreparedCases(dataset, dataset.cases, tiny.preprocessing, tmp_path, memory_bytes=2.5 * size)
    for number in range(3):
        assert not isinstance(some[number].values, np.memmap)
    assert len(some._kept) == 2


def test_another_preprocessing_is_another_case(dataset, tiny, tmp_path):
    training = dataset.of_role("training")
    PreparedCases(dataset, training, tiny.preprocessing, tmp_path).prepare_all()
    other = replace(tiny.preprocessing, spacing_mm=(10.0, 10.0, 10.0))
    coarse = PreparedCases(dataset, training, other, tmp_path)
    assert coarse[0].classes.size < PreparedCases(dataset, training, tiny.preprocessing, tmp_path)[0].classes.size


def test_classes_that_were_not_looked_for_are_told(dataset, tiny, tmp_path):
    case = replace(dataset.cases[0], annotated=(1, 3))
    assert PreparedCases(dataset, [case], tiny.preprocessing, tmp_path)[0].looked_for == (
        True,
        True,
        False,
        True,
        False,
    )


def test_a_value_of_which_nothing_is_known(dataset, tiny, tmp_path):
    case = replace(dataset.cases[0], values=((1, 1), (2, 255), (3, 3), (4, 4)))
    partly = replace(dataset, ignored_value=255, cases=(case,))
    classes = PreparedCases(partly, [case], tiny.preprocessing, tmp_path)[0].classes
    assert (classes == UNKNOWN).sum() > 50
    assert not (classes == 2).any()


def test_a_case_without_labels_is_refused(dataset, tiny, tmp_path):
    with pytest.raises(InputError, match="has no labels"):
        PreparedCases(dataset, [replace(dataset.cases[0], labels=None)], tiny.preprocessing, tmp_path)


def test_cancel(cases, tmp_path):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        cases.prepare_all(cancel=cancel)
