import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from example_segmentation import example_segmentation, labels_of
from hypothesis import given, settings
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes import memory
from MedDeepRegSegLib.volumes.geometry import same_geometry


@pytest.fixture
def example():
    return example_segmentation()


def test_own_file_comes_back_exactly(example, tmp_path):
    labels, segments = example
    path = tmp_path / "new" / "a.seg.nrrd"
    write_segmentation(labels, segments, path)
    again, described = read_segmentation(path)
    assert same_geometry(labels, again, tolerance_mm=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(labels))
    assert described[0] == segments[0]
    assert [s.identifier for s in described] == ["a", "Segment_1", "e"]
    assert [(s.value, s.name, s.color) for s in described] == [(s.value, s.name, s.color) for s in segments]
    assert [entry.name for entry in path.parent.iterdir()] == ["a.seg.nrrd"]


def test_simpleitk_sees_a_label_map_in_lps(example, tmp_path):
    write_segmentation(*example, tmp_path / "a.seg.nrrd")
    image = sitk.ReadImage(str(tmp_path / "a.seg.nrrd"))
    assert image.GetPixelID() == sitk.sitkUInt8
    assert same_geometry(image, example[0], tolerance_mm=1e-6)
    assert b"space: left-posterior-superior" in (tmp_path / "a.seg.nrrd").read_bytes()[:400]


@settings(max_examples=30, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip),
    color=st.tuples(*[st.integers(0, 255).map(lambda c: round(c / 255, 4))] * 3),
    value=st.integers(1, 65535),
)
def test_any_name_color_and_value_survive(tmp_path_factory, name, color, value):
    array = np.zeros((2, 2, 3), np.uint16)
    array[0, 1, 2] = value
    path = tmp_path_factory.mktemp("any") / "a.seg.nrrd"
    write_segmentation(labels_of(array), [Segment(value, name, color, identifier="i")], path)
    labels, described = read_segmentation(path)
    assert described == (Segment(value, name, color, identifier="i"),)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), array)


def layered_file(path, arrays, segments):
    """Write a vector label map with layers as Slicer does."""
    image = sitk.Compose([labels_of(array) for array in arrays])
    for number, (name, value, layer) in enumerate(segments):
        image.SetMetaData(f"Segment{number}_ID", name)
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_LabelValue", str(value))
        image.SetMetaData(f"Segment{number}_Layer", str(layer))
    sitk.WriteImage(image, str(path))


def test_colliding_values_of_layers_are_renumbered(tmp_path):
    first, second = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), np.uint8)
    first[0, 0], first[0, 1], second[1, 0], second[1, 1] = 1, 2, 1, 7
    layered_file(tmp_path / "a.nrrd", [first, second], [("a", 1, 0), ("b", 2, 0), ("c", 1, 1)])
    labels, described = read_segmentation(tmp_path / "a.nrrd")
    assert [(s.name, s.value) for s in described] == [("a", 1), ("b", 2), ("c", 3)]
    # The 7 has no segment and is not shown by Slicer either.
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), first + 3 * (second == 1))


def test_all_overlapping_segments_are_named_and_others_not(tmp_path):
    first, second = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), np.uint8)
    first[0, 0], first[0, 1], second[0, 1], second[1] = 1, 2, 1, 2
    layered_file(tmp_path / "a.nrrd", [first, second], [("a", 1, 0), ("b", 2, 0), ("c", 1, 1), ("d", 2, 1)])
    with pytest.raises(InputError, match=r"\('b', 'c'\)"):
        read_segmentation(tmp_path / "a.nrrd")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_plain_label_map_gets_names_and_colors(tmp_path, kind):
    array = np.zeros((3, 4, 5), kind)
    array[0], array[2] = 4, 300 if kind is not np.uint8 else 200
    sitk.WriteImage(labels_of(array), str(tmp_path / "a.nii.gz"))
    labels, described = read_segmentation(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), array)
    assert [s.name for s in described] == [f"Segment {value}" for value in np.unique(array)[1:].astype(int)]
    assert len({s.color for s in described}) == 2


def test_reference_labels_of_a_real_ct(shared_data):
    labels, described = read_segmentation(shared_data / "06_totalsegmentator" / "example_seg.nii.gz")
    assert len(described) == len(np.unique(sitk.GetArrayViewFromImage(labels))) - 1 > 30


