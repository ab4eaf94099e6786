"""Headers of images are read, other files are passed over."""

import dicom_files
import numpy as np
import pytest

from MedDeepRegSegLib.volumes.dicom_headers import by_series, decoded, is_dicom, read_header, series_text


def test_header_of_a_slice(tmp_path):
    folder = dicom_files.write_slices(tmp_path / "a", [0.0, 2.0], field=lambda points: points[..., 0])
    (folder / "text.dcm").write_text("no DICOM")
    header = read_header(folder / "IM001.dcm")
    assert header.plane.size == (10, 12)
    assert header.plane.spacing == (0.5, 0.75)
    np.testing.assert_allclose(header.plane.position, dicom_files.ORIGIN)
    assert header.plane.number == 1
    assert (header.series, header.modality, header.frames, header.rescale) == ("1.2.3.5", "CT", 1, (1.0, -1024.0))
    assert is_dicom(folder / "IM001.dcm")
    assert not is_dicom(folder / "text.dcm")
    assert read_header(folder / "text.dcm") is None
    (series,) = by_series([read_header(folder / name) for name in ("IM000.dcm", "IM001.dcm")]).values()
    assert series_text(series) == "CT with 2 files from IM000.dcm"


@pytest.mark.parametrize(
    ("character_set", "text"),
    [
        ("ISO_IR 100", "Schädel nativ"),
        ("ISO_IR 192", "Schädel nativ"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ"),
        ("GB18030", "王小东"),
        (["", "ISO 2022 IR 87"], "山田 Head"),
        (["", "ISO 2022 IR 149"], "김희중"),
        (["", "ISO 2022 IR 100"], "Schädel"),
    ],
)
def test_texts_are_in_the_letters_they_were_written_with(tmp_path, character_set, text):
    def change(one, _k):
        one.SpecificCharacterSet, one.SeriesDescription = character_set, text

    folder = dicom_files.write_slices(tmp_path / "a", [0.0], field=lambda points: points[..., 0], change=change)
    assert read_header(folder / "IM000.dcm").description == text


@pytest.mark.parametrize("said", ["", "ISO_IR 6", "ISO_IR 192", "made up"])
def test_letters_that_the_character_set_does_not_have_are_guessed(said):
    for data in ("Schädel".encode("latin_1"), "Schädel".encode()):
        assert decoded(data.decode("utf-8", "surrogateescape"), said) == "Schädel"


def test_a_description_that_says_none_is_left_out(tmp_path):
    def change(one, _k):
        one.SeriesDescription = "None"

    folder = dicom_files.write_slices(tmp_path / "a", [0.0], field=lambda points: points[..., 0], change=change)
    assert read_header(folder / "IM000.dcm").description == ""
