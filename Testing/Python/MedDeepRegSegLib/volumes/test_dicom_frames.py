"""Files of several frames are volumes at the places that each frame tells."""

import builtins

import dicom_files
import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.volumes.reading import read_volume, reading_note

OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, 0.6)


def field(points):
    return points @ np.array([1.0, 2.0, 3.0])


def check(image):
    """Compare the voxels with the field at their places in the patient."""
    index = np.indices(image.GetSize()[::-1])[::-1].reshape(3, -1)
    matrix = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    points = (matrix @ index + np.array(image.GetOrigin())[:, None]).T
    np.testing.assert_allclose(sitk.GetArrayFromImage(image).ravel(), field(points), atol=1.01)


@pytest.mark.parametrize(
    ("heights", "orientation"),
    [([0, 2, 4, 6], OBLIQUE), ([6, 4, 2, 0], OBLIQUE), ([0, 4, 2, 6], dicom_files.AXIAL)],
    ids=["up", "down", "shuffled"],
)
def test_frames_are_ordered_by_place(tmp_path, heights, orientation):
    path = dicom_files.write_frames(tmp_path / "a.dcm", heights, field=field, orientation=orientation)
    image = read_volume(path)
    assert image.GetSize() == (10, 12, 4)
    np.testing.assert_allclose(image.GetSpacing(), (0.5, 0.75, 2.0), atol=1e-6)
    check(image)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_volume(tmp_path)), sitk.GetArrayFromImage(image))


def test_each_frame_is_rescaled_by_its_own_slope(tmp_path):
    check(read_volume(dicom_files.write_frames(tmp_path / "a.dcm", [0, 2, 4], field=field, slopes=[1.0, 0.5, 0.25])))


@pytest.mark.parametrize("slopes", [None, [1.0, 0.5, 0.25]])
def test_compressed_frames(tmp_path, slopes):
    pydicom = pytest.importorskip("pydicom")
    options = {"slopes": slopes, "change": lambda one: one.compress(pydicom.uid.RLELossless)}
    check(read_volume(dicom_files.write_frames(tmp_path / "a.dcm", [4, 2, 0], field=field, **options)))


def test_frames_at_changing_distances_and_missing_ones(tmp_path):
    image = read_volume(dicom_files.write_frames(tmp_path / "a.dcm", [0, 2, 4, 6, 9, 12, 15], field=field))
    assert "varies from 2 to 3 mm" in reading_note(image)
    check(image)
    path = dicom_files.write_frames(tmp_path / "b.dcm", [0, 2, 4, 8, 10], field=field)
    with pytest.raises(InputError, match=r"1 slice is missing .*frame 3 \(9.0 mm\) to frame 4 \(13.0 mm\)"):
        read_volume(path)
    path = dicom_files.write_frames(tmp_path / "c.dcm", [0, 2, 0, 2], field=field)
    with pytest.raises(InputError, match="2 DICOM slices lie at the place of another"):
        read_volume(path)


def test_frames_without_places_are_refused(tmp_path):
    def film(one):
        del one.PerFrameFunctionalGroupsSequence

    path = dicom_files.write_frames(tmp_path / "a.dcm", [0, 2, 4], field=field, change=film)
    with pytest.raises(InputError, match=r"frames of a\.dcm do not tell their places"):
        read_volume(path)


def test_without_pydicom_the_package_is_named(tmp_path, monkeypatch):
    path = dicom_files.write_frames(tmp_path / "a.dcm", [0, 2, 4], field=field)
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("pydicom"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingPackageError, match=r"needs the package pydicom: install it with 'pip install"):
        read_volume(path)
