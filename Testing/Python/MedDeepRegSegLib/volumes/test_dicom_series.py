"""A folder is read when its slices are one regular volume, and refused with the reason when not."""

import dicom_files
import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, no_progress
from MedDeepRegSegLib.volumes.dicom_folder import look_into
from MedDeepRegSegLib.volumes.dicom_series import read_dicom_folder, summaries
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY
from MedDeepRegSegLib.volumes.reading import read_volume, reading_note

ROW, COLUMN = np.array([0.96, 0.28, 0.0]), np.array([-0.28, 0.96, 0.0])
NORMAL = np.cross(ROW, COLUMN)


def write_series(folder, heights, *, tilt=0.0, series="1.2.3", modality="CT", description="", rows=9):
    """Write one slice at each of ``heights`` (mm along the normal); voxels hold the number of the slice."""
    folder.mkdir(exist_ok=True)
    for number, height in enumerate(heights):
        image = sitk.Image([8, rows], sitk.sitkInt16) + 100 + number
        position = np.array([-50.0, 20.0, 5.0]) + height * NORMAL + tilt * height * COLUMN
        image.SetSpacing((0.5, 0.75))
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0060": modality,
            "0008|103e": description,
            "0010|0010": "Name^Of^Patient",
            "0020|000d": "1.2.3.4",
            "0020|000e": series,
            "0020|0032": "\\".join(f"{c:.6f}" for c in position),
            "0020|0037": "\\".join(f"{c:.6f}" for c in (*ROW, *COLUMN)),
            "0020|0013": str(number + 1),
            "0028|1052": "-1024",
            "0028|1053": "1",
        }
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        # The order of the names is not the order in space.
        writer.SetFileName(str(folder / f"{series}-{(number * 7) % 31:02d}.dcm"))
        dicom_files.write_by_gdcm(writer, image)
    return folder


def test_regular_series_comes_in_with_its_geometry(tmp_path):
    image = read_volume(write_series(tmp_path / "a", 2.5 * np.arange(6)[::-1]))
    assert image.GetSize() == (8, 9, 6)
    np.testing.assert_allclose(image.GetSpacing(), (0.5, 0.75, 2.5), atol=1e-5)
    np.testing.assert_allclose(image.GetOrigin(), (-50, 20, 5), atol=1e-5)
    np.testing.assert_allclose(np.array(image.GetDirection()).reshape(3, 3), np.c_[ROW, COLUMN, NORMAL], atol=1e-6)
    # The writer stores values as they are before rescaling (value + 1024); slices are sorted by place.
    assert [image.GetPixel(0, 0, k) for k in range(6)] == [105, 104, 103, 102, 101, 100]
    assert image.GetMetaDataKeys() == (MODALITY_KEY,)


def test_slopes_that_differ_keep_their_fractions(tmp_path):
    folder = write_series(tmp_path / "a", np.arange(4.0), modality="PT")
    tag = b"\x28\x00\x53\x10"  # Rescale Slope, implicit representation: tag, length, value
    one, fraction = tag + b"\x02\x00\x00\x001 ", tag + b"\x04\x00\x00\x000.3 "
    for number in (2, 3):  # the writer refuses fractions for whole voxels, but scanners write them
        path = folder / f"1.2.3-{number * 7:02d}.dcm"
        data = path.read_bytes()
        assert data.count(one) == 1
        path.write_bytes(data.replace(one, fraction))
    image = read_volume(folder)
    assert image.GetPixelID() == sitk.sitkFloat32
    stored = 1024 + 100 + np.arange(4)
    expected = np.array([1, 1, 0.3, 0.3]) * stored - 1024
    np.testing.assert_allclose([image.GetPixel(0, 0, k) for k in range(4)], expected, atol=1e-3)


def test_whole_slopes_that_differ_do_not_wrap(tmp_path):
    slopes = (1, 100, 100, 100)

    def change(one, k):
        one.RescaleSlope, one.RescaleIntercept = slopes[k], 0

    folder = dicom_files.write_slices(
        tmp_path / "a", np.arange(4.0), field=lambda points: 0 * points[..., 0] + 2000, change=change
    )
    image = read_volume(folder)
    assert [image.GetPixel(0, 0, k) for k in range(4)] == [3024, 302400, 302400, 302400]


