"""Images, other objects and damaged files of a folder are told apart."""

import dicom_files
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import no_progress
from MedDeepRegSegLib.volumes import dicom_folder
from MedDeepRegSegLib.volumes.dicom_folder import check_complete, folders_below, images_of, look_into


def write(folder, count=3):
    return dicom_files.write_slices(folder, [2.0 * k for k in range(count)], field=lambda points: points[..., 0])


def report(path):
    dicom_files.dataset("1.2.840.10008.5.1.4.1.1.88.33", modality="SR").save_as(path, enforce_file_format=True)


def test_what_a_folder_holds(tmp_path):
    folder = write(tmp_path / "a")
    report(folder / "sr")
    (folder / "notes.txt").write_text("hello")
    (folder / "DICOMDIR").write_bytes(b"index")
    (folder / "IM003.dcm").symlink_to(tmp_path / "gone.dcm")
    content = look_into(folder, "image", no_progress, None)
    assert [one.path.name for one in content.images] == ["IM000.dcm", "IM001.dcm", "IM002.dcm"]
    assert [(one.path.name, one.kind) for one in content.others] == [("sr", "SR")]
    assert [one.path.name for one in content.damaged] == ["IM003.dcm"]
    with pytest.raises(InputError, match=r"IM003.dcm is damaged: export or copy it again, or move it elsewhere"):
        check_complete(content, "1.2.3.5", "image")


def test_files_without_suffix_count_where_slices_are_named_alike(tmp_path):
    folder = write(tmp_path / "a")
    for path in sorted(folder.iterdir()):
        path.rename(path.with_suffix(""))
    (folder / "IM002").write_bytes(b"")
    (folder / "README").write_bytes(b"")
    content = look_into(folder, "image", no_progress, None)
    assert [one.path.name for one in content.damaged] == ["IM002"]


def test_damaged_reports_do_not_stop_a_series(tmp_path):
    folder = write(tmp_path / "a")
    report(folder / "sr.dcm")
    data = (folder / "sr.dcm").read_bytes()
    (folder / "sr.dcm").write_bytes(data[:-3])
    content = look_into(folder, "image", no_progress, None)
    assert check_complete(content, "1.2.3.5", "image") == "beside the series sr.dcm is damaged"
    assert len(images_of(content, "image")) == 3


def test_folders_below_are_bounded(tmp_path, monkeypatch):
    for name in ("b/deep", "a", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    assert list(folders_below(tmp_path)) == [tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "b" / "deep"]
    monkeypatch.setattr(dicom_folder, "_DEEPEST", 1)
    assert len(list(folders_below(tmp_path))) == 3
    monkeypatch.setattr(dicom_folder, "_MOST_FOLDERS", 2)
    with pytest.raises(InputError, match="more than 2 folders"):
        list(folders_below(tmp_path))
