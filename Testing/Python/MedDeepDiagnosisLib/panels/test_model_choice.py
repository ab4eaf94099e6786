"""Which models are at hand."""

import json

import pytest

from MedDeepRegSegLib.errors import InputError


def test_models_that_ship_are_found_by_their_descriptions(slicer_host):
    from MedDeepDiagnosisLib.panels.model_choice import shippedModels

    found = {model.name: model for model in shippedModels()}
    assert next(iter(found)) == "lung_nodule"
    assert {"acute_stroke_outcome", "acute_stroke_severity"} <= set(found)
    assert found["acute_stroke_severity"].pathology.target.name == "nihss"


def test_what_is_no_model_is_refused(slicer_host, tmp_path, toy_folder):
    from MedDeepDiagnosisLib.panels.model_choice import pathologyOfModel

    assert pathologyOfModel(toy_folder).identifier == "toy"
    with pytest.raises(InputError, match="no model that can be read"):
        pathologyOfModel(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({"format": "meddeep-network"}))
    with pytest.raises(InputError, match="another kind of model"):
        pathologyOfModel(tmp_path)


def test_the_choice_follows_the_parameter_node(module, tmp_path, toy_folder):
    panel = module("MedDeepDiagnosis").widget.casePanel
    assert panel.models.pathology.identifier == "lung_nodule"
    assert panel.ui.modelPathLineEdit.isHidden()
    names = [panel.ui.modelComboBox.itemText(index) for index in range(panel.ui.modelComboBox.count)]
    assert names[0] == "Lung nodule"
    assert names[-1] == "Own model"
    panel.ui.modelComboBox.currentIndex = names.index("Acute stroke severity")
    assert panel.parameterNode.model == "acute_stroke_severity"
    assert "NIH Stroke Scale" in panel.ui.modelDescriptionLabel.text
    panel.ui.modelComboBox.currentIndex = len(names) - 1
    assert not panel.ui.modelPathLineEdit.isHidden()
    assert panel.ui.modelPathLineEdit.currentPath == ""
    panel.ui.modelPathLineEdit.currentPath = str(tmp_path)
    assert "no model that can be read" in panel.models.obstacle()
    panel.ui.modelPathLineEdit.currentPath = str(toy_folder)
    assert panel.models.obstacle() is None
    assert panel.models.folder == toy_folder


def test_a_model_that_the_scene_names_and_that_is_gone_is_told(module):
    panel = module("MedDeepDiagnosis").widget.casePanel
    panel.parameterNode.model = "of another version"
    assert panel.ui.applyButton.toolTip == "Pick a model."
    assert panel.ui.modelComboBox.currentIndex == -1
