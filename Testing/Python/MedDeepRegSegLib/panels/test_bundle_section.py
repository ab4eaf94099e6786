"""The section of the Training tab on MONAI bundles: what can be pressed when and why not, and what arrives in the task."""

import pytest


@pytest.fixture
def panel(module):
    return module("MedDeepRegSeg").widget.trainingPanel


def test_the_bundle_buttons_say_what_is_missing(panel, tmp_path):
    export, bring = panel.ui.exportBundleButton, panel.ui.importBundleButton
    assert export.toolTip == "Pick the folder of a model."
    assert bring.toolTip == "Pick the folder of a bundle."
    model, bundle = tmp_path / "model", tmp_path / "bundle"
    panel.ui.bundlePathLineEdit.currentPath = str(bundle)
    assert "No bundle lies in the bundle folder" in bring.toolTip
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    assert "train one first" in export.toolTip
    model.mkdir()
    (model / "model.json").write_text("{}")
    panel.updateButtons()
    assert export.enabled
    assert "MONAI bundle" in export.toolTip
    panel.ui.bundlePathLineEdit.currentPath = ""
    assert export.toolTip == "Pick a folder for the bundle."
    (bundle / "configs").mkdir(parents=True)
    (bundle / "configs" / "metadata.json").write_text("{}")
    panel.ui.bundlePathLineEdit.currentPath = str(bundle)
    assert "bundle folder is not empty" in export.toolTip
    assert "model folder is not empty" in bring.toolTip
    panel.ui.trainingModelPathLineEdit.currentPath = ""
    assert bring.toolTip == "Pick a folder for the model."
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "new")
    assert bring.enabled
    assert not export.enabled


def test_bundles_arrive_in_their_task(panel, monkeypatch, tmp_path):
    from MedDeepRegSegLib.panels import bundle_section

    asked, tasks = [], []
    monkeypatch.setattr(bundle_section, "BundleTask", lambda *nodes, **options: tasks.append((nodes, options)))
    monkeypatch.setattr(panel.runner, "start", lambda *_arguments, **_options: None)
    monkeypatch.setattr(panel, "_ensurePackages", lambda networks, file: asked.append((networks, file)))
    model, bundle = tmp_path / "model", tmp_path / "bundle"
    model.mkdir()
    (model / "model.json").write_text("{}")
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    panel.ui.bundlePathLineEdit.currentPath = str(bundle)
    panel.ui.exportBundleButton.click()
    # What is brought in says itself whether its network is MONAI's.
    (bundle / "configs").mkdir(parents=True)
    (bundle / "configs" / "metadata.json").write_text('{"meddeep": {"settings": {"network": "unet"}}}')
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "new")
    panel.ui.importBundleButton.click()
    assert tasks == [
        ((model,), {"out": bundle}),
        ((bundle,), {"out": tmp_path / "new", "direction": "import"}),
    ]
    assert asked[0] == (True, None)
    assert asked[1][1].endswith("MedDeepRegSeg-monai-requirements.txt")


def test_the_panel_knows_the_files_of_bundles():
    from MedDeepRegSegLib.models import bundle_export
    from MedDeepRegSegLib.panels import bundle_section, own_models

    assert bundle_section.METADATA == bundle_export.METADATA
    assert own_models.IN_BUNDLE == bundle_export.OWN
