"""A DICOM SEG comes in as a label map on its slices, with names, colors and codes."""

import csv
import json

import dicom_files
import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.dicom_segmentation import color_from_cielab
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.volumes.reading import read_volume

HEIGHTS = 2.0 * np.arange(8)
OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, 0.6)


def drawn():
    """Return two parts on slices of odd size: one in two pieces with empty slices between."""
    first, second = np.zeros((2, 8, 11, 9), bool)
    first[2, 3:6, 2:8] = first[5, 4:6, 1:3] = True
    second[4, 1:4, 1:4] = second[5, 8:10, 5:9] = True
    second[5, 9, 8] = False
    return {1: first, 2: second}


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("orientation", [dicom_files.AXIAL, OBLIQUE], ids=["axial", "oblique"])
def test_every_voxel_is_where_it_was_drawn(tmp_path, kind, orientation):
    masks = drawn()
    scaled = {number: mask * (150 if kind == "FRACTIONAL" else 1) for number, mask in masks.items()}
    path = dicom_files.write_seg(tmp_path / "s.dcm", scaled, heights=HEIGHTS, kind=kind, orientation=orientation)
    folder = dicom_files.write_slices(
        tmp_path / "ct", HEIGHTS, field=lambda points: points[..., 0], orientation=orientation, shape=(11, 9)
    )
    ct = read_volume(folder)
    labels, segments = read_segmentation(path, grid=ct)
    assert labels.GetSize() == ct.GetSize()
    np.testing.assert_allclose(labels.GetOrigin(), ct.GetOrigin())
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), masks[1] + 2 * masks[2].astype(np.uint8))
    alone, same = read_segmentation(path)  # from the first slice with a segment to the last
    assert alone.GetSize() == (9, 11, 4)
    assert same == segments
    np.testing.assert_allclose(alone.GetOrigin(), ct.TransformIndexToPhysicalPoint((0, 0, 2)), atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(alone), sitk.GetArrayFromImage(labels)[2:6])


def test_names_colors_and_codes(tmp_path):
    path = dicom_files.write_seg(tmp_path / "s.dcm", drawn(), heights=HEIGHTS, names={1: "Left part"})
    _, (first, second) = read_segmentation(path)
    assert (first.value, first.name, second.name) == (1, "Left part", "Part 2")
    np.testing.assert_allclose(first.color, (1, 165 / 255, 0), atol=0.004)
    assert first.terminology.split("~")[1:3] == ["SCT^123037004^Anatomical Structure", "SCT^10200004^Liver"]
    assert first.identifier != second.identifier


def test_colors_are_those_of_other_software():
    highdicom = pytest.importorskip("highdicom")
    for rgb in ((221, 130, 101), (0, 0, 0), (255, 255, 255), (12, 48, 255), (3, 200, 17)):
        stored = highdicom.color.CIELabColor.from_rgb(*rgb).value
        np.testing.assert_allclose(np.array(color_from_cielab(stored)) * 255, rgb, atol=2.5)


def test_distance_of_slices_follows_from_the_frames_where_it_is_not_told(tmp_path):
    def thin(one):
        del one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness

    first = drawn()[1]
    first[3, 3, 3] = True
    path = dicom_files.write_seg(tmp_path / "s.dcm", {1: first}, heights=HEIGHTS, spacing_told=False, change=thin)
    labels, _ = read_segmentation(path)
    assert labels.GetSize() == (9, 11, 4)
    assert labels.GetSpacing() == pytest.approx((0.5, 0.75, 2.0))


def test_a_folder_holds_one_segmentation_among_other_files(tmp_path):
    folder = dicom_files.write_slices(tmp_path / "ct", HEIGHTS, field=lambda points: points[..., 0], shape=(11, 9))
    with pytest.raises(InputError, match="is a folder, expected a file"):
        read_segmentation(folder)
    dicom_files.write_seg(folder / "s.dcm", drawn(), heights=HEIGHTS)
    assert len(read_segmentation(folder)[1]) == 2
    dicom_files.write_seg(folder / "t.dcm", drawn(), heights=HEIGHTS)
    with pytest.raises(InputError, match=r"holds 2 DICOM segmentations \(s\.dcm; t\.dcm\)"):
        read_segmentation(folder)


def test_what_cannot_be_a_label_map_is_refused(tmp_path):
    masks = drawn()
    masks[2][2, 3:5, 3:5] = True
    path = dicom_files.write_seg(tmp_path / "s.dcm", masks, heights=HEIGHTS)
    with pytest.raises(InputError, match="overlapping segments \\('Part 1', 'Part 2'\\)"):
        read_segmentation(path)
    uneven = [0, 2, 4, 6, 9.1, 11, 13, 15]
    path = dicom_files.write_seg(tmp_path / "u.dcm", drawn(), heights=uneven)
    with pytest.raises(InputError, match="frames lie at uneven distances"):
        read_segmentation(path)

    def nothing(one):
        one.SegmentSequence = []

    with pytest.raises(InputError, match="describes no segment"):
        read_segmentation(dicom_files.write_seg(tmp_path / "n.dcm", drawn(), heights=HEIGHTS, change=nothing))

    def unknown(one):
        one.SegmentSequence = one.SegmentSequence[:1]

    with pytest.raises(InputError, match=r"segments that it does not describe \(\[2\]\)"):
        read_segmentation(dicom_files.write_seg(tmp_path / "d.dcm", drawn(), heights=HEIGHTS, change=unknown))


