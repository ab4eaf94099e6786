"""The self-test of MedDeep Diagnosis: the nodule of the chest phantom through the module logic."""

import tempfile
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
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
        phantom = chest_phantom(1, spacing_mm=2.0, size=(180, 130, 90), nodule_diameter_mm=diameter)
        value = next(value for value, title in phantom.names.items() if "nodule" in title)
        labels = sitk.Cast(phantom.labels == value, sitk.sitkUInt8)
        volume = volume_from_image(phantom.ct, f"Phantom CT {name}")
        segmentation = segmentation_from_image(
            labels, [Segment(1, "Nodule", (0.9, 0.5, 0.2))], name, reference_volume=volume
        )
        with tempfile.TemporaryDirectory() as folder:
            result = logic.assess(
                segmentation, segmentation.GetSegmentation().GetNthSegmentID(0), signs[name], folder, volume_node=volume
            )
            if not Path(result["report"]).is_file():
                msg = f"no report was written for the {name} nodule"
                raise AssertionError(msg)
        found[name] = result["probability"]
    if not found["small"] < 0.5 < found["large"]:
        msg = f"suspicion of the small nodule is {found['small']:.2f} and of the large one {found['large']:.2f}"
        raise AssertionError(msg)
    return found