@pytest.mark.parametrize("signed_first", [True, False])
def test_slices_stored_with_and_without_a_sign_do_not_wrap(tmp_path, signed_first):
    values = {True: -5, False: 60000}

    def change(one, k):
        signed = (k == 0) == signed_first
        one.RescaleIntercept, one.PixelRepresentation = 0, int(signed)
        one.PixelData = np.full((12, 10), values[signed], np.int16 if signed else np.uint16).tobytes()

    folder = dicom_files.write_slices(tmp_path / "a", np.arange(3.0), field=field, change=change)
    image = read_volume(folder)
    expected = [values[signed_first], values[not signed_first], values[not signed_first]]
    assert [image.GetPixel(0, 0, k) for k in range(3)] == expected


@pytest.mark.parametrize(
    ("heights", "tilt", "message"),
    [
        (
            [0, 2, 4, 8, 10, 12],
            0,
            "1 slice is missing (slices are 2 to 4 mm apart, gaps from 1.2.3-14.dcm (9.0 mm, image 3) to 1.2.3-21.dcm "
            "(13.0 mm, image 4))",
        ),
        ([0, 2, 4, 10, 12, 14, 18, 20], 0, "3 slices are missing"),
        ([0, 5, 10, 15, 20, 33, 46, 59, 72], 0, "slices up to 13 mm apart among others are too far to interpolate"),
        ([0, 2, 4, 6, 8], np.tan(np.radians(50)), "gantry tilt of 50.0 degrees, expected at most 45"),
        ([0, 2, 4, 8, 10], np.tan(np.radians(12)), "gantry tilt of 12.0 degrees; 1 slice is missing"),
        ([0, 2, 2, 4, 4], 0, "2 DICOM slices lie at the place of another (5 in all)"),
        ([3], 0, "is a single DICOM slice"),
    ],
)
def test_irregular_series_are_refused_with_the_reason(tmp_path, heights, tilt, message):
    folder = write_series(tmp_path / "a", heights, tilt=tilt)
    with pytest.raises(InputError) as caught:
        read_volume(folder, "fixed image")
    assert message in str(caught.value)
    assert str(caught.value).startswith("fixed image")
    assert "\n" not in str(caught.value)


def world_values(image):
    """Return x + 2 y + 3 z (LPS mm) at the voxels of an image, (k, j, i)."""
    index = np.indices(image.GetSize()[::-1])[::-1].reshape(3, -1)
    matrix = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    points = matrix @ index + np.array(image.GetOrigin())[:, None]
    return (np.array([1, 2, 3]) @ points).reshape(image.GetSize()[::-1])


def field(points):
    return points @ np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("heights", "degrees", "size", "said"),
    [
        (2.0 * np.arange(8), 12.0, (10, 16, 8), "gantry tilt of 12.0 degrees: each slice was put at its true place"),
        ([0, 2, 4, 6, 9, 12, 15], 0.0, (10, 12, 7), "the distance between them varies from 2 to 3 mm"),
        (
            np.r_[0:20:4, 20:60:8],
            -20.0,
            (10, 38, 14),
            "gantry tilt of 20.0 degrees and the distance between them varies",
        ),
    ],
)
def test_tilt_and_changing_distances_are_put_on_an_even_grid(tmp_path, heights, degrees, size, said):
    folder = dicom_files.write_slices(tmp_path / "a", heights, field=field, tilt_degrees=degrees)
    told = []
    image = read_volume(folder, "fixed image", progress=lambda _, text: told.append(text))
    assert image.GetSize() == size
    note = reading_note(image)
    assert note.startswith("fixed image: ")
    assert said in note
    assert f"{NOTE}{note}" in told
    # A linear field is met exactly wherever there are pixels below and above, but for the rounding of whole numbers.
    z = image.GetSpacing()[2] * np.arange(size[2])
    after = np.clip(np.searchsorted(heights, z - 1e-6), 1, len(heights) - 1)
    near = np.array(heights)[[after - 1, after]] * np.tan(np.radians(degrees))
    y = image.GetOrigin()[1] - 20 + 0.75 * np.arange(size[1])
    inside = (y >= near.max(axis=0)[:, None]) & (y <= near.min(axis=0)[:, None] + 0.75 * 11)
    assert inside.sum() > 0.4 * 12 * size[2]
    off = np.abs(sitk.GetArrayFromImage(image) - world_values(image))[inside]
    assert off.max() <= 1.0


