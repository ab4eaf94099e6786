"""The self-test of MedDeep Diagnosis: nodules are assessed and stored through the module logic."""

import tempfile
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.phantoms import chest_phantom


def check_assessment(logic) -> dict:
    """Assess a small smooth and a large spiculated phantom nodule with the model that ships, and compare them.

    Parameters
    ----------
    logic:
        A ``MedDeepDiagnosisLogic``.

    Returns
    -------
    dict
        The two probabilities, ``small`` and ``large``.

    Raises
    ------
    AssertionError
        If a report is missing, or the small nodule is not less suspicious than the large one.
    """
    found = {}
    signs = {
        "small": {"spiculation": 1, "margin": 5, "calcification": 3},
        "large": {"spiculation": 5, "margin": 1, "calcification": 6},
    }
    for name, diameter in (("small", 6.0), ("large", 24.0)):
        volume, segmentation, segment = _phantom_nodule(name, diameter)
        with tempfile.TemporaryDirectory() as folder:
            result = logic.assess(segmentation, segment, signs[name], folder, volume_node=volume)
            if not Path(result["report"]).is_file():
                msg = f"no report was written for the {name} nodule"
                raise AssertionError(msg)
        found[name] = result["probability"]
    if not found["small"] < 0.5 < found["large"]:
        msg = f"suspicion of the small nodule is {found['small']:.2f} and of the large one {found['large']:.2f}"
        raise AssertionError(msg)
    return found


def check_case_base(logic) -> None:
    """Store a ball as a nodule in a new case base, correct a sign, and export; needs SQLAlchemy.

    Raises
    ------
    AssertionError
        If the exported table does not hold the corrected sign, or the history lacks the earlier one.
    """
    from MedDeepDiagnosisLib.casebase.records import ImportOptions

    ball = sitk.GaussianSource(sitk.sitkFloat32, (32, 32, 32), (6.0,) * 3, (16.0,) * 3) > 128
    segmentation = segmentation_from_image(ball, [Segment(1, "Nodule", (0.9, 0.5, 0.2))], "Stored")
    segment = segmentation.GetSegmentation().GetNthSegmentID(0)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "cases.sqlite"
        for margin in (5, 1):
            options = ImportOptions(on_conflict="update")
            logic.storeCase(
                base, segmentation, segment, {"margin": margin}, "lung_nodule", patient="Phantom", options=options
            )
        table = logic.exportCases(base, pathology="lung_nodule")["table"]
        (case,) = logic.showCases(base)["cases"]
        history = logic.showCases(base, case.case)["history"]
    margins = [entry.value for entry in history if entry.name == "margin"]
    exported = [row["margin"] for row in rows_from_table(table)[1]]
    if len(margins) != 2 or exported != [1]:
        msg = f"the margin was exported as {exported} with the versions {margins}, expected 1 with two versions"
        raise AssertionError(msg)


def _phantom_nodule(name: str, diameter_mm: float):
    """Return volume node, segmentation node and identifier of the nodule of a chest phantom."""
    phantom = chest_phantom(1, spacing_mm=2.0, size=(180, 130, 90), nodule_diameter_mm=diameter_mm)
    value = next(value for value, title in phantom.names.items() if "nodule" in title)
    labels = sitk.Cast(phantom.labels == value, sitk.sitkUInt8)
    volume = volume_from_image(phantom.ct, f"Phantom CT {name}")
    segments = [Segment(1, "Nodule", (0.9, 0.5, 0.2))]
    segmentation = segmentation_from_image(labels, segments, name, reference_volume=volume)
    return volume, segmentation, segmentation.GetSegmentation().GetNthSegmentID(0)
