"""A made-up CT series, a lesion on it and its assessment."""

from dataclasses import replace

import dicom_files
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE, Assessment, case_values
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def series_writer():
    return dicom_files.write_series


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    return dicom_files.write_series(tmp_path_factory.mktemp("series") / "ct")


@pytest.fixture
def lesion_maker():
    return dicom_files.lesion_on


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
    (measured,) = measure(dicom_files.lesion_on(grid), (nodule,))
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


@pytest.fixture
def faults_of():
    return dicom_files.dicom_faults
