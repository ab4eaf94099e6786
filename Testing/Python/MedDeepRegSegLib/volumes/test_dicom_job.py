"""The job that lists and reads series."""

import dicom_files
import pytest

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
