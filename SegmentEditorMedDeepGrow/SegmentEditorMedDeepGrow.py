"""Registers the Segment Editor effect "MedDeep Grow": a structure grows from clicks.

The effect itself is in ``MedDeepRegSegLib.panels.grow_effect``; this hidden module only tells the Segment Editor of it.
"""

import logging
import os

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest


class SegmentEditorMedDeepGrow(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("MedDeep Grow")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["MedDeep contributors"]
        parent.hidden = True
        parent.helpText = _("Registers the Segment Editor effect that grows a structure from clicks. For research use.")
        parent.acknowledgementText = ""
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self):
        """Tell the Segment Editor of the effect."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        instance = effects.qSlicerSegmentEditorScriptedEffect(None)
        source = os.path.join(os.path.dirname(__file__), "SegmentEditorMedDeepGrowLib", "SegmentEditorEffect.py")
        if not instance.setPythonSource(source.replace("\\", "/")):
            logging.error("The Segment Editor effect MedDeep Grow could not be loaded: is MedDeep RegSeg installed?")
            return
        instance.self().register()


class SegmentEditorMedDeepGrowTest(ScriptedLoadableModuleTest):
    """Self-test that runs inside Slicer; clicks, undo and confirming are tested under pytest."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run the whole self-test."""
        self.setUp()
        self.test_registered()

    def test_registered(self):
        """The Segment Editor knows the effect."""
        factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
        assert "MedDeep Grow" in [effect.name for effect in factory.registeredEffects()]
        self.delayDisplay("Test passed")
