"""``meddeep dicom`` lists series and writes one as a volume."""

import io
import json
import sys

import dicom_files
import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.cli import main


def field(points):
    return points[..., 0] + points[..., 2]


def second(one, _k):
    one.SeriesInstanceUID, one.SeriesDescription = "1.2.3.9", "Second"


def test_list_and_read(tmp_path, capsys):
    folder = dicom_files.write_slices(tmp_path / "a", 2.0 * np.arange(5), field=field, tilt_degrees=10)
    other = dicom_files.write_slices(tmp_path / "b", [0.0, 2.0, 6.0, 8.0], field=field, change=second)
    for file in other.iterdir():
        file.rename(folder / f"b{file.name}")
    assert main(["dicom", "list", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1. CT: 5 files, IM000.dcm"
    assert "after resampling: its slices are shifted sideways as from a gantry tilt of 10.0 degrees" in lines[1]
    assert lines[2] == "2. CT Second: 4 files, bIM000.dcm"
    assert "1 slice is missing" in lines[3]
    out = tmp_path / "v.nrrd"
    assert main(["dicom", "read", str(folder), "--series", "1", "--out", str(out), "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "each slice was put at its true place" in json.dumps(said)
    assert sitk.ReadImage(str(out)).GetSize() == (10, 14, 5)
    assert main(["dicom", "read", str(folder), "--series", "2", "--out", str(tmp_path / "w.nrrd"), "--quiet"]) == 2
    assert "1 slice is missing" in capsys.readouterr().err
    assert not (tmp_path / "w.nrrd").exists()


def test_names_with_umlauts_are_listed(tmp_path, monkeypatch):
    def change(one, _k):
        one.SpecificCharacterSet, one.SeriesDescription = "ISO_IR 100", "Schädel nativ"

    folder = dicom_files.write_slices(tmp_path / "a", [0.0, 2.0], field=field, change=change)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="utf-8", errors="strict"))
    assert main(["dicom", "list", str(folder)]) == 0
    sys.stdout.flush()
    assert printed.getvalue().decode("utf-8").startswith("1. CT Schädel nativ: 2 files")


def test_disks_are_listed_with_all_that_is_on_them(tmp_path, capsys):
    dicom_files.write_slices(tmp_path / "cd" / "ct", [0.0, 2.0, 4.0], field=field)
    last = tmp_path / "cd" / "ct" / "IM000.dcm"
    (tmp_path / "cd" / "seg").mkdir()
    one = dicom_files.dataset("1.2.840.10008.5.1.4.1.1.66.4", modality="SEG")
    one.save_as(tmp_path / "cd" / "seg" / "liver.dcm", enforce_file_format=True)
    assert main(["dicom", "list", str(tmp_path / "cd")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1. CT: 3 files, ct/IM000.dcm"
    assert lines[2] == "SEG: seg/liver.dcm, give it as a segmentation"
    assert main(["dicom", "list", str(tmp_path / "cd" / "seg")]) == 0, "objects alone are listed too"
    assert capsys.readouterr().out == "SEG: liver.dcm, give it as a segmentation\n"
    last.write_bytes(last.read_bytes()[:200])
    assert main(["dicom", "list", str(tmp_path / "cd")]) == 0
    said = capsys.readouterr().out
    assert "damaged: ct/IM000.dcm, export or copy it again" in said
    assert main(["dicom", "read", str(tmp_path / "cd"), "--out", str(tmp_path / "v.nrrd"), "--quiet"]) == 2
    assert "IM000.dcm is damaged: export or copy it again" in capsys.readouterr().err
    assert not (tmp_path / "v.nrrd").exists()
