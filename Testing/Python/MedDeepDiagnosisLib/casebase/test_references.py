"""Volumes and segments by reference."""

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.references import path_sha256, segment_reference, volume_reference
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.segmentation.segments import Segment


def ct():
    values = np.full((8, 8, 8), -1000, np.int16)
    values[2:6, 2:6, 2:6] = 40
    return sitk.GetImageFromArray(values)


def test_a_volume_in_a_file(tmp_path):
    path = tmp_path / "ct.nrrd"
    sitk.WriteImage(ct(), str(path))
    found = volume_reference(ct(), "ct.nrrd", path)
    assert (found.path, found.sha256, found.modality) == (str(path), file_sha256(path), "CT")
    assert '"size": [8, 8, 8]' in found.geometry


def test_a_volume_in_no_file_is_known_by_its_voxels_and_grid():
    first = volume_reference(ct(), "a", None)
    assert first.path == ""
    assert volume_reference(ct(), "a", None) == first
    moved, changed = ct(), ct()
    moved.SetOrigin((1, 0, 0))
    changed[0, 0, 0] = 0
    assert (
        len({first.sha256, volume_reference(moved, "a", None).sha256, volume_reference(changed, "a", None).sha256}) == 3
    )


def test_a_segment_is_known_by_its_own_voxels():
    labels = sitk.GetImageFromArray(np.array([[[0, 1, 2, 2]]], np.uint8))
    segment = Segment(2, "Lesion", (1.0, 0.0, 0.0))
    found = segment_reference(labels, segment, None, volume="ct")
    assert (found.name, found.label, found.volume) == ("Lesion", 2, "ct")
    labels[1, 0, 0] = 0
    assert segment_reference(labels, segment, None, volume="ct") == found
    labels[3, 0, 0] = 0
    assert segment_reference(labels, segment, None, volume="ct").sha256 != found.sha256


def test_a_folder_is_known_by_its_files_whatever_their_names(tmp_path):
    for folder, names in (("a", "xy"), ("b", "pq"), ("c", "xy")):
        (tmp_path / folder).mkdir()
        for name, text in zip(names, ("one", "two"), strict=True):
            (tmp_path / folder / name).write_text(text)
    (tmp_path / "c" / "x").write_text("three")
    one, two, three = (path_sha256(tmp_path / folder) for folder in "abc")
    assert one == two != three
