"""The tab Data & augmentation: cases of the scene or of a folder become a dataset; samples of augmentation."""

import Host
import pytest
import slicer

from MedDeepRegSegLib.datasets.dataset import read_dataset


def wait_for_end(panel, seconds=120):
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


@pytest.fixture
def loaded(module, phantom_nodes):
    return module("MedDeepRegSeg")


@pytest.fixture
def panel(loaded):
    return loaded.widget.dataPanel


def add_all(panel):
    while panel.ui.addCaseButton.enabled:
        panel.ui.addCaseButton.click()


def take_from_folder(panel):
    from MedDeepRegSegLib.panels.training_choices import DatasetSource

    panel.parameterNode.datasetSource = DatasetSource.FOLDER


def shown_cases(panel):
    table = panel.ui.casesTable
    return [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount)]


def test_the_tabs_are_in_the_order_of_the_work(loaded):
    tabs = loaded.ui.tabWidget
    assert [tabs.tabText(index).replace("&&", "&") for index in range(tabs.count)] == [
        "Data & augmentation",
        "Training",
        "Registration",
        "Segmentation",
    ]


def test_a_volume_is_offered_with_what_was_drawn_on_it(panel, phantom_nodes):
    volume, segmentation = phantom_nodes[0]
    assert panel.ui.caseVolumeSelector.currentNode() is volume
    assert panel.ui.caseSegmentationSelector.currentNode() is segmentation
    panel.ui.casePatientLineEdit.text = "Ann"
    panel.ui.addCaseButton.click()
    assert shown_cases(panel) == [[volume.GetName(), segmentation.GetName(), "Ann"]]
    assert panel.ui.casePatientLineEdit.text == ""
    assert panel.ui.caseVolumeSelector.currentNode() is phantom_nodes[1][0]
    assert panel.ui.caseSegmentationSelector.currentNode() is phantom_nodes[1][1]


def test_a_case_is_added_once_and_can_be_taken_out(panel, phantom_nodes):
    add_all(panel)
    assert len(shown_cases(panel)) == len(phantom_nodes)
    assert panel.ui.caseVolumeSelector.currentNode() is None
    assert panel.ui.addCaseButton.toolTip == "Pick a volume."
    panel.ui.caseVolumeSelector.setCurrentNode(phantom_nodes[0][0])
    assert not panel.ui.addCaseButton.enabled
    assert "in the list already" in panel.ui.addCaseButton.toolTip
    assert not panel.ui.removeCasesButton.enabled
    panel.ui.casesTable.selectRow(1)
    assert panel.ui.removeCasesButton.enabled
    panel.ui.removeCasesButton.click()
    names = [volume.GetName() for volume, _ in phantom_nodes]
    assert [row[0] for row in shown_cases(panel)] == [names[0], *names[2:]]


def test_a_patient_can_be_typed_into_the_table(panel):
    add_all(panel)
    panel.ui.casesTable.item(1, 2).setText(" Bob ")
    assert list(panel.parameterNode.datasetPatients) == ["", "Bob", ""]
    assert shown_cases(panel)[1][2] == "Bob"


def test_a_case_whose_volume_was_deleted_is_gone(panel, phantom_nodes):
    add_all(panel)
    slicer.mrmlScene.RemoveNode(phantom_nodes[1][0])
    panel.updateButtons()
    assert [row[0] for row in shown_cases(panel)] == [phantom_nodes[0][0].GetName(), phantom_nodes[2][0].GetName()]


def test_the_button_says_what_is_missing(panel, tmp_path):
    button = panel.ui.makeDatasetButton
    assert not button.enabled
    assert button.toolTip.startswith("Add cases")
    panel.ui.caseSegmentationSelector.setCurrentNode(None)
    panel.ui.addCaseButton.click()
    assert button.toolTip.startswith("No case is labeled")
    add_all(panel)
    assert button.toolTip == "Pick an output folder."
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    panel.ui.datasetOutputPathLineEdit.currentPath = str(tmp_path / "full")
    assert "not empty" in button.toolTip
    panel.ui.datasetOutputPathLineEdit.currentPath = str(tmp_path / "new")
    assert button.enabled
    panel.ui.datasetValidationSlider.value = panel.ui.datasetTestSlider.value = 50
    assert not button.enabled
    assert "leave no patients" in button.toolTip


def test_a_folder_has_its_own_fields(panel, tmp_path):
    assert not panel.ui.sceneCasesWidget.isHidden()
    assert panel.ui.folderCasesWidget.isHidden()
    take_from_folder(panel)
    assert panel.ui.sceneCasesWidget.isHidden()
    assert not panel.ui.folderCasesWidget.isHidden()
    assert panel.ui.makeDatasetButton.toolTip == "Pick the folder with images and labels."
    panel.ui.datasetFolderPathLineEdit.currentPath = str(tmp_path / "absent")
    assert "is not there" in panel.ui.makeDatasetButton.toolTip


