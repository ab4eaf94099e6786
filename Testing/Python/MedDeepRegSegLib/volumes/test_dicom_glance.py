"""Files are gone through to their end."""

import dicom_files
import pytest

from MedDeepRegSegLib.volumes.dicom_glance import Glance, glance

SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big endian": "1.2.840.10008.1.2.2",
}


def report(path, syntax):
    """Write a report with nested sequences, of known and of unknown length."""
    pydicom = pytest.importorskip("pydicom")
    one = dicom_files.dataset("1.2.840.10008.5.1.4.1.1.88.33", modality="SR")
    one.SeriesDescription = "Findings"
    one.file_meta.TransferSyntaxUID = syntax
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    inner.TextValue = "words"
    inner.is_undefined_length_sequence_item = True
    outer.ContentSequence = [inner, inner]
    outer["ContentSequence"].is_undefined_length = True
    one.ContentSequence = [outer]
    big = syntax == SYNTAXES["big endian"]
    pydicom.dcmwrite(
        path,
        one,
        little_endian=not big,
        implicit_vr=syntax == SYNTAXES["implicit"],
        enforce_file_format=True,
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_whole_and_cut(tmp_path, syntax):
    path = tmp_path / "sr.dcm"
    report(path, SYNTAXES[syntax])
    seen = glance(path)
    assert (seen.modality, seen.series, seen.description, seen.whole) == ("SR", "1.2.3.5", "Findings", True)
    assert not seen.is_slice
    data = path.read_bytes()
    for cut in (3, 5, 30):
        path.write_bytes(data[:-cut])
        assert not glance(path).whole, cut
    path.write_bytes(data + bytes(10))
    assert glance(path).whole, "filled up with zeros"


def test_slices_and_files_that_are_no_dicom(tmp_path):
    folder = dicom_files.write_slices(tmp_path / "a", [0.0], field=lambda points: points[..., 0])
    path = folder / "IM000.dcm"
    assert glance(path).is_slice
    data = path.read_bytes()
    path.write_bytes(data[132 + data[132:].index(b"\x08\x00\x16\x00") :])
    assert glance(path).whole, "without the mark, as old files are"
    for content in (b"", bytes(500), b"hello", data[:132], data[:300]):
        path.write_bytes(content)
        assert not glance(path).whole
    assert glance(tmp_path / "none.dcm") == Glance()
