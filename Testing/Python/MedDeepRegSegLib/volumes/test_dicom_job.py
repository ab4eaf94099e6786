"""The job that lists and reads series."""

import dicom_files
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.dicom_job import Request, run


def test_list_and_refusals(tmp_path):
    folder = dicom_files.write_slices(tmp_path / "a", [0.0, 2.0, 4.0], field=lambda points: points[..., 0])
    result = run(Request(folder))
    (one,) = result.series
    assert (one.uid, one.usable, result.volume) == ("1.2.3.5", True, None)
    with pytest.raises(InputError, match="there is no file to write"):
        run(Request(folder, series="1"))
    with pytest.raises(InputError, match="is no folder"):
        run(Request(folder / "IM000.dcm"))
    result = run(Request(folder, out=tmp_path / "v.nrrd"))
    assert result.volume.exists()
    assert result.note == ""


def test_folders_below_are_searched_and_slices_stand_for_their_series(tmp_path):
    def other(one, _k):
        one.SeriesInstanceUID = "1.2.3.9"

    def field(points):
        return points[..., 0]

    dicom_files.write_slices(tmp_path / "cd" / "ct", [0.0, 2.0, 4.0], field=field)
    dicom_files.write_slices(tmp_path / "cd" / "late", [0.0, 2.0], field=field, change=other)
    report = dicom_files.dataset("1.2.840.10008.5.1.4.1.1.88.33", modality="SR")
    (tmp_path / "cd" / "sr").mkdir()
    report.save_as(tmp_path / "cd" / "sr" / "one.dcm", enforce_file_format=True)
    result = run(Request(tmp_path / "cd"))
    assert [(one.number, one.first.parent.name, one.files) for one in result.series] == [(1, "ct", 3), (2, "late", 2)]
    assert [(one.kind, one.path.parent.name) for one in result.others] == [("SR", "sr")]
    out = tmp_path / "v.nrrd"
    with pytest.raises(InputError, match=r"has 2 DICOM series \(1\. .*give --series N, see 'meddeep dicom list'"):
        run(Request(tmp_path / "cd", out=out))
    with pytest.raises(InputError, match="no series '3', expected 1 to 2"):
        run(Request(tmp_path / "cd", series="3", out=out))
    for given, series, slices in (
        ("cd", "2", 2),
        ("cd", "1.2.3.5", 3),
        ("cd/late", None, 2),
        ("cd/ct/IM001.dcm", None, 3),
    ):
        run(Request(tmp_path / given, series=series, out=out))
        assert sitk.ReadImage(str(out)).GetSize()[2] == slices
    with pytest.raises(InputError, match="stands for its series: leave the series '1' out"):
        run(Request(tmp_path / "cd/ct/IM001.dcm", series="1", out=out))
    with pytest.raises(InputError, match=r"v\.nrrd is no DICOM file"):
        run(Request(out, out=tmp_path / "w.nrrd"))
