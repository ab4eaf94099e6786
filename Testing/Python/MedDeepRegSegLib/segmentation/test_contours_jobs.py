"""The jobs "contours" and "align-contours", in process, on files."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.segmentation import align_contours_job, contours_job
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.curve_files import Markup, read_markups, write_markups
from MedDeepRegSegLib.volumes.label_guess import looks_like_labels

MAJOR, MINOR = 26.0, 18.0


@pytest.fixture
def tube(tmp_path):
    """Files of an elliptic tube (Liver) and a bar (Spleen): tube.seg.nrrd, image.nrrd."""
    k, j, i = np.indices((7, 36, 50))
    x, y = (i - 16.3) * 1.0, (j - 17.6) * 1.0
    labels = (((x / (MAJOR / 2)) ** 2 + (y / (MINOR / 2)) ** 2 <= 1) & (k >= 1) & (k <= 5)).astype(np.uint8)
    labels[2:5, 10:13, 34:48] = 2
    mask = sitk.GetImageFromArray(labels)
    mask.SetSpacing((1.0, 1.0, 3.0))
    mask.SetOrigin((-20.0, 15.0, 40.0))
    write_segmentation(mask, [named_segment(1, "Liver"), named_segment(2, "Spleen")], tmp_path / "tube.seg.nrrd")
    noise = np.random.default_rng(0).normal(0, 4, labels.shape)
    image = sitk.GetImageFromArray((40.0 * labels + noise).astype(np.float32))
    image.CopyInformation(mask)
    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    sitk.WriteImage(mask, str(tmp_path / "labels.nrrd"))
    return tmp_path


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_segments_get_contours_ellipses_tables_and_pictures(tube):
    request = contours_job.Request(tube / "tube.seg.nrrd", tube / "out", image=tube / "image.nrrd", marked=3)
    assert from_json(contours_job.Request, to_json(request)) == request
    seen = []
    result = run_job("contours", request, progress=lambda fraction, _: seen.append(fraction))
    assert seen[-1] == 1
    assert from_json(contours_job.Result, to_json(result)) == result
    assert (result.contours, result.source_was) == (8, "segmentation")
    rows = rows_of(result.table)
    liver = [row for row in rows if row["Segment"] == "Liver"]
    assert [int(row["Slice"]) for row in liver] == [1, 2, 3, 4, 5]
    for row in liver:
        assert float(row["Major axis (mm)"]) == pytest.approx(MAJOR, rel=0.01)
        assert float(row["Minor axis (mm)"]) == pytest.approx(MINOR, rel=0.01)
        # RAS in tables: the origin is LPS.
        assert float(row["Ellipse center R (mm)"]) == pytest.approx(20 - 16.3, abs=0.1)
        assert float(row["Ellipse center A (mm)"]) == pytest.approx(-15 - 17.6, abs=0.1)
        assert abs(float(row["Major axis direction R"])) > 0.99
        assert float(row["Confidence"]) > 0.95
        assert float(row["Residual 95th percentile (mm)"]) < 0.5
    (own,) = [row for row in rows_of(result.structures) if row["Segment"] == "Liver"]
    assert own["Slices"] == "5"
    assert float(own["Center line length (mm)"]) == pytest.approx(12, abs=0.1)
    assert float(own["Center line tilt to the slices' normal (degree)"]) < 1
    outlines, curves = (read_markups(path) for path in result.markups)
    assert len([markup for markup in outlines if markup.name.startswith("Liver")]) == 3
    assert {markup.kind for markup in outlines} == {"ClosedCurve"}
    assert {markup.kind for markup in curves} == {"ClosedCurve", "Line"}
    assert any("not in the markups" in note for note in result.notes)
    projection = sitk.ReadImage(str(result.projection))
    assert projection.GetNumberOfComponentsPerPixel() == 3
    assert projection.GetOrigin() == pytest.approx((-20.0, 15.0, 40.0))
    assert sitk.ReadImage(str(result.picture)).GetNumberOfComponentsPerPixel() == 3


def test_lines_along_another_axis_and_what_an_earlier_run_left(tube):
    out = tube / "out"
    run_job("contours", contours_job.Request(tube / "labels.nrrd", out))
    assert (out / "projection.nrrd").exists()
    request = contours_job.Request(tube / "labels.nrrd", out, fit="line", axis="coronal", projection=False)
    result = run_job("contours", request)
    assert result.source_was == "segmentation"
    assert result.projection is None
    assert not (out / "projection.nrrd").exists()
    bar = [row for row in rows_of(result.table) if row["Segment"] == "Segment 2"]
    assert bar
    for row in bar:
        assert abs(float(row["Line direction R"])) > 0.99


def test_edges_of_an_image(tube):
    result = run_job("contours", contours_job.Request(tube / "image.nrrd", tube / "out", level=20.0))
    assert result.source_was == "image"
    assert result.structures is None
    first = [row for row in rows_of(result.table) if row["Edge"] == "Edge 1"]
    assert len(first) == 5
    for row in first:
        assert float(row["Major axis (mm)"]) == pytest.approx(MAJOR, rel=0.02)


def test_labels_are_told_from_images(tube):
    labels, image = (sitk.ReadImage(str(tube / name)) for name in ("labels.nrrd", "image.nrrd"))
    assert looks_like_labels(labels)
    assert looks_like_labels(sitk.Cast(labels, sitk.sitkFloat32))
    assert not looks_like_labels(image)
    rounded = np.clip(np.rint(sitk.GetArrayFromImage(image)), 0, None).astype(np.uint8)
    assert not looks_like_labels(sitk.GetImageFromArray(rounded))


def test_nothing_is_written_when_refused_or_canceled(tube):
    token = CancelToken()
    token.cancel()
    segmentation, image, out = tube / "tube.seg.nrrd", tube / "image.nrrd", tube / "new"
    empty = tube / "empty.seg.nrrd"
    write_segmentation(sitk.Image(6, 6, 6, sitk.sitkUInt8), [named_segment(1, "None")], empty)
    other = tube / "other.nrrd"
    sitk.WriteImage(sitk.ReadImage(str(image))[:-1], str(other))
    cases = [
        ("contours", contours_job.Request(segmentation, out, level=3.0), "for an image only"),
        ("contours", contours_job.Request(image, out, image=image), "beside a segmentation only"),
        ("contours", contours_job.Request(image, out, minimum_length_mm=900.0), "was found"),
        ("contours", contours_job.Request(empty, out), "no voxels in any segment"),
        ("contours", contours_job.Request(segmentation, out, marked=0), "expected 1 or more"),
        ("contours", contours_job.Request(segmentation, out, image=other), "voxels"),
        ("contours", contours_job.Request(segmentation, image), "is a file"),
        ("align-contours", align_contours_job.Request(segmentation, empty, out), "is empty"),
        ("align-contours", align_contours_job.Request(tube / "none.nrrd", segmentation, out), "none.nrrd"),
        ("align-contours", align_contours_job.Request(segmentation, segmentation, out, image=other), "voxels"),
    ]
    for name, request, words in cases:
        with pytest.raises(InputError, match=words):
            run_job(name, request)
    for name, request in (
        ("contours", contours_job.Request(segmentation, out)),
        ("align-contours", align_contours_job.Request(segmentation, segmentation, out)),
    ):
        with pytest.raises(Canceled):
            run_job(name, request, cancel=token)
    assert not out.exists()


def test_alignment_of_files(tube):
    mask = sitk.ReadImage(str(tube / "labels.nrrd"))
    moved = sitk.Image(mask)
    moved.SetOrigin((-14.0, 12.0, 45.0))
    sitk.WriteImage(moved, str(tube / "moved.nrrd"))
    request = align_contours_job.Request(tube / "moved.nrrd", tube / "tube.seg.nrrd", tube / "out")
    assert from_json(align_contours_job.Request, to_json(request)) == request
    result = run_job("align-contours", request)
    assert from_json(align_contours_job.Result, to_json(result)) == result
    assert result.mean_mm < 0.3
    assert result.shift_mm == pytest.approx(np.linalg.norm([6, -3, 5]), abs=0.3)
    point = (-5.0, 30.0, 50.0)
    transform, inverse = (sitk.ReadTransform(str(path)) for path in (result.transform, result.inverse))
    np.testing.assert_allclose(transform.TransformPoint(point), np.add(point, (6, -3, 5)), atol=0.4)
    np.testing.assert_allclose(inverse.TransformPoint(transform.TransformPoint(point)), point, atol=1e-6)
    told = json.loads(result.errors.read_text())
    assert told["mean_mm"] == pytest.approx(result.mean_mm, abs=1e-3)
    assert told["kind"] == "rigid"
    assert result.picture.exists()


def test_curves_survive_their_file(tmp_path):
    path = tmp_path / "x.mrk.json"
    markups = [
        Markup("ClosedCurve", "a", np.eye(3), (1.0, 0.5, 0.25)),
        Markup("Line", "b", np.arange(6.0).reshape(2, 3), (0.0, 0.0, 1.0)),
    ]
    write_markups(markups, path)
    for wrote, read in zip(markups, read_markups(path), strict=True):
        assert (read.kind, read.name, read.color) == (wrote.kind, wrote.name, wrote.color)
        np.testing.assert_allclose(read.points, wrote.points)
    for bad, words in (
        ([], "no curves"),
        ([Markup("Line", "c", np.eye(3), (1, 1, 1))], "shape"),
        ([Markup("Curve", "c", np.full((2, 3), np.nan), (1, 1, 1))], "finite"),
    ):
        with pytest.raises(InputError, match=words):
            write_markups(bad, tmp_path / "y.mrk.json")
    with pytest.raises(InputError, match=r"ends with \.mrk\.json"):
        write_markups(markups, tmp_path / "y.json")
    path.write_text("{}")
    with pytest.raises(InputError, match="cannot be read as curves"):
        read_markups(path)
