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
EARLIER = 3
"""Column of the list of cases that counts earlier versions."""


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
        batch(loaded, data, Path(folder), heads)
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
        for name in ("predict", "evaluate", "select", "bundle"):
            getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
        panel.ui.trainingDatasetPathLineEdit.currentPath = str(Path(folder) / "my heads" / "dataset.json")
        panel.ui.trainingModelPathLineEdit.currentPath = str(Path(folder) / "my heads model")
        panel.ui.bundlePathLineEdit.currentPath = str(Path(folder) / "my heads bundle")
        node.evaluateRole = type(node.evaluateRole)("validation")
        panel.ui.predictButton.click()
        finish(panel)
        panel.ui.evaluateButton.click()
        finish(panel)
        show_usual_paths(panel)
        show_path(panel.ui.bundlePathLineEdit, "MedDeep/my heads bundle")
        panel.ui.evaluateResultLabel.text = panel.ui.evaluateResultLabel.text.replace(folder, "MedDeep")
        Host.screenshot(loaded, IMAGES / "training-use.png", width=WIDTH)
        loaded.close()
        slicer.mrmlScene.Clear(False)


def batch(loaded, panel, folder: Path, heads: Path) -> None:
    """Measure the heads of a dataset over a table, one of them with a wrong path, in the section Batch alone."""
    from MedDeepRegSegLib.datasets.dataset import read_dataset

    lines = ["name,image,segmentation", "wrong,nowhere.nii.gz,nowhere.nii.gz"]
    lines += [f"{case.name},{case.images[0]},{case.labels}" for case in read_dataset(heads).cases]
    (folder / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("dataset", "augment"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    panel.ui.batchCollapsibleButton.collapsed = False
    panel.ui.batchCommandComboBox.currentIndex = panel.ui.batchCommandComboBox.findText("Measure segments")
    panel.ui.batchTablePathLineEdit.currentPath = str(folder / "cases.csv")
    panel.ui.batchOutputPathLineEdit.currentPath = str(folder / "measured")
    panel.ui.batchButton.click()
    finish(panel)
    show_path(panel.ui.batchTablePathLineEdit, "MedDeep/cases.csv")
    show_path(panel.ui.batchOutputPathLineEdit, "MedDeep/measured")
    panel.ui.batchResultLabel.text = panel.ui.batchResultLabel.text.replace(str(folder), "MedDeep")
    Host.screenshot(loaded, IMAGES / "batch-panel.png", width=WIDTH)


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


def diagnosis_case() -> None:
    """Assess a nodule of the chest phantom that grew to one side, in the panel."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segments import Segment
    from MedDeepRegSegLib.volumes.phantoms import chest_phantom

    phantom = chest_phantom(1, spacing_mm=2.0, size=(180, 130, 90))
    value = next(value for value, name in phantom.names.items() if "nodule" in name)
    labels = sitk.Cast(phantom.labels == value, sitk.sitkUInt8)
    shift = sitk.TranslationTransform(3, (5.0, 3.0, 0.0))
    labels = sitk.Or(labels, sitk.Resample(labels, labels, shift, sitk.sitkNearestNeighbor))
    dense = sitk.Cast(labels == 1, phantom.ct.GetPixelID())
    ct = volume_from_image(phantom.ct * (1 - dense) + 40 * dense, "Chest phantom CT")
    node = segmentation_from_image(labels, [Segment(1, "Nodule", (0.9, 0.5, 0.2))], "Lesions", reference_volume=ct)
    loaded = Host.load_module(REPOSITORY / "MedDeepDiagnosis" / "MedDeepDiagnosis.py")
    panel = loaded.widget.casePanel
    panel.ui.segmentSelector.setCurrentNode(node)
    panel.ui.segmentSelector.setCurrentSegmentID(node.GetSegmentation().GetNthSegmentID(0))
    panel.ui.volumeSelector.setCurrentNode(ct)
    signs = {"subtlety": "Obvious", "margin": "Near sharp", "spiculation": "Near marked", "texture": "Solid"}
    panel.findings.setValues({**signs, "internal_structure": "Soft tissue", "calcification": "Absent"})
    panel.onFindings()
    facts = {"age_years": "64", "known_cancer": "no", "immunosuppressed": "no", "screening_ct": "no"}
    panel.facts.form.setValues({**facts, "nodule_count": "single", "lung_cancer_risk": "high"})
    panel.onFacts()
    with tempfile.TemporaryDirectory() as folder:
        panel.ui.reportPathLineEdit.currentPath = folder
        panel.ui.applyButton.click()
        finish(panel)
        show_path(panel.ui.reportPathLineEdit, "MedDeep reports")
        Host.screenshot(loaded, IMAGES / "diagnosis-case.png", width=WIDTH)
        for name in ("model", "lesion", "findings", "report", "result"):
            getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
        for name in ("facts", "dicom", "store"):
            getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
        panel.ui.storePatientLineEdit.text = "Miller 1961"
        panel.ui.storeCaseBasePathLineEdit.currentPath = f"{folder}/cases.sqlite"
        panel.ui.storeButton.click()
        show_path(panel.ui.storeCaseBasePathLineEdit, "MedDeep cases/cases.sqlite")
        Host.screenshot(loaded, IMAGES / "diagnosis-case-store.png", width=WIDTH)
    loaded.close()


def diagnosis_case_base() -> None:
    """Import a table of made-up cases twice, the second time with a correction, and show the history of a case."""
    rows = [
        "Patient ID,Nodule,Equivalent diameter (cm),Margin,Spiculation,suspicious,Remarks",
        "Jones,Jones/1,1.4,Near poorly defined,Marked,yes,",
        "Jones,Jones/2,0.5,Sharp,None,no,",
        "Miller,Miller/1,0.9,Medium,Medium,,control in 6 months",
        "Smith,Smith/1,2.1,Poorly defined,Marked,yes,",
    ]
    loaded = Host.load_module(REPOSITORY / "MedDeepDiagnosis" / "MedDeepDiagnosis.py")
    loaded.ui.tabWidget.currentIndex = 1
    panel = loaded.widget.caseBasePanel
    with tempfile.TemporaryDirectory() as folder:
        panel.ui.caseBasePathLineEdit.currentPath = f"{folder}/cases.sqlite"
        for table, text in (("nodules.csv", rows), ("corrected.csv", [rows[0], rows[1].replace("1.4", "1.5")])):
            path = Path(folder) / table
            path.write_text("\n".join(text) + "\n", encoding="utf-8")
            panel.ui.importPathLineEdit.currentPath = str(path)
            panel.ui.readColumnsButton.click()
            panel.ui.importButton.click()
            finish(panel)
            panel.parameterNode.onConflict = type(panel.parameterNode.onConflict)("update")
        table = panel.ui.caseTable
        corrected = [row for row in range(table.rowCount) if table.item(row, EARLIER).text() != "0"]
        table.selectRow(corrected[0])
        panel.ui.historyButton.click()
        finish(panel)
        show_path(panel.ui.caseBasePathLineEdit, "MedDeep cases/cases.sqlite")
        show_path(panel.ui.importPathLineEdit, "corrected.csv")
        Host.screenshot(loaded, IMAGES / "diagnosis-case-base.png", width=WIDTH)
    loaded.close()


def diagnosis_learning() -> None:
    """Fit a model to made-up cases of nodules, and look for associations among them."""
    loaded = Host.load_module(REPOSITORY / "MedDeepDiagnosis" / "MedDeepDiagnosis.py")
    loaded.ui.tabWidget.currentIndex = 2
    panel = loaded.widget.learningPanel
    node = panel.parameterNode
    node.casesFrom = type(node.casesFrom)("file")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "cases.csv"
        table.write_text(made_up_nodules(), encoding="utf-8")
        panel.ui.learnTablePathLineEdit.currentPath = str(table)
        panel.ui.fitOutputPathLineEdit.currentPath = f"{folder}/my nodules"
        panel.ui.fitButton.click()
        finish(panel)
        panel.ui.associationsCollapsibleButton.collapsed = False
        panel.ui.associationsOutputPathLineEdit.currentPath = folder
        panel.ui.associationsButton.click()
        finish(panel)
        show_path(panel.ui.learnTablePathLineEdit, "made-up cases.csv")
        show_path(panel.ui.fitOutputPathLineEdit, "MedDeep models/my nodules")
        show_path(panel.ui.associationsOutputPathLineEdit, "MedDeep reports")
        Host.screenshot(loaded, IMAGES / "diagnosis-learning.png", width=WIDTH)
    loaded.close()


def made_up_nodules(patients: int = 500) -> str:
    """Return a CSV table of nodules with chance values, of which the large and spiculated ones are often suspicious."""
    import csv
    import io

    import numpy as np

    from MedDeepDiagnosisLib.pathology import load_pathology

    generator = np.random.default_rng(0)
    signs = [feature for feature in load_pathology("lung_nodule").features if feature.group == "rated"]
    text = io.StringIO()
    writer = csv.writer(text)
    size = ("equivalent_diameter_mm", "longest_diameter_mm", "perpendicular_diameter_mm", "largest_diameter_mm")
    writer.writerow(["patient", "suspicious", *size, "height_mm", "measured_sphericity", *(s.name for s in signs)])
    for patient in range(patients):
        ball = float(np.clip(np.exp(generator.normal(2.2, 0.5)), 3, 60))
        ratings = {s.name: int(generator.choice([word.value for word in s.words])) for s in signs}
        odds = 2.5 * (np.log(ball) - 2.2) + 0.8 * (ratings["spiculation"] - 3) - 0.5 * (ratings["margin"] - 3)
        long, across, largest, height = ball * np.array([1.1, 0.9, 1.2, 1.0]) * np.exp(generator.normal(0, 0.03, 4))
        shape = [ball, long, across, max(largest, long), min(height, max(largest, long)), generator.uniform(0.5, 0.9)]
        suspicious = int(generator.random() < 1 / (1 + np.exp(-odds)))
        writer.writerow([f"P{patient}", suspicious, *(f"{value:.2f}" for value in shape), *ratings.values()])
    return text.getvalue()


def show_path(line, path: str) -> None:
    """Show a path of nobody's computer in a path line, and leave the buttons as they are."""
    line.blockSignals(True)
    line.currentPath = path
    line.blockSignals(False)


PICTURES = (training, registration, segmentation, grow_effect, diagnosis_case, diagnosis_case_base, diagnosis_learning)


if __name__ == "__main__":
    Host.install_host()
    import slicer

    IMAGES.mkdir(parents=True, exist_ok=True)
    for make in PICTURES:
        if make.__name__ in sys.argv[1:] or len(sys.argv) == 1:
            make()
            slicer.mrmlScene.Clear(False)
