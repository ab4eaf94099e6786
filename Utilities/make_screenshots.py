"""Make the pictures of the panels in Docs/Images, with the headless host, on the phantoms.

QT_QPA_PLATFORM=offscreen .venv/bin/python Utilities/make_screenshots.py [NAME ...]

NAME is one of the functions below that make pictures, for example grow_effect; all without.
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


def moved_head():
    """Return the head phantom, and the same one moved and turned."""
    from MedDeepRegSegLib.registration.known import known_rigid
    from MedDeepRegSegLib.volumes.geometry import volume_center
    from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom

    phantom = head_phantom(1, spacing_mm=3.0, size=(64, 80, 75))
    movement = known_rigid(volume_center(phantom.mr), seed=1, rotation_degrees=10, shift_mm=20)
    return phantom, deform_phantom(phantom, movement)


def training() -> None:
    """Make a dataset of drawn heads, train on it for a moment, and segment with the model, in both panels."""
    import SimpleITK as sitk
    import slicer

    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

    with tempfile.TemporaryDirectory() as folder:
        heads = write_phantom_dataset(Path(folder) / "heads", cases=4, spacing_mm=6.0)
        for number, case in enumerate(read_dataset(heads).cases, start=1):
            volume = volume_from_image(sitk.ReadImage(str(case.images[0])), f"Head {number}")
            labels, segments = read_segmentation(case.labels)
            segmentation_from_image(labels, segments, f"Head {number} drawn", reference_volume=volume)
        loaded = Host.load_module(REPOSITORY / "MedDeepRegSeg" / "MedDeepRegSeg.py")
        loaded.ui.tabWidget.currentIndex = 0
        data, panel = loaded.widget.dataPanel, loaded.widget.trainingPanel
        while data.ui.addCaseButton.enabled:
            data.ui.addCaseButton.click()
        data.ui.datasetOutputPathLineEdit.currentPath = str(Path(folder) / "my heads")
        data.ui.makeDatasetButton.click()
        finish(data)
        data.ui.datasetOutputPathLineEdit.currentPath = "MedDeep/my heads"
        Host.screenshot(loaded, IMAGES / "data-panel.png", width=WIDTH)
        loaded.ui.tabWidget.currentIndex = 1
        node = panel.parameterNode
        node.trainEpochs, node.trainSteps, node.trainBatch, node.trainPatch, node.trainSpacingMm = 15, 20, 2, 32, 6.0
        panel.ui.trainButton.click()
        Host.process_events(300, until=lambda: panel.ui.progressBar.value >= 40 or not panel.runner.busy)
        show_usual_paths(panel)
        Host.screenshot(loaded, IMAGES / "training-running.png", width=WIDTH)
        finish(panel)
        show_usual_paths(panel)
        Host.screenshot(loaded, IMAGES / "training-panel.png", width=WIDTH)
        for name in ("train", "tables"):
            getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
        for name in ("predict", "evaluate", "select"):
            getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
        panel.ui.trainingDatasetPathLineEdit.currentPath = str(Path(folder) / "my heads" / "dataset.json")
        panel.ui.trainingModelPathLineEdit.currentPath = str(Path(folder) / "my heads model")
        node.evaluateRole = type(node.evaluateRole)("validation")
        panel.ui.predictButton.click()
        finish(panel)
        panel.ui.evaluateButton.click()
        finish(panel)
        show_usual_paths(panel)
        panel.ui.evaluateResultLabel.text = panel.ui.evaluateResultLabel.text.replace(folder, "MedDeep")
        Host.screenshot(loaded, IMAGES / "training-use.png", width=WIDTH)
        loaded.close()
        slicer.mrmlScene.Clear(False)


def show_usual_paths(panel) -> None:
    """Show paths of nobody's computer, and leave the buttons as they are."""
    for line, path in (
        (panel.ui.trainingDatasetPathLineEdit, "MedDeep/my heads/dataset.json"),
        (panel.ui.trainingModelPathLineEdit, "MedDeep/my heads model"),
    ):
        line.blockSignals(True)
        line.currentPath = path
        line.blockSignals(False)


def registration() -> None:
    """Register the head phantom, in the panel."""
    from MedDeepRegSegLib.mrml.markups import markups_from_points
    from MedDeepRegSegLib.mrml.volumes import volume_from_image

    phantom, moved = moved_head()
    volume_from_image(phantom.ct, "Head phantom CT", window_level=(80, 40))
    volume_from_image(moved.mr, "Head phantom MR")
    loaded = Host.load_module(REPOSITORY / "MedDeepRegSeg" / "MedDeepRegSeg.py")
    loaded.ui.tabWidget.currentIndex = 2
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
    loaded.close()


