"""The job "stroke": a table of one lesion, or of a folder."""

import numpy as np
import pytest
import SimpleITK as sitk

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the jobs to the registry
from MedDeepDiagnosisLib.cases import read_rows
from MedDeepDiagnosisLib.stroke.measure_job import Request, run
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment


@pytest.fixture
def files(atlas, tmp_path):
    labels = sitk.GetArrayFromImage(atlas)
    image = sitk.GetImageFromArray(((labels == 7) + 2 * (labels == 8)).astype(np.uint8))
    image.CopyInformation(atlas)
    segments = (Segment(1, "old", (1.0, 0.0, 0.0)), Segment(2, "new", (0.0, 1.0, 0.0)))
    write_segmentation(image, segments, tmp_path / "lesion.seg.nrrd")
    sitk.WriteImage(atlas, str(tmp_path / "atlas.nii.gz"))
    return tmp_path


def test_the_named_segment_is_measured(files):
    out = files / "row.csv"
    result = run(Request(files / "lesion.seg.nrrd", out, files / "atlas.nii.gz", "new"))
    assert result.notes == ("new: 1.28 ml, 0 % on the left",)
    (row,) = read_rows(out)
    assert (row["case"], row["load_mca_frontal_right"], row["load_mca_frontal_left"]) == ("lesion", "1", "0")


def test_a_folder_becomes_a_table_with_its_reasons(files, atlas):
    (files / "NIfTI").mkdir()
    image = sitk.Cast(sitk.Equal(atlas, 3), sitk.sitkUInt8)
    sitk.WriteImage(image, str(files / "NIfTI" / "bwsrsub-1_lesion.nii.gz"))
    header = "participant_id\tsex\tage\tpriorstroke\tbmi\tnihss\tgs_rankin_6isdeath\n"
    (files / "participants.tsv").write_text(header + "sub-1\tF\t70\t0\t25\t9\t3\nsub-2\tM\t70\t0\t25\t9\t3\n")
    out = files / "soop.csv"
    result = run(Request(files, out, files / "atlas.nii.gz"))
    assert (result.cases, result.left_out) == (1, {"sub-2": "no lesion mask"})
    (row,) = read_rows(out)
    assert (row["patient"], row["nihss"], row["rankin_above_2"]) == ("sub-1", "9", "1")


def test_cancel_writes_nothing(files):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        run(Request(files / "lesion.seg.nrrd", files / "row.csv", files / "atlas.nii.gz", "new"), cancel=token)
    assert not (files / "row.csv").exists()
