import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.classes import unite
from MedDeepRegSegLib.datasets.loading import load_case
from MedDeepRegSegLib.datasets.naming import Naming, read_naming
from MedDeepRegSegLib.datasets.sources.found import Found, FoundCase
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment


@pytest.fixture
def found(tmp_path):
    """Function that makes cases of dictionaries: name of a segment, or value, to its value and number of voxels."""

    def make(*described, ending=".seg.nrrd", names=None, color=None):
        cases = []
        for number, segments in enumerate(described):
            array = np.zeros((4, 10, 10), np.uint8)
            for row, (value, voxels) in enumerate(segments.values()):
                array[0, row, :voxels] = value
            labels = sitk.GetImageFromArray(array)
            image, path = tmp_path / f"{number}.nii.gz", tmp_path / f"{number}_l{ending}"
            sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(number).normal(0, 9, array.shape)), str(image))
            if ending == ".seg.nrrd":
                kept = [
                    Segment(value, name, color[number]) if color else named_segment(value, name)
                    for name, (value, _) in segments.items()
                ]
                write_segmentation(labels, kept, path)
            else:
                sitk.WriteImage(labels, str(path))
            cases.append(FoundCase(name=f"c{number}", images=(image,), labels=path))
        return Found(layout="t", channels=("CT",), cases=tuple(cases), names=names or {})

    return make


def counts(dataset, number):
    labels = load_case(dataset.cases[number], dataset).labels
    array = sitk.GetArrayViewFromImage(labels)
    return {segment.name: int((array == segment.value).sum()) for segment in dataset.classes}


def test_segments_are_mapped_by_name_whatever_their_values(found):
    dataset, notes = unite(
        found({"Liver": (1, 3), "spleen": (2, 4)}, {"spleen": (1, 5), " liver": (7, 6)}), "d", Naming()
    )
    assert [segment.name for segment in dataset.classes] in (["Liver", "spleen"], ["spleen", "Liver"])
    assert counts(dataset, 0) == {"Liver": 3, "spleen": 4}
    assert counts(dataset, 1) == {"Liver": 6, "spleen": 5}
    told = " ".join(note.what for note in notes)
    assert "'Liver', ' liver' are taken for one class" in told
    assert "the value 1 has 2 names ('Liver' in c0, 'spleen' in c1)" in told


def test_colors_and_names_used_twice_are_told(found):
    dataset, notes = unite(
        found({"a": (1, 3)}, {"a": (1, 2), "A": (2, 2)}, color=[(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]), "d", Naming()
    )
    told = " ".join(note.what for note in notes)
    assert "has 2 different colors" in told
    assert "two segments are called 'A'" in told
    assert dataset.classes[0].color == (1.0, 0.0, 0.0)
    assert counts(dataset, 1) == {"a": 4}


def test_renames_join_and_drop(found):
    naming = read_naming(None, ["Tumour=tumor", "table=background"])
    dataset, _ = unite(found({"tumor": (1, 3)}, {"tumour": (2, 2), "table": (1, 5)}), "d", naming)
    assert [segment.name for segment in dataset.classes] == ["tumor"]
    assert counts(dataset, 1) == {"tumor": 2}


def test_values_of_label_maps_are_named_joined_dropped_and_ignored(found, tmp_path):
    (tmp_path / "n.json").write_text(json.dumps({"kidneys": [2, 3], "liver": 1, "background": 4, "ignored": 9}))
    naming = read_naming(tmp_path / "n.json")
    cases = found({n: (n, n) for n in (1, 2, 3, 4, 9)}, {1: (1, 2)}, ending=".nii.gz")
    dataset, _ = unite(cases, "d", naming)
    assert {segment.name: segment.value for segment in dataset.classes} == {"liver": 1, "kidneys": 2}
    assert counts(dataset, 0) == {"liver": 1, "kidneys": 5}
    array = sitk.GetArrayViewFromImage(load_case(dataset.cases[0], dataset).labels)
    assert (array == dataset.ignored_value).sum() == 9
    assert (array == 4).sum() == 0


def test_values_the_folder_does_not_name_are_an_error_of_the_case(found):
    cases = found({1: (1, 2)}, {1: (1, 2), 5: (5, 3)}, ending=".nii.gz", names={1: "liver"})
    dataset, _ = unite(cases, "d", Naming())
    assert [segment.name for segment in dataset.classes] == ["liver"]
    assert counts(dataset, 0) == {"liver": 2}
    with pytest.raises(InputError, match=r"case 'c1': the labels have the values \[5\]"):
        load_case(dataset.cases[1], dataset)


def test_absent_classes_are_background_or_unknown(found):
    cases = found({"a": (1, 3), "b": (2, 3)}, {"a": (1, 2)})
    dataset, notes = unite(cases, "d", Naming())
    assert [case.annotated for case in dataset.cases] == [None, None]
    assert any("'b' is absent in 1 of 2 cases and taken for not there" in note.what for note in notes)
    dataset, notes = unite(cases, "d", Naming(), absent="unknown")
    by_name = {segment.name: segment.value for segment in dataset.classes}
    assert [case.annotated for case in dataset.cases] == [None, (by_name["a"],)]
    assert any("taken for not looked for" in note.what for note in notes)


def test_names_that_cannot_be_used_are_told(tmp_path):
    with pytest.raises(InputError, match="is no pair of names"):
        read_naming(None, ["liver"])
    for text in ("{", "[]", '{"a": 0}', '{"a": 1, "b": 1}', '{"a": 1.5}', '{"a": true}'):
        (tmp_path / "n.json").write_text(text)
        with pytest.raises(InputError, match=r"n\.json"):
            read_naming(tmp_path / "n.json")