def segmentation() -> None:
    """Grow and measure the eye of the head phantom, and compute features, in the panel."""
    from MedDeepRegSegLib.mrml.markups import markups_from_points
    from MedDeepRegSegLib.mrml.volumes import volume_from_image

    _phantom, moved = moved_head()
    volume_from_image(moved.mr, "Head phantom MR")
    loaded = Host.load_module(REPOSITORY / "MedDeepRegSeg" / "MedDeepRegSeg.py")
    loaded.ui.tabWidget.currentIndex = 3
    panel = loaded.widget.segmentationPanel
    points = markups_from_points([moved.landmarks["left eye"]], ["inside"], "Inside")
    panel.ui.positivePointsSelector.setCurrentNode(points)
    panel.ui.segmentNameLineEdit.text = "Left eye"
    panel.ui.growButton.click()
    finish(panel)
    panel.ui.measureButton.click()
    finish(panel)
    Host.screenshot(loaded, IMAGES / "segmentation-panel.png", width=WIDTH)
    panel.ui.growCollapsibleButton.collapsed = panel.ui.measureCollapsibleButton.collapsed = True
    for name in ("foreground", "subdivide", "contours"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
    Host.screenshot(loaded, IMAGES / "segmentation-more.png", width=WIDTH)
    for name in ("foreground", "subdivide", "contours"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    features(panel)
    Host.screenshot(loaded, IMAGES / "features-panel.png", width=WIDTH)
    loaded.close()


def features(panel) -> None:
    """Compute the features of the segments, and leave only their section and the table open."""
    panel.ui.featuresCollapsibleButton.collapsed = False
    for button in (panel.ui.colorFeaturesButton, panel.ui.segmentFeaturesButton):
        button.click()
        finish(panel)


def grow_effect() -> None:
    """Grow the ventricles of the head phantom with two clicks in the Segment Editor, with the network."""
    import slicer
    from Host.segment_editor import SegmentEditor

    from MedDeepRegSegLib.mrml.display import show_volumes
    from MedDeepRegSegLib.mrml.edited_segment import segment_to_edit
    from MedDeepRegSegLib.mrml.rendering import render_slice
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.overlay import write_png
    from MedDeepRegSegLib.volumes.phantoms import head_phantom

    phantom = head_phantom(1, spacing_mm=2.0, size=(96, 112, 100))
    volume = volume_from_image(phantom.mr, "Head phantom MR")
    show_volumes(volume)
    loaded = Host.load_module(REPOSITORY / "SegmentEditorMedDeepGrow" / "SegmentEditorMedDeepGrow.py")
    registered = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()[-1]
    segmentation, identifier = segment_to_edit(volume, None, "Ventricles")
    editor = SegmentEditor(volume, segmentation)
    editor.node.SetSelectedSegmentID(identifier)
    effect = editor.effect(registered)
    editor.activate(effect)
    interaction = effect.self().interaction
    place = next(point for name, point in phantom.landmarks.items() if "ventricle" in name.lower())
    right, anterior, superior = -place[0], -place[1], place[2]
    for point, outside in (((right, anterior, superior), False), ((right, anterior + 30, superior), True)):
        editor.click(point, control=outside)
        if not Host.process_events(120, until=lambda: not interaction.computing):
            raise SystemExit(f"no answer to a click: {interaction.status}")
    Host.screenshot(effect.optionsFrame(), IMAGES / "grow-effect-panel.png", width=WIDTH)
    markups = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
        if node.GetName().startswith("MedDeep Grow")
    ]
    picture = render_slice(
        volume,
        position=place,
        segmentations=[interaction.preview.segmentation_node],
        markups=markups,
        size=500,
    )
    write_png(picture, IMAGES / "grow-effect-view.png")
    editor.close()
    registered.self().cleanup()
    loaded.close()


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


PICTURES = (training, registration, segmentation, grow_effect, diagnosis)


if __name__ == "__main__":
    Host.install_host()
    import slicer

    IMAGES.mkdir(parents=True, exist_ok=True)
    for make in PICTURES:
        if make.__name__ in sys.argv[1:] or len(sys.argv) == 1:
            make()
            slicer.mrmlScene.Clear(False)