def test_slices_that_the_even_grid_meets_stay_as_they_are(tmp_path):
    heights = [0, 2, 4, 6, 8, 11, 14, 17, 20]
    image = read_volume(dicom_files.write_slices(tmp_path / "a", heights, field=field))
    array = sitk.GetArrayFromImage(image)
    assert image.GetSpacing()[2] == pytest.approx(20 / round(20 / 2.5))
    np.testing.assert_array_equal(array[0], np.rint(world_values(image)[0]))
    np.testing.assert_array_equal(array[-1], np.rint(world_values(image)[-1]))


def test_a_slice_stands_for_its_series_and_series_are_picked(tmp_path):
    write_series(tmp_path / "a", np.arange(4.0), description="Thin axial")
    write_series(tmp_path / "a", np.arange(3.0), series="1.2.9", modality="MR")
    assert read_volume(tmp_path / "a" / "1.2.3-07.dcm").GetSize() == (8, 9, 4)
    assert read_volume(tmp_path / "a" / "1.2.9-07.dcm").GetSize() == (8, 9, 3)
    assert read_dicom_folder(tmp_path / "a", series="2").GetSize() == (8, 9, 3)
    assert read_dicom_folder(tmp_path / "a", series="1.2.3").GetSize() == (8, 9, 4)
    with pytest.raises(InputError, match="no series '3', expected 1 to 2"):
        read_dicom_folder(tmp_path / "a", series="3")
    write_series(tmp_path / "a", [0.0, 2.0, 4.0, 8.0, 10.0], series="1.2.4")
    first, second, third = summaries(look_into(tmp_path / "a", "image", no_progress, None))
    assert (first.description, first.modality, first.files, first.usable) == ("Thin axial", "CT", 4, True)
    assert first.geometry == "8x9x4 voxels of 0.5x0.75x1 mm"
    assert not second.usable
    assert second.geometry.startswith("the DICOM series is no regular volume: 1 slice is missing"), "said once"
    assert (third.number, third.uid, third.first.name) == (3, "1.2.9", "1.2.9-00.dcm")


def test_image_numbers_that_jump_are_told(tmp_path):
    folder = dicom_files.write_slices(
        tmp_path / "a", np.arange(12.0), field=field, numbers=[*range(1, 8), *range(10, 15)]
    )
    assert "the image numbers of the series jump (7 to 10)" in reading_note(read_volume(folder))
    folder = dicom_files.write_slices(tmp_path / "b", np.arange(12.0), field=field, numbers=range(1, 24, 2))
    assert reading_note(read_volume(folder)) == ""


