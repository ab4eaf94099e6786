"""Make the pictures of the panels in Docs/Images, with the headless host, on the phantoms.

QT_QPA_PLATFORM=offscreen .venv/bin/python Utilities/make_screenshots.py
"""

import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / name) for name in ("Testing", "MedDeepRegSeg", "MedDeepDiagnosis")]

import Host  # noqa: E402  # lies in Testing

IMAGES = REPOSITORY / "Docs" / "Images"
WIDTH = 440


def finish(panel) -> None:
    """Wait for the job of a panel."""
    if not Host.process_events(600, until=lambda: not panel.runner.busy):
        raise SystemExit(f"the job did not end: {panel.ui.statusLabel.text}")


def registration_and_segmentation() -> None:
    """Register the head phantom and grow its eye, in the panels."""
    from MedDeepRegSegLib.mrml.markups import markups_from_points
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.registration.known import known_rigid
    from MedDeepRegSegLib.volumes.geometry import volume_center
    from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom

    phantom = head_phantom(1, spacing_mm=3.0, size=(64, 80, 75))
    movement = known_rigid(volume_center(phantom.mr), seed=1, rotation_degrees=10, shift_mm=20)
    moved = deform_phantom(phantom, movement)
    volume_from_image(phantom.ct, "Head phantom CT", window_level=(80, 40))
    mr = volume_from_image(moved.mr, "Head phantom MR")
    loaded = Host.load_module(REPOSITORY / "MedDeepRegSeg" / "MedDeepRegSeg.py")
    panel = loaded.widget.registrationPanel
    panel.parameterNode.registrationPreset = "ct-mr-head"
    panel.ui.carriedNodesSelector.check(markups_from_points([moved.landmarks["left eye"]], ["eye"], "Left eye"))
    panel.ui.applyButton.click()
    Host.process_events(60, until=lambda: panel.ui.progressBar.value >= 40 or not panel.runner.busy)
    Host.screenshot(loaded, IMAGES / "registration-running.png", width=WIDTH)
    finish(panel)
    Host.screenshot(loaded, IMAGES / "registration-panel.png", width=WIDTH)
    panel.ui.advancedCollapsibleButton.collapsed = False
    for name in ("outputs", "result"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    Host.screenshot(loaded, IMAGES / "registration-advanced.png", width=WIDTH)

    loaded.ui.tabWidget.currentIndex = 1
    panel = loaded.widget.segmentationPanel
    panel.ui.volumeSelector.setCurrentNode(mr)
    points = markups_from_points([moved.landmarks["left eye"]], ["inside"], "Inside")
    panel.ui.positivePointsSelector.setCurrentNode(points)
    panel.ui.segmentNameLineEdit.text = "Left eye"
    panel.ui.growButton.click()
    finish(panel)
    panel.ui.measureButton.click()
    finish(panel)
    Host.screenshot(loaded, IMAGES / "segmentation-panel.png", width=WIDTH)
    features(panel)
    Host.screenshot(loaded, IMAGES / "features-panel.png", width=WIDTH)
    loaded.close()


def features(panel) -> None:
    """Compute the features of the segments, and leave only their section and the table open."""
    for name in ("foreground", "grow"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    panel.ui.featuresCollapsibleButton.collapsed = False
    for button in (panel.ui.colorFeaturesButton, panel.ui.segmentFeaturesButton):
        button.click()
        finish(panel)


def diagnosis() -> None:
    """Assess the nodule of the chest phantom, in the panel."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segments import Segment
    from MedDeepRegSegLib.volumes.phantoms import chest_phantom

    phantom = chest_phantom(1, spacing_mm=2.0, size=(180, 130, 90))
    value = next(value for value, name in phantom.names.items() if "nodule" in name)
    ct = volume_from_image(phantom.ct, "Chest phantom CT")
    labels = sitk.Cast(phantom.labels == value, sitk.sitkUInt8)
    node = segmentation_from_image(labels, [Segment(1, "Nodule", (0.9, 0.5, 0.2))], "Lesions", reference_volume=ct)
    loaded = Host.load_module(REPOSITORY / "MedDeepDiagnosis" / "MedDeepDiagnosis.py")
    panel = loaded.widget.assessmentPanel
    panel.ui.segmentSelector.setCurrentNode(node)
    panel.ui.segmentSelector.setCurrentSegmentID(node.GetSegmentation().GetNthSegmentID(0))
    panel.ui.volumeSelector.setCurrentNode(ct)
    panel.signs.setRatings({"margin": "Sharp", "texture": "Solid"})
    panel.onRated()
    with tempfile.TemporaryDirectory() as folder:
        panel.ui.reportPathLineEdit.currentPath = folder
        panel.ui.applyButton.click()
        finish(panel)
        panel.ui.modelPathLineEdit.currentPath = "MedDeepDiagnosis/Resources/models/lung_nodule"
        panel.ui.reportPathLineEdit.currentPath = "MedDeep reports"
        Host.screenshot(loaded, IMAGES / "diagnosis-panel.png", width=WIDTH)
    loaded.close()


if __name__ == "__main__":
    Host.install_host()
    import slicer

    IMAGES.mkdir(parents=True, exist_ok=True)
    registration_and_segmentation()
    slicer.mrmlScene.Clear(False)
    diagnosis()
