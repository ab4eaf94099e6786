from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset
from MedDeepRegSegLib.datasets.fingerprint import Fingerprint, describe_case, fingerprint
from MedDeepRegSegLib.datasets.loading import LoadedCase
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.segmentation.segments import named_segment


def test_sizes_intensities_and_amounts(write_case):
    image, labels = write_case("a.nii.gz", "a_seg.nii.gz", value=2)
    classes = (named_segment(1, "none"), named_segment(2, "box"))
    case = Case(name="a", patient="p", images=(image,), labels=labels, role="training")
    found = fingerprint(Dataset(name="d", channels=("MR",), classes=classes, cases=(case,)))
    (described,) = found.cases
    assert described.size == (10, 12, 14) == found.size
    assert described.spacing_mm == (1.0, 1.0, 2.0)
    assert [amount.voxels for amount in described.classes] == [0, 125]
    assert described.classes[1].volume_ml == pytest.approx(0.25)
    assert [amount.cases for amount in found.classes] == [0, 1]
    # Noise of 100 +- 10, and 50 more inside of the box.
    assert described.channels[0].mean == pytest.approx(150, abs=4)
    assert described.channels[0].deviation == pytest.approx(10, abs=3)
    assert described.channels[0].low < found.channels[0].median < described.channels[0].high


def test_spacing_is_told_along_the_patient(write_case):
    image, labels = write_case("a.nii.gz", "a_seg.nii.gz", spacing=(3.0, 1.0, 2.0))
    for path in (image, labels):
        sitk.WriteImage(sitk.PermuteAxes(sitk.ReadImage(str(path)), [2, 0, 1]), str(path))
    case = Case(name="a", patient="p", images=(image,), labels=labels, role="training")
    found = fingerprint(Dataset(name="d", channels=("MR",), classes=(named_segment(1, "box"),), cases=(case,)))
    assert np.allclose(found.spacing_mm, (3.0, 1.0, 2.0))
    assert found.size == (10, 12, 14)


def test_test_cases_are_not_looked_at(phantom_dataset):
    dataset = read_dataset(phantom_dataset)
    without = dataset.with_roles([(dataset.cases[0].name, "test")])
    found = fingerprint(without)
    assert [case.case for case in found.cases] == [case.name for case in dataset.cases[1:]]
    assert from_json(Fingerprint, to_json(found)) == found
    only = replace(dataset, cases=tuple(replace(case, role="test") for case in dataset.cases))
    with pytest.raises(InputError, match="no case with labels for training"):
        fingerprint(only)


def described(images, labels, ignored=None):
    images = [sitk.GetImageFromArray(image) if isinstance(image, np.ndarray) else image for image in images]
    names = tuple(f"channel {number}" for number in range(len(images)))
    dataset = Dataset(name="d", channels=names, classes=(named_segment(1, "box"),), ignored_value=ignored, cases=())
    case = Case(name="a", patient="p", images=(Path("a.nii.gz"),) * len(images), role="training")
    return describe_case(case, dataset, LoadedCase(tuple(images), sitk.GetImageFromArray(labels)))[0].channels


def test_intensities_are_those_of_classes_not_of_ignored_voxels():
    values = np.full((8, 8, 8), 50, np.float32)
    values[:4] = 1000
    labels = np.zeros(values.shape, np.uint16)
    labels[:4], labels[5] = 255, 1
    (channel,) = described([values], labels, ignored=255)
    assert (channel.low, channel.high) == (50, 50)


def test_labels_are_brought_to_a_channel_of_other_spacing():
    """Though it has as many voxels and the same origin."""
    values = np.full((8, 8, 8), 50, np.float32)
    values[:4] = 1000
    labels = np.zeros(values.shape, np.uint16)
    labels[:2] = 1
    thin = sitk.GetImageFromArray(values)
    thin.SetSpacing((1.0, 1.0, 0.25))  # its first 4 slices end at 1 mm
    first, second = described([values, thin], labels)
    assert (first.low, first.high) == (1000, 1000)
    assert (second.low, second.high) == (50, 1000)