def test_compressed_slices(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    plain = dicom_files.write_slices(tmp_path / "a", np.arange(4.0), field=field)
    packed = dicom_files.write_slices(
        tmp_path / "b", np.arange(4.0), field=field, change=lambda one, _: one.compress(pydicom.uid.RLELossless)
    )
    assert pydicom.dcmread(packed / "IM000.dcm").file_meta.TransferSyntaxUID == pydicom.uid.RLELossless
    np.testing.assert_array_equal(*(sitk.GetArrayFromImage(read_volume(folder)) for folder in (plain, packed)))


@pytest.mark.parametrize(("compressor", "name"), [("JPEG", "JPEG Lossless"), ("JPEG2000", "JPEG 2000")])
def test_slices_that_other_software_compressed(tmp_path, compressor, name):
    pydicom = pytest.importorskip("pydicom")
    plain = dicom_files.write_slices(tmp_path / "a", np.arange(4.0), field=field, shape=(64, 64))
    (tmp_path / "b").mkdir()
    for path in plain.iterdir():
        image = sitk.ReadImage(str(path), sitk.sitkInt16)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.SetFileName(str(tmp_path / "b" / path.name))
        dicom_files.write_by_gdcm(writer, image)
    syntax = pydicom.dcmread(tmp_path / "b" / "IM000.dcm").file_meta.TransferSyntaxUID
    assert syntax.name.startswith(name)
    read, again = (sitk.GetArrayFromImage(read_volume(folder)) for folder in (plain, tmp_path / "b"))
    np.testing.assert_array_equal(read, again)


def test_rounded_positions_are_no_gap(tmp_path):
    heights = np.round(0.6249 * np.arange(12), 2)
    assert read_volume(write_series(tmp_path / "a", heights)).GetSpacing()[2] == pytest.approx(0.625, abs=1e-3)


def test_several_series_are_listed(tmp_path):
    write_series(tmp_path / "a", np.arange(4.0), description="Thin axial")
    write_series(tmp_path / "a", np.arange(3.0), series="1.2.9", modality="MR")
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path / "a")
    for part in (
        "has 2 DICOM series",
        "'Thin axial' CT with 4 files from 1.2.3-00.dcm",
        "MR with 3 files",
        "expected 1",
    ):
        assert part in str(caught.value)


def test_sizes_that_differ_are_refused(tmp_path):
    write_series(tmp_path / "a", [0.0, 1.0, 2.0])
    write_series(tmp_path / "b", [3.0], rows=10)
    (tmp_path / "b" / "1.2.3-00.dcm").rename(tmp_path / "a" / "odd.dcm")
    with pytest.raises(InputError, match="different sizes"):
        read_volume(tmp_path / "a")


def test_folders_without_images(tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "series one").mkdir()
    with pytest.raises(InputError, match=r"no DICOM image among its 1 file: .*folders below it: series one"):
        read_volume(tmp_path)
    write_series(tmp_path, [0.0], modality="SEG")
    with pytest.raises(InputError, match=r"only DICOM objects without slices \(SEG\)"):
        read_volume(tmp_path)


def test_other_files_beside_the_series_are_ignored_and_progress_is_told(tmp_path):
    folder = write_series(tmp_path / "a", np.arange(4.0))
    (folder / "DICOMDIR").write_bytes(b"index")
    told = []
    assert read_volume(folder, progress=lambda fraction, text: told.append(fraction)).GetSize() == (8, 9, 4)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_cancel_while_looking(tmp_path):
    folder = write_series(tmp_path / "a", np.arange(4.0))
    token = CancelToken()
    with pytest.raises(Canceled):
        read_volume(folder, progress=lambda *_: token.cancel(), cancel=token)


REAL = {
    "dicom2nifti_cases/failing/sliceincrement/002": "1 slice is missing",
    "dicom2nifti_cases/failing/notavolume/001": "lie at the place of another",
    "rtstruct": "is a single DICOM slice",
    "pydicom_files": "has 3 DICOM series",
    "pet_with_seg": "slices are missing",
    "ct_liver_dicom_seg/liver.dcm": "is a DICOM SEG object",
    "rtstruct/rtss.dcm": "is a DICOM object without an image",
}


@pytest.mark.parametrize("name", REAL)
def test_real_awkward_series(shared_data, name):
    with pytest.raises(InputError) as caught:
        read_volume(shared_data / "12_dicom" / name)
    assert REAL[name] in str(caught.value)


