"""MedDeep RegSeg: train a network on one's own cases, register CT to MR, grow structures from points, measure them.

This file only ties Slicer to the library: the engines are in MedDeepRegSegLib, the border to MRML in its
``mrml`` package, and the tabs in its ``panels`` package.
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

from MedDeepRegSegLib.mrml.training_logic import TrainingLogic
from MedDeepRegSegLib.panels.panel_host import PanelHost


class MedDeepRegSeg(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("MedDeep RegSeg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "MedDeep")]
        parent.dependencies = []
        parent.contributors = ["MedDeep contributors"]
        parent.helpText = _(
            "Trains a network on your own cases, registers one volume to another (CT to MR, follow-up to baseline), grows "
            "structures from points, and measures them. Everything runs on this computer. For research use."
        )
        parent.acknowledgementText = _(
            "Registration and image filters: SimpleITK and ITK. Networks: PyTorch and MONAI."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add MedDeep's sample images to the Sample Data module."""
    from MedDeepRegSegLib.mrml.sample_data import register_sample_data

    register_sample_data()


class MedDeepRegSegWidget(PanelHost, ScriptedLoadableModuleWidget):
    """Four tabs on one parameter node, in the order of the work."""

    def __init__(self, parent=None):
        PanelHost.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        """Load the tabs; called when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from MedDeepRegSegLib.panels.data_panel import DataPanel
        from MedDeepRegSegLib.panels.registration_panel import RegistrationPanel
        from MedDeepRegSegLib.panels.segmentation_panel import SegmentationPanel
        from MedDeepRegSegLib.panels.training_panel import TrainingPanel

        widget = slicer.util.loadUI(self.resourcePath("UI/MedDeepRegSeg.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        requirements = self.resourcePath("MedDeepRegSeg-requirements.txt")
        networks = self.resourcePath("MedDeepRegSeg-networks-requirements.txt")
        monai = self.resourcePath("MedDeepRegSeg-monai-requirements.txt")
        self.trainingPanel = TrainingPanel(
            self.resourcePath("UI/Training.ui"),
            self.ui.trainingTab.layout(),
            requirements,
            networks,
            trainingRequirementsFile=self.resourcePath("MedDeepRegSeg-training-requirements.txt"),
            monaiRequirementsFile=monai,
        )
        self.dataPanel = DataPanel(
            self.resourcePath("UI/DataAugmentation.ui"),
            self.ui.dataTab.layout(),
            requirements,
            networks,
            monaiRequirementsFile=monai,
            onDataset=self.trainingPanel.useDataset,
        )
        self.registrationPanel = RegistrationPanel(
            self.resourcePath("UI/Registration.ui"),
            self.ui.registrationTab.layout(),
            requirements,
            networks,
            self.resourcePath("MedDeepRegSeg-elastix-requirements.txt"),
        )
        self.segmentationPanel = SegmentationPanel(
            self.resourcePath("UI/Segmentation.ui"), self.ui.segmentationTab.layout(), requirements, networks
        )
        self.panels = [self.dataPanel, self.trainingPanel, self.registrationPanel, self.segmentationPanel]
        self.logic = MedDeepRegSegLogic()
        self.startPanels()


class MedDeepRegSegLogic(TrainingLogic, ScriptedLoadableModuleLogic):
    """The module from the Python console and from other modules, on MRML nodes.

    Every method blocks until its result is there; the panels run the same tasks in a child process.
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self):
        """Return the typed parameter node of the scene, with what the scene holds now."""
        from MedDeepRegSegLib.panels.parameters import MedDeepRegSegParameterNode

        # A new wrapper each time: one from before a scene was opened would not know the nodes that came with the scene.
        return MedDeepRegSegParameterNode(super().getParameterNode())

    def register(
        self,
        fixedVolume,
        movingVolume,
        kind=None,
        *,
        preset=None,
        engine=None,
        startFromLandmarks=False,
        interpolation="linear",
        stageNodes=False,
        carry=(),
        progress=None,
        cancel=None,
        **options,
    ):
        """Register the moving to the fixed volume.

        ``preset`` is a name of :func:`MedDeepRegSegLib.registration.presets.preset_names`; ``kind`` and ``engine`` replace
        what it says (without a preset: deformable). ``startFromLandmarks`` starts from ``fixed_points`` and
        ``moving_points`` instead of only measuring at them. ``carry`` lists nodes of the moving volume of which copies
        are brought along. ``stageNodes`` also makes nodes of the stages and the Jacobian. More ``options`` are those of
        :class:`MedDeepRegSegLib.mrml.tasks.RegisterTask`.

        Returns a dictionary with the nodes ``transform`` and ``registered``, the ``quality``, and ``carried``, ``linear``,
        ``deformation`` and ``jacobian`` as far as they were asked for.
        """
        from MedDeepRegSegLib.mrml.tasks import RegisterTask
        from MedDeepRegSegLib.registration.choices import choose_settings

        points = "start" if startFromLandmarks else None
        settings = choose_settings(preset, kind=kind, engine=engine, points=points)
        options.update(carry=carry, stage_nodes=stageNodes, interpolation=interpolation)
        return self._run(RegisterTask(fixedVolume, movingVolume, settings, **options), progress, cancel)

    def plotIterations(self, result):
        """Plot what each iteration of a registration gained, from what :meth:`register` returned, and show it.

        Returns the chart node.
        """
        from MedDeepRegSegLib.mrml.iteration_plots import plot_iterations
        from MedDeepRegSegLib.mrml.plots import show_chart

        chart = plot_iterations(result["quality"].curves, result["transform"].GetName())
        show_chart(chart)
        return chart

    def makeForegroundMask(self, volume, what="body", segmentation=None, *, progress=None, cancel=None):
        """Add a foreground mask to a segmentation (a new one if None); returns its node as ``segmentation``."""
        from MedDeepRegSegLib.mrml.tasks import ForegroundTask

        return self._run(ForegroundTask(volume, what=what, segmentation_node=segmentation), progress, cancel)

    def grow(self, volume, positivePoints, segmentName="Structure", *, progress=None, cancel=None, **options):
        """Grow a structure from the points of a markups node; returns its node as ``segmentation``.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.tasks.GrowTask`.
        """
        from MedDeepRegSegLib.mrml.tasks import GrowTask

        return self._run(GrowTask(volume, positivePoints, segment_name=segmentName, **options), progress, cancel)

    def measure(self, segmentation, volume=None, *, families=None, progress=None, cancel=None, **options):
        """Measure all segments, with intensities if a volume is given; returns the ``table`` node.

        ``families`` and ``options`` are those of :class:`MedDeepRegSegLib.mrml.tasks.MeasureTask`.
        """
        from MedDeepRegSegLib.mrml.tasks import MeasureTask

        return self._run(MeasureTask(segmentation, volume, families=families, **options), progress, cancel)

    def subdivide(self, volume, model="brain", segmentation=None, segmentName=None, *, progress=None, cancel=None):
        """Find the named parts of a structure, only inside a segment if one is named; returns the ``segmentation``."""
        from MedDeepRegSegLib.mrml.tasks import SubdivideTask

        options = {"model": model, "segmentation_node": segmentation, "segment_name": segmentName}
        return self._run(SubdivideTask(volume, **options), progress, cancel)

    def outline(self, volume, segmentation=None, *, progress=None, cancel=None, **options):
        """Outline segments or edges and fit curves; see :class:`MedDeepRegSegLib.mrml.tasks.ContoursTask`."""
        from MedDeepRegSegLib.mrml.tasks import ContoursTask

        return self._run(ContoursTask(volume, segmentation, **options), progress, cancel)

    def alignContours(self, segmentation, mask, kind="rigid", *, progress=None, cancel=None):
        """Bring the outlines of a segmentation onto a mask; returns the ``transform`` node and its errors in mm."""
        from MedDeepRegSegLib.mrml.tasks import AlignContoursTask

        return self._run(AlignContoursTask(segmentation, mask, kind=kind), progress, cancel)

    def extractFeatures(self, volume, segmentation=None, *, progress=None, cancel=None, **options):
        """Compute the features of a volume that MedDeep's network sees, and those of segments if there are any.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.tasks.FeaturesTask`. Returns a dictionary with the nodes
        ``colored`` (the features as colors) and ``table`` (one row a segment; None without a segmentation).
        """
        from MedDeepRegSegLib.mrml.tasks import FeaturesTask

        return self._run(FeaturesTask(volume, segmentation, **options), progress, cancel)

    @staticmethod
    def _run(task, progress, cancel):
        from MedDeepRegSegLib.jobs.progress import no_progress
        from MedDeepRegSegLib.mrml.tasks import run_task

        return run_task(task, progress=progress or no_progress, cancel=cancel)


class MedDeepRegSegTest(ScriptedLoadableModuleTest):
    """Self-test that runs inside Slicer; the same checks and many more run under pytest."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run the whole self-test."""
        self.setUp()
        self.test_path()

    def test_path(self):
        """Register, grow, measure, compute features, train and predict on phantoms, through the module logic."""
        from MedDeepRegSegLib.mrml.self_test import check_features, check_path, check_training

        logic = MedDeepRegSegLogic()
        self.delayDisplay("Registering, growing and measuring on the phantom")
        made = check_path(logic)
        self.delayDisplay("Computing features; this needs PyTorch")
        check_features(logic, made["volume"], made["segmentation"])
        self.delayDisplay("Training a network for some seconds; this needs PyTorch")
        check_training(logic, slicer.app.temporaryPath)
        self.delayDisplay("Test passed")
