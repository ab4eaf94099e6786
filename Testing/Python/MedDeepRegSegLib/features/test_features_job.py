import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.features.features_job import Request, Result, run
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.geometry import same_geometry


@pytest.fixture
def image(texture, image_of):
    return image_of(texture((20, 26, 30)), (1.6, 1.8, 2.2), (5.0, -7.0, 11.0))


@pytest.fixture
def request_of(image, model_folder, tmp_path):
    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    array = np.zeros((20, 26, 30), np.uint8)
    array[5:12, 6:15, 7:20] = 1
    array[15, 20, 25] = 2
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(image)
    segments = [named_segment(1, "Liver"), named_segment(2, "Lesion"), named_segment(3, "Empty")]
    write_segmentation(labels, segments, tmp_path / "segments.seg.nrrd")
    write_segmentation(labels == 1, [named_segment(1, "Second")], tmp_path / "more.seg.nrrd")

    def make(**changes):
        options = {"image": tmp_path / "image.nrrd", "out": tmp_path / "out", "model": model_folder, "backend": "torch"}
        return Request(**{**options, **changes})

    return make


def test_is_registered():
    assert job_module("features").run is run


def test_writes_what_it_promises(request_of, image, tmp_path):
    files = {"segmentation": tmp_path / "segments.seg.nrrd", "overlapping": (tmp_path / "more.seg.nrrd",)}
    request = from_json(Request, json.loads(json.dumps(to_json(request_of(**files)))))
    result = run(request)
    names = {path.name for path in request.out.iterdir()}
    assert names == {"colored.nrrd", "features.png", "local.nrrd", "context.nrrd", "features.csv"}
    colored = sitk.ReadImage(str(result.colored))
    assert same_geometry(colored, image)
    assert colored.GetNumberOfComponentsPerPixel() == 3
    for path, length in ((result.local, 16), (result.context, 32)):
        dense = sitk.ReadImage(str(path))
        assert dense.GetPixelIDTypeAsString() == "vector of 32-bit float"
        assert dense.GetNumberOfComponentsPerPixel() == length
        np.testing.assert_allclose(np.linalg.norm(sitk.GetArrayFromImage(dense), axis=-1), 1, atol=1e-4)
    np.testing.assert_allclose(sitk.ReadImage(str(result.local)).GetSpacing(), 2 * result.spacing_mm)
    assert sitk.ReadImage(str(result.picture)).GetNumberOfComponentsPerPixel() == 3
    with result.table.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert [row["Segment"] for row in rows] == ["Liver", "Lesion", "Empty", "Second"]
    assert float(rows[0]["Local feature 1 mean"]) == result.rows[0]["Local feature 1 mean"]
    assert rows[2]["Note"] == "empty"
    assert {**rows[3], "Segment": ""} == {**rows[0], "Segment": ""}
    assert (result.model, result.backend) == ("random-encoder 0.1", "torch")
    assert from_json(Result, json.loads(json.dumps(to_json(result)))) == result


def test_without_segments_and_dense_features(request_of):
    result = run(request_of(save_dense=False))
    assert {path.name for path in result.folder.iterdir()} == {"colored.nrrd", "features.png"}
    assert (result.local, result.context, result.table, result.rows) == (None, None, None, ())


def test_only_the_table_is_made_where_no_color_is_asked_for(request_of, tmp_path):
    segments = tmp_path / "segments.seg.nrrd"
    result = run(request_of(color=False, save_dense=False, segmentation=segments))
    assert {path.name for path in result.folder.iterdir()} == {"features.csv"}
    assert (result.colored, result.picture) == (None, None)
    with_color = run(request_of(save_dense=False, segmentation=segments, out=tmp_path / "other"))
    assert result.rows == with_color.rows


def test_outputs_of_an_earlier_run_are_not_left_beside_new_ones(request_of):
    earlier = run(request_of())
    (earlier.folder / "notes.txt").write_text("the user's own")
    later = run(request_of(save_dense=False))
    assert later.folder == earlier.folder
    assert {path.name for path in later.folder.iterdir()} == {"colored.nrrd", "features.png", "notes.txt"}


def test_bad_input_writes_nothing(request_of, image, tmp_path):
    other = sitk.Image([4, 4, 4], sitk.sitkUInt8) + 1
    sitk.WriteImage(other, str(tmp_path / "other.nrrd"))
    empty = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    empty.CopyInformation(image)
    write_segmentation(empty, [named_segment(1, "Empty")], tmp_path / "empty.seg.nrrd")
    (tmp_path / "broken.nrrd").write_bytes(b"no image")
    (tmp_path / "file").write_text("in the way")
    for words, changes in {
        "expected the same grid": {"segmentation": tmp_path / "other.nrrd"},
        "only empty segments": {"segmentation": tmp_path / "empty.seg.nrrd"},
        "no image that can be read": {"image": tmp_path / "broken.nrrd"},
        "without a segmentation": {"overlapping": (tmp_path / "more.seg.nrrd",)},
        "expected 1 to 4 mm": {"spacing_mm": 9.0},
        "backend": {"backend": "abacus"},
        "device": {"device": "toaster"},
        "is a file": {"out": tmp_path / "file"},
    }.items():
        with pytest.raises(InputError, match=words):
            run(request_of(**changes))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.75, 0.95])
def test_cancel_writes_nothing(request_of, tmp_path, moment):
    token = CancelToken()
    with pytest.raises(Canceled):
        run(request_of(), progress=lambda fraction, _: token.cancel() if fraction >= moment else None, cancel=token)
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if ".partial-" in path.name]
