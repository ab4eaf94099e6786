"""The module file of MedDeep RegSeg: its logic, its self-test, its samples, its life."""

import pytest
import slicer

from MedDeepRegSegLib.errors import InputError


@pytest.fixture
def loaded(module):
    return module("MedDeepRegSeg")


def test_self_test_registers_grows_and_measures(loaded):
    slicer.selfTests["MedDeepRegSeg"]()


def test_samples_are_offered(loaded):
    sources = slicer.modules.sampleDataSources["MedDeep"]
    assert {"ct-head-atlas", "mr-head-t1", "spine-ct"} <= {source.sampleName for source in sources}
    assert all(source.checksums[0].startswith("SHA256:") for source in sources if source.uris)
    assert [source.sampleName for source in sources if not source.uris] == ["practice-nodule"]


def test_samples_are_offered_once_by_however_many_modules(loaded):
    from MedDeepRegSegLib.mrml.sample_data import register_sample_data

    before = [source.sampleName for source in slicer.modules.sampleDataSources["MedDeep"]]
    register_sample_data()
    assert [source.sampleName for source in slicer.modules.sampleDataSources["MedDeep"]] == before


@pytest.mark.parametrize("sample", [("spine-ct", "Python package tptbox"), ("arterial-atlas", "on GitHub")])
def test_a_sample_is_fetched_only_with_consent(loaded, dialogs_shown, monkeypatch, tmp_path, sample):
    name, where = sample
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path))
    fetched = []
    monkeypatch.setattr("MedDeepRegSegLib.mrml.sample_data.sample_path", fetched.append)
    import qt

    source = next(s for s in slicer.modules.sampleDataSources["MedDeep"] if s.sampleName == name)
    dialogs_shown.answer_next(qt.QMessageBox.Cancel)
    assert source.customDownloader(source) is None
    assert "MB" in dialogs_shown.texts()[-1]
    assert where in dialogs_shown.texts()[-1]
    assert fetched == []


def test_the_practice_nodule_is_drawn_without_asking(loaded, dialogs_shown):
    source = next(s for s in slicer.modules.sampleDataSources["MedDeep"] if s.sampleName == "practice-nodule")
    volume = source.customDownloader(source)
    assert dialogs_shown.texts() == []
    assert volume.GetScene() is slicer.mrmlScene
    assert slicer.util.getNode("Practice nodule").GetSegmentation().GetNumberOfSegments() == 1
    composite = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite is None or composite.GetBackgroundVolumeID() == volume.GetID()


def test_logic_explains_bad_nodes(loaded):
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    with pytest.raises(InputError, match="Empty"):
        loaded.logic.register(volume, volume)


def test_module_can_be_reloaded(loaded, head_nodes):
    loaded.reload()
    panel = loaded.widget.registrationPanel
    assert panel.ui.applyButton.enabled


@pytest.mark.parametrize(("name", "count"), [("dataPanel", 29), ("trainingPanel", 32)])
def test_every_control_says_what_it_does(loaded, name, count):
    controls = [
        widget
        for key, widget in vars(getattr(loaded.widget, name).ui).items()
        if key.endswith(("Selector", "ComboBox", "CheckBox", "Slider", "SpinBox", "LineEdit", "Button"))
        and "Collapsible" not in key
    ]
    assert [control.name for control in controls if not control.toolTip] == []
    assert len(controls) == count