def test_a_label_map_that_describes_its_background(tmp_path):
    highdicom = pytest.importorskip("highdicom", reason="highdicom writes the label map")
    import pydicom

    folder = dicom_files.write_slices(tmp_path / "ct", HEIGHTS, field=lambda points: points[..., 0], shape=(11, 9))
    slices = sorted(
        (pydicom.dcmread(path) for path in folder.iterdir()), key=lambda one: float(one.ImagePositionPatient[2])
    )
    masks = drawn()
    values = masks[1] + 2 * masks[2].astype(np.uint8)
    codes = pydicom.sr.codedict.codes
    seg = highdicom.seg.Segmentation(
        source_images=slices,
        pixel_array=values,
        segmentation_type="LABELMAP",
        segment_descriptions=[
            highdicom.seg.SegmentDescription(
                number, name, codes.SCT.AnatomicalStructure, codes.SCT.Liver, algorithm_type="MANUAL"
            )
            for number, name in ((1, "Left part"), (2, "Right part"))
        ],
        series_instance_uid="1.2.9",
        series_number=9,
        sop_instance_uid="1.2.9.1",
        instance_number=1,
        manufacturer="Made up",
        manufacturer_model_name="Made up",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
    )
    seg.save_as(tmp_path / "s.dcm", enforce_file_format=True)
    assert seg.SegmentSequence[0].SegmentLabel == "Background"
    labels, (first, second) = read_segmentation(tmp_path / "s.dcm", grid=read_volume(folder))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), values)
    assert (first.value, first.name, second.value, second.name) == (1, "Left part", 2, "Right part")


def test_a_segmentation_that_reaches_beyond_the_image_is_refused(tmp_path):
    path = dicom_files.write_seg(tmp_path / "s.dcm", drawn(), heights=HEIGHTS)
    folder = dicom_files.write_slices(tmp_path / "ct", HEIGHTS[:5], field=lambda points: points[..., 0], shape=(11, 9))
    with pytest.raises(InputError, match="reaches beyond the image"):
        read_segmentation(path, grid=read_volume(folder))


def test_meddeep_measure_takes_a_dicom_segmentation(tmp_path, capsys):
    path = dicom_files.write_seg(tmp_path / "s.dcm", drawn(), heights=HEIGHTS, names={1: "Left part"})
    folder = dicom_files.write_slices(tmp_path / "ct", HEIGHTS, field=lambda points: points[..., 0], shape=(11, 9))
    out = tmp_path / "t.csv"
    assert main(["measure", str(folder), str(path), "--out", str(out), "--json", "--quiet"]) == 0
    json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [row["Segment"] for row in rows] == ["Left part", "Part 2"]
    volume = next(key for key in rows[0] if key.startswith("Volume") and "mm3" in key)
    assert float(rows[0][volume]) == pytest.approx(drawn()[1].sum() * 0.5 * 0.75 * 2)


def test_real_segmentation_equals_the_label_map_it_was_made_from(shared_data):
    folder = shared_data / "12_dicom" / "ct_liver_dicom_seg"
    labels, (liver,) = read_segmentation(folder, grid=read_volume(folder))
    truth = sitk.ReadImage(str(folder / "liver_seg.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(truth) > 0)
    np.testing.assert_allclose(labels.GetOrigin(), truth.GetOrigin(), atol=1e-4)
    assert (liver.name, liver.terminology.split("~")[2]) == ("Liver", "SRT^T-62000^Liver")
    np.testing.assert_allclose(np.array(liver.color) * 255, (221, 130, 101), atol=1)


def test_real_segmentation_of_pet(shared_data):
    """The tumor of a PET, against a count of its bits that knows nothing of the reader."""
    pydicom = pytest.importorskip("pydicom")
    path = shared_data / "12_dicom" / "pet_with_seg" / "tumor_User1_Manual_Trial1.dcm"
    labels, (first, second) = read_segmentation(path)
    stored = pydicom.dcmread(path)
    bits = np.unpackbits(np.frombuffer(stored.PixelData, np.uint8), bitorder="little")
    frames = bits[: 13 * 128 * 128].reshape(13, 128, 128)
    array = sitk.GetArrayFromImage(labels)
    assert [(array == one).sum() for one in (1, 2)] == [frames[:4].sum(), frames[4:].sum()]
    for number, group in enumerate(stored.PerFrameFunctionalGroupsSequence):
        place = labels.TransformPhysicalPointToIndex(
            [float(c) for c in group.PlanePositionSequence[0].ImagePositionPatient]
        )
        value = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        np.testing.assert_array_equal(array[place[2]] == value, frames[number] > 0)
    assert (first.name, second.name) == ("Neoplasm, Primary", "Neoplasm, Secondary")
    assert first.terminology.split("~")[5] == "SRT^T-53131^base of tongue"


@pytest.mark.parametrize("kept", [300, -20])
def test_a_damaged_segmentation_is_named(tmp_path, kept):
    (tmp_path / "seg").mkdir()
    path = dicom_files.write_seg(tmp_path / "seg" / "s.dcm", drawn(), heights=HEIGHTS)
    path.write_bytes(path.read_bytes()[:kept])
    for given in (path, path.parent):
        with pytest.raises(InputError, match=r"^segmentation: s\.dcm is damaged: export or copy it again$"):
            read_segmentation(given)
