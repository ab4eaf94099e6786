"""The three jobs of this package, in process, on files."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.segmentation import foreground_job, grow_job, measure_job
from MedDeepRegSegLib.segmentation.growing import GrowingSettings
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def balls(tmp_path):
    """An image of two bright balls in gray with noise, with the centers in LPS mm."""
    rng = np.random.default_rng(0)
    k, j, i = np.indices((40, 40, 50))
    values = np.full((40, 40, 50), 100.0)
    values[(k - 20) ** 2 + (j - 20) ** 2 + (i - 14) ** 2 <= 81] = 200
    values[(k - 20) ** 2 + (j - 20) ** 2 + (i - 36) ** 2 <= 64] = 200
    image = sitk.GetImageFromArray((values + rng.normal(0, 6, values.shape)).astype(np.int16))
    image.SetOrigin((-30.0, 40.0, 5.0))
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    centers = [image.TransformIndexToPhysicalPoint(index) for index in ((14, 20, 20), (36, 20, 20))]
    return tmp_path / "image.nii.gz", centers


def test_requests_cross_a_process_border(balls, tmp_path):
    path, centers = balls
    for request in (
        foreground_job.Request(path, tmp_path / "a.seg.nrrd", "lungs"),
        grow_job.Request(
            path,
            tmp_path / "b.seg.nrrd",
            tuple(centers),
            box=(-60.0, 0.0, 0.0, 60.0, 90.0, 90.0),
            settings=GrowingSettings(band_width=2.5),
            uncertainty=tmp_path / "unsure.nrrd",
        ),
        measure_job.Request(tmp_path / "b.seg.nrrd", tmp_path / "c.csv", image=path),
    ):
        assert from_json(type(request), to_json(request)) == request
    for name in ("foreground", "grow", "measure"):
        assert job_module(name).Request


def test_grow_then_measure(balls, tmp_path):
    path, centers = balls
    out = tmp_path / "out" / "grown.seg.nrrd"
    seen = []
    request = grow_job.Request(path, out, (centers[0],), name="Left kidney")
    result = run_job("grow", request, progress=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert result.volume_ml == pytest.approx(4 / 3 * np.pi * 9**3 / 1000, rel=0.08)
    labels, segments = read_segmentation(out)
    assert [(s.value, s.name) for s in segments] == [(1, "Left kidney")]
    assert "Kidney" in segments[0].terminology
    assert labels[14, 20, 20] == 1
    assert labels[36, 20, 20] == 0
    from_json(grow_job.Result, to_json(result))

    table = run_job("measure", measure_job.Request(out, tmp_path / "table.csv", image=path))
    with table.table.open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert next(iter(row)) == "Segment"
    assert row["Segment"] == "Left kidney"
    assert float(row["Volume (mL)"]) == pytest.approx(result.volume_ml, rel=1e-4)
    assert float(row["Intensity mean"]) == pytest.approx(200, abs=4)
    from_json(measure_job.Result, to_json(table))


def test_a_second_segment_joins_the_first_and_a_named_one_is_extended(balls, tmp_path):
    path, centers = balls
    first, second, third = (tmp_path / f"{name}.seg.nrrd" for name in "abc")
    run_job("grow", grow_job.Request(path, first, (centers[0],), name="one"))
    run_job("grow", grow_job.Request(path, second, (centers[1],), name="two", previous=first))
    labels, segments = read_segmentation(second)
    assert [(s.value, s.name) for s in segments] == [(1, "one"), (2, "two")]
    assert (labels[14, 20, 20], labels[36, 20, 20]) == (1, 2)
    before = sitk.GetArrayFromImage(read_segmentation(first)[0])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels) == 1, before == 1)
    with pytest.raises(InputError, match="lies in segment 'one'"):
        run_job("grow", grow_job.Request(path, third, (centers[0],), name="three", previous=second))
    run_job("grow", grow_job.Request(path, third, (centers[1],), name="one", previous=first))
    labels, segments = read_segmentation(third)
    assert [s.name for s in segments] == ["one"]
    assert labels[14, 20, 20] == labels[36, 20, 20] == 1


def test_the_doubt_is_written_with_the_segment_or_not_at_all(balls, tmp_path, monkeypatch):
    path, centers = balls
    doubt = tmp_path / "new" / "unsure.nrrd"
    settings = GrowingSettings(adapt=True)
    request = grow_job.Request(
        path, tmp_path / "new" / "a.seg.nrrd", (centers[0],), (centers[1],), settings=settings, uncertainty=doubt
    )
    with monkeypatch.context() as context:

        def full(*_arguments):
            msg = "the disk is full"
            raise InputError(msg)

        context.setattr(grow_job, "write_segmentation", full)
        with pytest.raises(InputError, match="the disk is full"):
            run_job("grow", request)
        assert not (tmp_path / "new").exists()
    result = run_job("grow", request)
    assert from_json(grow_job.Result, to_json(result)) == result
    assert result.uncertainty == doubt
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(doubt)))
    assert values[20, 20, 14] < 0.3
    assert 0.5 < values.max() <= 1


def test_the_next_point_is_told_in_ras(balls, tmp_path, monkeypatch):
    from MedDeepRegSegLib.segmentation import growing

    def suggesting(image, *arguments, **options):
        options.pop("uncertainty")
        return growing.Grown(growing.grow(image, *arguments, **options), suggestion=((-1.0, 2.0, 3.0), True))

    path, centers = balls
    monkeypatch.setattr(grow_job, "grow_in_detail", suggesting)
    result = run_job("grow", grow_job.Request(path, tmp_path / "a.seg.nrrd", (centers[0],)))
    assert result.suggestion == grow_job.Suggestion((1.0, -2.0, 3.0), inside=True)
    assert from_json(grow_job.Result, to_json(result)) == result


def test_foreground_as_a_file(shared_data, tmp_path):
    image = shared_data / "06_totalsegmentator" / "example_ct_sm.nii.gz"
    result = run_job("foreground", foreground_job.Request(image, tmp_path / "lungs.seg.nrrd", "lungs"))
    assert result.segments == ("Right lung", "Left lung")
    assert all(volume > 30 for volume in result.volumes_ml)
    _, segments = read_segmentation(result.segmentation)
    assert [s.name for s in segments] == ["Right lung", "Left lung"]


def test_nothing_is_written_when_refused_or_canceled(balls, tmp_path):
    path, centers = balls
    token = CancelToken()
    token.cancel()
    out = tmp_path / "new" / "x.seg.nrrd"
    cases = [
        ("grow", grow_job.Request(path, out, ()), "no positive point"),
        ("grow", grow_job.Request(path, tmp_path / "new" / "x.nrrd", (centers[0],)), "ends in .seg.nrrd"),
        ("grow", grow_job.Request(path, out, (centers[0],), uncertainty=out), "not the name of an image file"),
        ("grow", grow_job.Request(path, out, (centers[0],), uncertainty=tmp_path / "x.png"), "expected for example"),
        (
            "grow",
            grow_job.Request(
                path,
                out,
                (centers[0],),
                settings=GrowingSettings(method="classic"),
                uncertainty=tmp_path / "new" / "u.nrrd",
            ),
            "with the method classic",
        ),
        (
            "grow",
            grow_job.Request(path, out, (centers[0],), settings=GrowingSettings(method="classic", adapt=True)),
            "only the network learns",
        ),
        ("grow", grow_job.Request(tmp_path / "none.nii", out, (centers[0],)), "none.nii"),
        ("foreground", foreground_job.Request(path, tmp_path / "new" / "x.nii"), "ends in .seg.nrrd"),
        ("measure", measure_job.Request(tmp_path / "none.seg.nrrd", tmp_path / "new" / "x.csv"), "there is no file"),
        ("measure", measure_job.Request(path, tmp_path / "new" / "x.txt"), "ends in .csv"),
    ]
    empty = tmp_path / "empty.seg.nrrd"
    write_segmentation(sitk.Image(4, 4, 4, sitk.sitkUInt8), [], empty)
    cases.append(("measure", measure_job.Request(empty, tmp_path / "new" / "x.csv"), "no segments"))
    for name, request, words in cases:
        with pytest.raises(InputError, match=words):
            run_job(name, request)
    with pytest.raises(Canceled):
        run_job("grow", grow_job.Request(path, out, (centers[0],)), cancel=token)
    assert not (tmp_path / "new").exists()


def test_labels_on_another_grid_are_refused(balls, tmp_path):
    path, _ = balls
    other = tmp_path / "other.seg.nrrd"
    array = np.zeros((5, 5, 5), np.uint8)
    array[2, 2, 2] = 1
    write_segmentation(sitk.GetImageFromArray(array), [named_segment(1, "x")], other)
    with pytest.raises(InputError, match="voxels"):
        run_job("measure", measure_job.Request(other, tmp_path / "x.csv", image=path))
    with pytest.raises(InputError, match="voxels"):
        run_job("grow", grow_job.Request(path, tmp_path / "x.seg.nrrd", ((0.0, 60.0, 25.0),), previous=other))
