"""Headers of images are read, other files are passed over."""

import dicom_files
import numpy as np

from MedDeepRegSegLib.jobs.progress import no_progress
from MedDeepRegSegLib.volumes.dicom_headers import by_series, is_dicom, read_header, read_headers, series_text


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
    (series,) = by_series(read_headers(folder, "image", no_progress, None)).values()
    assert series_text(series) == "CT with 2 files from IM000.dcm"
