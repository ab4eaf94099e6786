"""A made-up CT series, a lesion on it and its assessment."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE, Assessment, case_values
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import named_segment

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, 0.6)  # perpendicular, of length 1


def write_series(
    folder,
    *,
    slices=8,
    rows=20,
    columns=24,
    spacing=(0.8, 0.7, 2.0),
    orientation=AXIAL,
    heights=None,
    shift=(0.0, 0.0),
    change=None,
):
    """Write a CT series whose file names run against the order of its slices; spacing is of columns, rows, slices.

    ``shift`` moves each slice sideways in mm along its axes; ``change(dataset, k)`` may spoil a slice.
    """
    pydicom = pytest.importorskip("pydicom", reason="pydicom writes the series")
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (generate_uid() for _ in range(3))
    axes = np.array(orientation).reshape(2, 3)
    normal = np.cross(*axes)
    for k in range(slices):
        height = k * spacing[2] if heights is None else heights[k]
        position = np.array([-10.0, 20.0, -30.0]) + height * normal + k * (np.array(shift) @ axes)
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = CTImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
        one.SpecificCharacterSet = "ISO_IR 100"
        one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "Müller^Jürgen", "P-17", "19500102", "M"
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.StudyID, one.AccessionNumber, one.StudyDate, one.StudyTime = "S1", "A1", "20260101", "101500"
        one.ReferringPhysicianName, one.Modality, one.Manufacturer = "", "CT", "Made up"
        one.SeriesNumber, one.InstanceNumber, one.PositionReferenceIndicator = 3, k + 1, ""
        one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        one.ImageOrientationPatient = [float(f"{part:.8g}") for part in orientation]
        one.ImagePositionPatient = [float(f"{part:.8g}") for part in position]
        one.PixelSpacing, one.SliceThickness = [spacing[1], spacing[0]], spacing[2]
        one.Rows, one.Columns, one.SamplesPerPixel, one.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
        one.RescaleIntercept, one.RescaleSlope = 0, 1
        one.PixelData = np.full((rows, columns), k, np.int16).tobytes()
        if change is not None:
            change(one, k)
        one.save_as(folder / f"IM{slices - k:03d}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture
def series_writer():
    return write_series


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    return write_series(tmp_path_factory.mktemp("series") / "ct")


def lesion_on(grid):
    """Return a label map on a grid: a lesion of no symmetry with label 5, and something else with label 2."""
    labels = np.zeros(grid.GetSize()[::-1], np.uint8)
    labels[2:6, 6:14, 8:16] = 5
    labels[2, 6:9, 8:10] = 0
    labels[5, 10:14] = 0
    labels[4, 12, 16] = 5
    labels[0:2, 1:4, 1:4] = 2
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(grid)
    return image


@pytest.fixture
def lesion_maker():
    return lesion_on


@pytest.fixture(scope="session")
def nodule():
    return named_segment(5, "Nodule")


@pytest.fixture(scope="session")
def lung_model():
    return read_model(shipped_model_folder("lung_nodule"))


@pytest.fixture(scope="session")
def assessment(lung_model, nodule):
    """A nodule that was measured, but for one diameter that was given, and signs of which one is not rated."""
    grid = sitk.Image([24, 20, 8], sitk.sitkUInt8)
    grid.SetSpacing([0.8, 0.7, 2.0])
    (measured,) = measure(lesion_on(grid), (nodule,))
    values = {
        feature.name: measured.value(feature.measurement)
        for feature in lung_model.pathology.features
        if feature.measurement is not None
    }
    sources = dict.fromkeys(values, MEASURED_SOURCE)
    values["perpendicular_diameter_mm"] = 5.25
    del sources["perpendicular_diameter_mm"]
    values |= {"spiculation": 2, "lobulation": "Medium", "texture": 5, "margin": 3, "calcification": 6, "subtlety": 5}
    prediction = predict_case(lung_model, values, case="Case 1")
    prediction = replace(prediction, abstains=False, abstention_reasons=(), conformal_set=("present",))
    return Assessment(
        prediction, lung_model.pathology, case_values(lung_model.pathology, values, sources), measured.measurements
    )


def dicom_faults(path):
    """Return what dciodvfy, David Clunie's checker of DICOM files, calls errors."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "Error" in said, said
    return [line for line in said.splitlines() if line.startswith(("Error", "Abort"))]


@pytest.fixture
def faults_of():
    return dicom_faults