def test_what_cannot_be_written_is_refused(example, tmp_path):
    labels, segments = example
    for arguments, words in [
        ((labels, segments, tmp_path / "a.nrrd"), "ends in .seg.nrrd"),
        ((labels, segments[:1], tmp_path / "a.seg.nrrd"), r"without a segment \(1\)"),
        ((sitk.Cast(labels, sitk.sitkFloat32) * 0.5, segments, tmp_path / "a.seg.nrrd"), "fractional"),
        ((labels, [*segments[:2], Segment(5, "x", (1.0, 1.0, 1.0), "a|b")], tmp_path / "a.seg.nrrd"), "terminology"),
    ]:
        with pytest.raises(InputError, match=words):
            write_segmentation(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_segmentation(tmp_path / "none.seg.nrrd")
    damaged = tmp_path / "damaged.seg.nrrd"
    damaged.write_bytes(b"NRRD0004\ntype: unsigned char\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_segmentation(damaged)
    truncated = tmp_path / "truncated.nii.gz"
    truncated.write_bytes(gzip.compress(b"n+1")[:15])
    with pytest.raises(InputError, match="does not unpack to its end"):
        read_segmentation(truncated)
    with pytest.raises(InputError, match="is a folder, expected a file"):
        read_segmentation(tmp_path)
    sitk.WriteImage(sitk.Image([3, 4, 5], sitk.sitkVectorUInt8, 3), str(tmp_path / "rgb.nrrd"))
    with pytest.raises(InputError, match="names no segments"):
        read_segmentation(tmp_path / "rgb.nrrd")
    noise = sitk.GaussianSource(sitk.sitkFloat32, [8, 8, 8], [3.0] * 3, [4.0] * 3, 255.0)
    sitk.WriteImage(noise, str(tmp_path / "image.nrrd"))
    with pytest.raises(InputError, match="fractional"):
        read_segmentation(tmp_path / "image.nrrd")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kept", [0.4, 0.9])
def test_a_truncated_label_map_is_refused(tmp_path, suffix, kept):
    array = (np.indices((12, 12, 12)).sum(axis=0) % 5).astype(np.uint8)
    whole, cut = tmp_path / "whole.nii", tmp_path / f"cut{suffix}"
    sitk.WriteImage(labels_of(array, oblique=False), str(whole))
    content = whole.read_bytes()
    content = content[: 352 + int(kept * array.size)]
    cut.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
    with pytest.raises(InputError, match=r"is cut off: cut\.nii.* has \d+ bytes of image, its header announces 2080"):
        read_segmentation(cut)


def test_lengths_in_centimeters_become_millimeters(example, tmp_path):
    path = tmp_path / "a.seg.nrrd"
    write_segmentation(*example, path)
    header, _, voxels = path.read_bytes().partition(b"\n\n")
    other = tmp_path / "cm.seg.nrrd"
    other.write_bytes(header + b'\nspace units: "cm" "cm" "cm"\n\n' + voxels)
    labels, segments = read_segmentation(path)
    again, described = read_segmentation(other)
    assert described == segments
    np.testing.assert_allclose(again.GetSpacing(), np.multiply(labels.GetSpacing(), 10))
    np.testing.assert_allclose(again.GetOrigin(), np.multiply(labels.GetOrigin(), 10))
    np.testing.assert_allclose(again.GetDirection(), labels.GetDirection())
    other.write_bytes(header + b'\nspace units: "feet" "feet" "feet"\n\n' + voxels)
    with pytest.raises(InputError, match=r"feet.*expected one unit of length"):
        read_segmentation(other)


def test_a_spacing_in_meters_without_a_unit_is_refused(example, tmp_path):
    labels, segments = example
    labels.SetSpacing((0.0007, 0.0013, 0.0031))
    write_segmentation(labels, segments, tmp_path / "a.seg.nrrd")
    with pytest.raises(InputError, match="is the spacing in another unit"):
        read_segmentation(tmp_path / "a.seg.nrrd")


def test_a_segmentation_larger_than_the_memory_is_refused(example, tmp_path, monkeypatch):
    write_segmentation(*example, tmp_path / "a.seg.nrrd")
    needed = 8 * example[0].GetNumberOfPixels()
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: needed)
    read_segmentation(tmp_path / "a.seg.nrrd")
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: needed - 1)
    with pytest.raises(InputError, match=r"needs about .* of memory"):
        read_segmentation(tmp_path / "a.seg.nrrd")