def test_real_good_series(shared_data):
    ct = read_volume(shared_data / "12_dicom" / "ct_head_slicer_64")
    assert ct.GetSize() == (64, 64, 93)
    np.testing.assert_allclose(ct.GetSpacing(), (3.2, 3.2, 1.5))
    case = shared_data / "12_dicom" / "dicom2nifti_cases" / "anatomical"
    ours, truth = read_volume(case / "001"), read_volume(case / "001_ground_truth.nii.gz")
    resampled = sitk.Resample(ours, truth, sitk.Transform(), sitk.sitkNearestNeighbor)
    inside = sitk.GetArrayFromImage(sitk.Resample(ours * 0 + 1, truth, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
    assert inside.mean() > 0.95
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(resampled)[inside], sitk.GetArrayFromImage(truth)[inside].astype(float), atol=1
    )


def test_real_tilted_series_lies_where_its_headers_say(shared_data):
    """Voxels are compared with an own computation from pydicom's headers and pixels: plane by plane, without the reader."""
    pydicom = pytest.importorskip("pydicom")
    folder = shared_data / "12_dicom" / "ct_head_ge_tilt"
    image = read_volume(folder)
    assert image.GetSize() == (512, 611, 37)
    assert "gantry tilt of 18.5 degrees and the distance between them varies from 1.08 to 7 mm" in reading_note(image)
    slices = sorted(
        (pydicom.dcmread(path) for path in folder.glob("*.dcm")),
        key=lambda one: float(
            np.dot(one.ImagePositionPatient, np.cross(*np.reshape(one.ImageOrientationPatient, (2, 3))))
        ),
    )
    row, column = np.reshape(np.array(slices[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    pixels = [one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices]
    heights = np.array([normal @ np.array(one.ImagePositionPatient, float) for one in slices])
    random = np.random.default_rng(0)
    compared = 0
    for _ in range(4000):
        index = [int(random.integers(0, size)) for size in image.GetSize()]
        point = np.array(image.TransformIndexToPhysicalPoint(index))
        after = int(np.clip(np.searchsorted(heights, point @ normal), 1, len(heights) - 1))
        values = []
        for one, voxels in ((slices[k], pixels[k]) for k in (after - 1, after)):
            along = point - np.array(one.ImagePositionPatient, float)
            y, x = along @ column / float(one.PixelSpacing[0]), along @ row / float(one.PixelSpacing[1])
            i, j = int(np.floor(x + 1e-6)), int(np.floor(y + 1e-6))
            if not (1 <= i < 510 and 1 <= j < 510):
                break
            u, v = max(x - i, 0), max(y - j, 0)
            corner = voxels[j : j + 2, i : i + 2]
            values.append(np.array([1 - v, v]) @ corner @ np.array([1 - u, u]))
        if len(values) == 2:
            part = (point @ normal - heights[after - 1]) / (heights[after] - heights[after - 1])
            assert image.GetPixel(index) == pytest.approx((1 - part) * values[0] + part * values[1], abs=0.6)
            compared += 1
    assert compared > 2500


DAMAGE = {
    "cut in the header": lambda data: data[:300],
    "cut in the pixels": lambda data: data[:-40],
    "empty": lambda data: b"",
    "never filled": lambda data: bytes(len(data)),
    "cut behind the mark": lambda data: data[:132],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["IM000.dcm", "IM002.dcm", "IM004.dcm"])
def test_damaged_slices_are_named_wherever_they_lie(tmp_path, damage, name):
    folder = dicom_files.write_slices(tmp_path / "a", 2.0 * np.arange(5), field=field)
    path = folder / name
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    told = f"{name} is damaged: export or copy it again"
    for given in (folder, folder / "IM001.dcm"):
        with pytest.raises(InputError, match=told):
            read_volume(given, "fixed image")
    (one,) = summaries(look_into(folder, "image", no_progress, None))
    assert told in one.geometry
    assert not one.usable
    with pytest.raises(InputError, match=r"is damaged: export or copy it again$|is empty"):
        read_volume(path)


def test_a_damaged_slice_of_another_series_is_only_told(tmp_path):
    def other(one, _k):
        one.SeriesInstanceUID = "1.2.3.9"

    folder = dicom_files.write_slices(tmp_path / "a", 2.0 * np.arange(3), field=field)
    stray = dicom_files.write_slices(tmp_path / "b", [0.0], field=field, change=other) / "IM000.dcm"
    (folder / "stray.dcm").write_bytes(stray.read_bytes()[:-40])
    told = []
    image = read_volume(folder, progress=lambda _, text: told.append(text))
    assert image.GetSize() == (10, 12, 3)
    assert f"{NOTE}image: beside the series stray.dcm is damaged" in told
