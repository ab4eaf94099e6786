"""The self-tests of the modules: Slicer finds and runs them, and none passes where what it needs is absent.

What they check is run under pytest by the tests of each module (``panels/test_module.py``).
"""

import sys
import unittest

import pytest
import slicer

from MedDeepRegSegLib.errors import MissingPackageError

MODULES = ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow")


@pytest.fixture(params=MODULES)
def loaded(module, request):
    return module(request.param, enter=request.param != "SegmentEditorMedDeepGrow")


def test_class_of(loaded):
    return getattr(loaded.python_module, f"{loaded.name}Test")


test_class_of.__test__ = False


def test_slicer_knows_the_self_test(loaded):
    from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

    assert issubclass(test_class_of(loaded), ScriptedLoadableModuleTest)
    assert callable(slicer.selfTests[loaded.name])


def test_the_runner_of_cmake_finds_every_test(loaded):
    """``slicer_add_python_unittest`` loads the tests by the name of the module file."""
    suite = unittest.TestLoader().loadTestsFromName(loaded.name)
    found = {test.id().rpartition(".")[2] for group in suite for test in group if type(test) is test_class_of(loaded)}
    assert found
    assert found == {name for name in vars(test_class_of(loaded)) if name.startswith("test")}


def test_the_button_test_runs_every_test_in_an_empty_scene(loaded, monkeypatch):
    """Slicer's buttons "Test" and "Reload and Test" call ``runTest``."""
    cls, called = test_class_of(loaded), []
    names = [name for name in vars(cls) if name.startswith("test")]
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Left over")
    left = slicer.mrmlScene.GetFirstNodeByName
    for name in names:
        monkeypatch.setattr(cls, name, lambda _self, name=name: called.append((name, left("Left over"))))
    slicer.selfTests[loaded.name]()
    assert called == [(name, None) for name in names]


def test_a_failure_is_no_success(loaded, monkeypatch):
    cls = test_class_of(loaded)
    (name, *_others) = [name for name in vars(cls) if name.startswith("test")]
    monkeypatch.setattr(cls, name, lambda _self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        slicer.selfTests[loaded.name]()


def test_the_effect_is_there(module):
    module("SegmentEditorMedDeepGrow", enter=False)
    slicer.selfTests["SegmentEditorMedDeepGrow"]()
    slicer.qSlicerSegmentEditorEffectFactory._instance = None
    with pytest.raises(AssertionError):
        slicer.selfTests["SegmentEditorMedDeepGrow"]()


@pytest.fixture
def quick(monkeypatch, ramp):
    """Leave out what was checked before, as far as it needs long."""
    from MedDeepRegSegLib.mrml import self_test

    def leave_out(*names):
        for name in names:
            monkeypatch.setattr(self_test, name, lambda *_arguments: ramp)

    return leave_out


@pytest.fixture
def ramp(slicer_scene):
    """A small volume and a segmentation of it, as the first part of the self-test leaves them."""
    import numpy as np
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segments import Segment

    array = np.indices((16, 16, 16)).sum(axis=0).astype(np.int16)
    volume = volume_from_image(sitk.GetImageFromArray(array), "Ramp")
    labels = sitk.GetImageFromArray((array > 24).astype(np.uint8))
    segmentation = segmentation_from_image(
        labels, [Segment(1, "Far", (1.0, 0.0, 0.0))], "Drawn", reference_volume=volume
    )
    return {"volume": volume, "segmentation": segmentation}


@pytest.mark.parametrize(
    ("missing", "left_out"),
    [("torch", ("check_path",)), ("safetensors", ("check_path", "check_features"))],
)
def test_regseg_fails_without_what_it_needs(module, quick, monkeypatch, missing, left_out):
    loaded = module("MedDeepRegSeg")
    monkeypatch.setattr(test_class_of(loaded), "setUp", lambda _self: None)  # the nodes of `quick` stay
    quick(*left_out)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingPackageError, match=rf"(?i){missing}"):
        slicer.selfTests["MedDeepRegSeg"]()


@pytest.mark.parametrize(
    ("missing", "test"),
    [("jinja2", "test_assessment"), ("safetensors", "test_assessment"), ("sqlalchemy", "test_case_base")],
)
def test_diagnosis_fails_without_what_it_needs(module, monkeypatch, ramp, missing, test):
    from MedDeepDiagnosisLib.mrml import self_test

    loaded = module("MedDeepDiagnosis")
    segment = ramp["segmentation"].GetSegmentation().GetNthSegmentID(0)
    monkeypatch.setattr(self_test, "_phantom_nodule", lambda *_size: (*ramp.values(), segment))  # quickly measured
    for name in list(sys.modules):
        if name.partition(".")[0] == missing:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingPackageError, match=rf"(?i){missing}"):
        getattr(test_class_of(loaded)(), test)()