def test_cases_of_the_scene_become_a_dataset(loaded, panel, tmp_path):
    add_all(panel)
    for row, patient in enumerate(("Ann", "Ann", "Bob")):
        panel.ui.casesTable.item(row, 2).setText(patient)
    panel.ui.datasetOutputPathLineEdit.currentPath = str(tmp_path / "heads")
    panel.ui.makeDatasetButton.click()
    assert panel.ui.makeDatasetButton.text == "Cancel"
    wait_for_end(panel)
    path = tmp_path / "heads" / "dataset.json"
    dataset = read_dataset(path)
    assert {case.patient for case in dataset.cases} == {"Ann", "Bob"}
    assert {case.role for case in dataset.cases} == {"training", "validation"}
    text = panel.ui.datasetResultLabel.text
    assert not panel.ui.datasetResultLabel.isHidden()
    assert "Cases of 2 patients" in text
    assert all(segment.name in text for segment in dataset.classes)
    table = panel.ui.datasetTableView.mrmlTableNode()
    assert table.GetName() == "heads checks"
    # The next tab has it.
    training = loaded.widget.trainingPanel
    assert training.ui.trainingDatasetPathLineEdit.currentPath == str(path)
    assert training.ui.trainingModelPathLineEdit.currentPath == str(tmp_path / "heads model")


def test_a_folder_becomes_a_dataset_where_it_lies(panel, phantom_files, tmp_path):
    take_from_folder(panel)
    panel.ui.datasetFolderPathLineEdit.currentPath = str(phantom_files.parent)
    panel.ui.datasetOutputPathLineEdit.currentPath = str(tmp_path / "out")
    panel.ui.makeDatasetButton.click()
    wait_for_end(panel)
    dataset = read_dataset(tmp_path / "out" / "dataset.json")
    assert len(dataset.cases) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset.json",
        "dataset_checks.csv",
        "dataset_checks.txt",
    ]


def test_errors_and_warnings_are_counted(slicer_scene):
    from MedDeepRegSegLib.datasets.checks.finding import Finding
    from MedDeepRegSegLib.panels.dataset_section import datasetText

    findings = [
        Finding(case="a", check="c", severity=severity, what="w", todo="t")
        for severity in ("error", "warning", "warning")
    ]
    roles = {"training": 3, "validation": 1, "test": 0, "unused": 2}
    text = datasetText({"roles": roles, "patients": 4, "classes": ("a<b",), "findings": findings})
    assert "1 errors" in text
    assert "2 warnings" in text
    assert "2 cases are not used" in text
    assert "a&lt;b" in text


def test_cases_without_a_patient_are_patients_of_their_own(phantom_nodes):
    from MedDeepRegSegLib.panels.case_table import SceneCase, patientsOf

    volumes = [volume for volume, _ in phantom_nodes]
    cases = [
        SceneCase(volumes[0], None, volumes[1].GetName()),
        *(SceneCase(volume, None, "") for volume in volumes[:2]),
    ]
    assert len(set(patientsOf(cases))) == 3


def test_samples_of_augmentation_are_shown(panel, phantom_nodes):
    volume = phantom_nodes[0][0]
    assert panel.ui.augmentVolumeSelector.currentNode() is volume
    assert panel.ui.augmentPresetComboBox.currentText == "Default"
    assert panel.ui.augmentPresetLabel.text
    panel.ui.augmentPresetComboBox.currentIndex = panel.ui.augmentPresetComboBox.findText("MR")
    assert panel.parameterNode.augmentPreset == "MR"
    panel.ui.augmentCountSpinBox.value = 2
    panel.ui.augmentSamplesCheckBox.checked = True
    panel.ui.augmentButton.click()
    wait_for_end(panel)
    (sheet,) = slicer.util.getNodesByClass("vtkMRMLVectorVolumeNode")
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {node.GetBackgroundVolumeID() for node in nodes} == {sheet.GetID()}
    assert "2 samples were added" in panel.ui.augmentResultLabel.text
    assert slicer.util.getNode(f"{volume.GetName()} sample 2") is not None


def test_augmentation_says_what_is_missing(panel, tmp_path):
    (tmp_path / "file").touch()
    panel.ui.augmentOutputPathLineEdit.currentPath = str(tmp_path)
    assert "not empty" in panel.ui.augmentButton.toolTip
    panel.ui.augmentVolumeSelector.setCurrentNode(None)
    assert panel.ui.augmentButton.toolTip == "Pick a volume."
    assert not panel.ui.augmentButton.enabled


def test_a_preset_of_another_computer_is_not_applied(panel):
    panel.parameterNode.augmentPreset = "of-another-computer"
    assert not panel.ui.augmentButton.enabled
    assert panel.ui.augmentButton.toolTip == "Pick a preset of augmentation."


def test_nothing_is_followed_after_the_module_was_left(loaded, panel, phantom_nodes):
    loaded.exit()
    assert panel.parameterNode is None
    panel.ui.datasetOutputPathLineEdit.currentPath = "somewhere"
    panel.ui.augmentPresetComboBox.currentIndex = 0
    loaded.enter()
    assert panel.ui.caseVolumeSelector.currentNode() is phantom_nodes[0][0]
