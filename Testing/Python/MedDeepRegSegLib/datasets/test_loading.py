from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset
from MedDeepRegSegLib.datasets.loading import load_case
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def dataset(write_case):
    """Dataset of one case whose box has the value 3 in its file, and is class 1."""
    image, labels = write_case("a.nii.gz", "a_seg.nii.gz", value=3)
    case = Case(name="a", patient="a", images=(image,), labels=labels, values=((3, 1),))
    return Dataset(name="boxes", channels=("CT",), classes=(named_segment(1, "box"),), cases=(case,))


def test_values_of_the_file_become_classes(dataset):
    loaded = load_case(dataset.cases[0], dataset)
    array = sitk.GetArrayViewFromImage(loaded.labels)
    assert loaded.labels.GetPixelID() == sitk.sitkUInt16
    assert (array == 1).sum() == 125
    assert array.max() == 1
    assert sitk.GetArrayViewFromImage(loaded.images[0])[array > 0].mean() > 140


def test_a_value_without_class_names_the_case(dataset):
    case = replace(dataset.cases[0], values=())
    with pytest.raises(InputError, match=r"case 'a': the labels have the values \[3\] that are no class"):
        load_case(case, dataset)


def test_ignored_values_stay(dataset):
    dataset = replace(dataset, ignored_value=3)
    loaded = load_case(replace(dataset.cases[0], values=()), dataset)
    assert (sitk.GetArrayViewFromImage(loaded.labels) == 3).sum() == 125


def test_labels_come_to_the_grid_of_the_image(dataset):
    case = dataset.cases[0]
    cropped = sitk.ReadImage(str(case.labels))[1:8, 2:10, 1:9]
    sitk.WriteImage(cropped, str(case.labels))
    loaded = load_case(case, dataset)
    assert loaded.labels.GetSize() == loaded.images[0].GetSize()
    assert loaded.labels.GetOrigin() == loaded.images[0].GetOrigin()
    array = sitk.GetArrayViewFromImage(loaded.labels)
    assert (array[2:7, 3:8, 1:6] == 1).all()
    assert array.sum() == 125


def test_frames_of_one_file_are_channels(dataset, tmp_path):
    case = dataset.cases[0]
    first = sitk.ReadImage(str(case.images[0]))
    both = tmp_path / "both.nii.gz"
    sitk.WriteImage(sitk.JoinSeries([first, first + 1000]), str(both))
    case = replace(case, images=(both, both), frames=(0, 1))
    two = replace(dataset, channels=("T1", "T2"), cases=(case,))
    loaded = load_case(case, two)
    low, high = (sitk.GetArrayViewFromImage(image) for image in loaded.images)
    assert (high - low == 1000).all()
    assert np.allclose(loaded.images[1].GetOrigin(), first.GetOrigin())
    with pytest.raises(InputError, match=r"case 'a': image both.nii.gz has 2 frames, expected at least 6"):
        load_case(replace(case, frames=(0, 5)), two)
    with pytest.raises(InputError, match="has 2 frames"):
        load_case(replace(case, frames=()), two)


def test_missing_and_damaged_files_name_the_case(dataset, tmp_path):
    case = dataset.cases[0]
    with pytest.raises(InputError, match=r"case 'a': .*no file or folder"):
        load_case(replace(case, images=(tmp_path / "gone.nii.gz",)), dataset)
    data = case.images[0].read_bytes()
    case.images[0].write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="case 'a': "):
        load_case(case, dataset)


def test_no_labels_and_cancel(phantom_dataset):
    dataset = read_dataset(phantom_dataset)
    assert load_case(replace(dataset.cases[0], labels=None, role="unused"), dataset).labels is None
    token = CancelToken()
    token.cancel()
    with pytest.raises(Exception, match="canceled"):
        load_case(dataset.cases[0], dataset, cancel=token)
