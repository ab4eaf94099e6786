import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.tasks import MeasureTask, run_task
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def nodes(scene):
    """Volume node with a checkerboard and a segmentation node with one box in it."""
    image = sitk.GetImageFromArray((np.indices((6, 7, 8)).sum(axis=0) % 2 * 10).astype(np.int16))
    image.SetSpacing((1.0, 1.0, 2.0))
    volume = volume_from_image(image, "board")
    array = np.zeros((6, 7, 8), np.uint8)
    array[1:5, 1:5, 2:6] = 1
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(image_from_volume(volume))
    return volume, segmentation_from_image(labels, [named_segment(1, "Liver")], "organs", reference_volume=volume)


def coded(text):
    entry = slicer.vtkCodedEntry()
    assert entry.SetFromString(text)
    return entry.GetCodingSchemeDesignator(), entry.GetCodeValue(), entry.GetCodeMeaning()


def test_columns_have_titles_units_and_codes(nodes):
    volume, segmentation = nodes
    table = run_task(MeasureTask(segmentation, volume))["table"]
    assert table.GetColumnTitle("Volume (mm3)") == "Volume [mm3]"
    assert table.GetColumnUnitLabel("Volume (mm3)") == "mm3"
    assert table.GetColumnDescription("Volume (mm3)") == "Sum of the voxels' volumes."
    assert table.GetColumnProperty("Volume (mm3)", "MedDeep.Name") == "volume_mm3"
    for name, code in (
        ("DICOM.QuantityCode", ("SCT", "118565006", "Volume")),
        ("DICOM.UnitsCode", ("UCUM", "mm3", "cubic millimeter")),
        ("DICOM.MeasurementMethodCode", ("DCM", "126030", "Sum of segmented voxel volumes")),
    ):
        assert coded(table.GetColumnProperty("Volume (mm3)", name)) == code
    assert coded(table.GetColumnProperty("Intensity mean", "DICOM.DerivationCode"))[2] == "Mean"
    assert not table.GetColumnProperty("Segment", "DICOM.QuantityCode")
    columns, (row,) = rows_from_table(table)
    by_key = {column.key: column for column in columns}
    assert "DICOM.UnitsCode" in dict(by_key["Volume (mm3)"].properties)
    assert row["Volume (mm3)"] == 128
    assert row["Intensity mean"] == 5
    assert not any(key.startswith("Co-occurrence") for key in row)


def test_families_can_be_chosen(nodes):
    volume, segmentation = nodes
    table = run_task(MeasureTask(segmentation, volume, families="texture", bin_width=10))["table"]
    _, (row,) = rows_from_table(table)
    assert "Volume (mm3)" not in row
    assert row["Texture gray levels"] == 2
    table = run_task(MeasureTask(segmentation, families=("diameters",)))["table"]
    assert [column.key for column in rows_from_table(table)[0]] == [
        "Segment",
        "Largest 3D diameter (mm)",
        "Longest in-slice diameter (mm)",
        "Perpendicular in-slice diameter (mm)",
        "Note",
    ]
    with pytest.raises(InputError, match="need an image"):
        run_task(MeasureTask(segmentation, families=("texture",)))
    with pytest.raises(InputError, match="no family of measurements 'weight', expected one of shape"):
        run_task(MeasureTask(segmentation, families=("weight",)))
