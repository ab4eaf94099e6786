"""What the user chose in the panels of MedDeep RegSeg; saved with the scene."""

from enum import Enum
from typing import Annotated

from slicer import (
    vtkMRMLDisplayableNode,
    vtkMRMLLinearTransformNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLMarkupsROINode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTransformNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from MedDeepRegSegLib.panels.training_choices import AbsentClass, CaseRole, DatasetSource, TrainedNetwork


class RegistrationKind(Enum):
    """How freely the moving volume may change."""

    PRESET = "preset"
    DEFORMABLE = "deformable"
    AFFINE = "affine"
    SIMILARITY = "similarity"
    RIGID = "rigid"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "preset": _("As in the preset"),
            "deformable": _("Deformable"),
            "affine": _("Affine"),
            "similarity": _("Similarity"),
            "rigid": _("Rigid"),
        }[self.value]


class RegistrationEngine(Enum):
    """The method that registers."""

    PRESET = "preset"
    MEDDEEP = "meddeep"
    CLASSIC = "classic"
    ELASTIX = "elastix"
    LANDMARKS = "landmarks"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "preset": _("As in the preset"),
            "meddeep": _("MedDeep"),
            "classic": _("Classic"),
            "elastix": _("elastix"),
            "landmarks": _("Landmarks only"),
        }[self.value]


class Interpolation(Enum):
    """How voxel values are found between those of the moving volume."""

    LINEAR = "linear"
    BSPLINE = "bspline"
    LANCZOS = "lanczos"
    NEAREST = "nearest"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "linear": _("Linear"),
            "bspline": _("B-spline"),
            "lanczos": _("Lanczos (windowed sinc)"),
            "nearest": _("Nearest neighbor"),
        }[self.value]


class ForegroundStructure(Enum):
    """What a foreground mask covers."""

    BODY = "body"
    HEAD = "head"
    LUNGS = "lungs"
    THORAX = "thorax"
    BRAIN = "brain"
    SKULL = "skull"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "body": _("Body"),
            "head": _("Head"),
            "lungs": _("Lungs (CT)"),
            "thorax": _("Thoracic cavity (CT)"),
            "brain": _("Brain"),
            "skull": _("Skull (CT)"),
        }[self.value]


class GrowingMethod(Enum):
    """How a structure is grown from points."""

    NETWORK = "network"
    CLASSIC = "classic"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"network": _("Network"), "classic": _("Classic (intensity)")}[self.value]


class SubdivisionModel(Enum):
    """What is divided into its parts."""

    BRAIN = "brain"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"brain": _("Brain")}[self.value]


class ContourSource(Enum):
    """What is outlined."""

    SEGMENTS = "segments"
    EDGES = "edges"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"segments": _("Segments"), "edges": _("Edges in the volume")}[self.value]


class ContourFit(Enum):
    """The curve that is fitted to a contour."""

    ELLIPSE = "ellipse"
    LINE = "line"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"ellipse": _("Ellipses"), "line": _("Lines")}[self.value]


class ContourAxis(Enum):
    """Orientation of the slices that are outlined."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"axial": _("Axial"), "coronal": _("Coronal"), "sagittal": _("Sagittal")}[self.value]


class ContourAlignment(Enum):
    """What may change when contours are aligned."""

    RIGID = "rigid"
    SIMILARITY = "similarity"
    AFFINE = "affine"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"rigid": _("Rigid"), "similarity": _("Similarity"), "affine": _("Affine")}[self.value]


@parameterNodeWrapper
class MedDeepRegSegParameterNode:
    """Parameters of all tabs. Lengths are in mm; node parameters are None until the user picks one."""

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    registrationPreset: str = ""
    """Name of a preset; empty stands for settings that suit any two volumes."""
    registrationKind: RegistrationKind = RegistrationKind.PRESET
    registrationEngine: RegistrationEngine = RegistrationEngine.PRESET
    fixedMask: vtkMRMLSegmentationNode
    movingMask: vtkMRMLSegmentationNode
    fixedLandmarks: vtkMRMLMarkupsFiducialNode
    movingLandmarks: vtkMRMLMarkupsFiducialNode
    startFromLandmarks: bool = False
    initialTransform: vtkMRMLLinearTransformNode
    interpolation: Interpolation = Interpolation.LINEAR
    makeStageNodes: bool = False
    outputTransform: vtkMRMLTransformNode
    outputVolume: vtkMRMLScalarVolumeNode
    carriedNodes: list[vtkMRMLDisplayableNode]
    lastTransform: vtkMRMLTransformNode
    """What the last registration made, so that an opened scene shows its result."""
    lastRegistered: vtkMRMLScalarVolumeNode
    lastQuality: str = ""
    """Its :class:`~MedDeepRegSegLib.registration.quality.Quality` as JSON."""

    segmentedVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    foregroundStructure: ForegroundStructure = ForegroundStructure.BODY
    segmentName: str = "Structure"
    positivePoints: vtkMRMLMarkupsFiducialNode
    negativePoints: vtkMRMLMarkupsFiducialNode
    growBox: vtkMRMLMarkupsROINode
    growForeground: vtkMRMLSegmentationNode
    growMethod: GrowingMethod = GrowingMethod.NETWORK
    smoothnessMm: Annotated[float, WithinRange(0.0, 5.0)] = 1.0
    keepNarrowParts: bool = False
    growAdapt: bool = False
    growShowUncertainty: bool = False
    growUncertainty: vtkMRMLScalarVolumeNode
    """Volume of the uncertainty that was made last; growing the same segment again fills it again."""
    subdivisionModel: SubdivisionModel = SubdivisionModel.BRAIN
    subdividedSegment: str = ""
    """Name of the segment that the parts lie in; empty stands for the whole image."""
    contourSource: ContourSource = ContourSource.SEGMENTS
    contourFit: ContourFit = ContourFit.ELLIPSE
    contourAxis: ContourAxis = ContourAxis.AXIAL
    contourTarget: vtkMRMLSegmentationNode
    contourAlignment: ContourAlignment = ContourAlignment.RIGID
    measureShape: bool = True
    measureIntensity: bool = True
    measureTexture: bool = False
    featureSpacingMm: Annotated[float, WithinRange(0.0, 8.0)] = 0.0
    """Voxel size that image features are computed at; 0 stands for automatic."""

    datasetSource: DatasetSource = DatasetSource.SCENE
    caseVolume: vtkMRMLScalarVolumeNode
    caseSegmentation: vtkMRMLSegmentationNode
    datasetVolumes: list[vtkMRMLScalarVolumeNode]
    """Volumes of the cases; ``datasetSegmentations`` and ``datasetPatients`` have as many entries, in the same order."""
    datasetSegmentations: list[vtkMRMLSegmentationNode]
    datasetPatients: list[str]
    """Whose each case is; empty stands for a patient of its own."""
    datasetValidationPercent: Annotated[float, WithinRange(0.0, 50.0)] = 20.0
    datasetTestPercent: Annotated[float, WithinRange(0.0, 50.0)] = 0.0
    datasetName: str = ""
    datasetAbsent: AbsentClass = AbsentClass.BACKGROUND
    datasetSeed: Annotated[int, WithinRange(0, 9999)] = 0
    augmentedVolume: vtkMRMLScalarVolumeNode
    augmentedSegmentation: vtkMRMLSegmentationNode
    augmentPreset: str = "default"
    augmentCount: Annotated[int, WithinRange(1, 32)] = 8
    augmentSeed: Annotated[int, WithinRange(0, 9999)] = 0
    augmentIntoScene: bool = False
    batchCommand: str = "measure"
    """One of :data:`MedDeepRegSegLib.jobs.batch_kinds.BATCHES`."""
    batchWorkers: Annotated[int, WithinRange(1, 64)] = 1
    batchAgain: bool = False

    trainNetwork: TrainedNetwork = TrainedNetwork.ENCODER
    trainMinutes: Annotated[int, WithinRange(1, 10000)] = 20
    trainPreset: str = "default"
    trainResume: bool = False
    trainEpochs: Annotated[int, WithinRange(0, 100000)] = 0
    """Epochs of the run; 0 stands for as many as fit into the time."""
    trainSteps: Annotated[int, WithinRange(0, 100000)] = 0
    """Steps of an epoch; 0 stands for automatic, as in the next three."""
    trainBatch: Annotated[int, WithinRange(0, 64)] = 0
    trainPatch: Annotated[int, WithinRange(0, 512)] = 0
    """Side of a patch, voxels."""
    trainSpacingMm: Annotated[float, WithinRange(0.0, 20.0)] = 0.0
    trainScratch: bool = False
    trainSeed: Annotated[int, WithinRange(0, 9999)] = 0
    predictedVolume: vtkMRMLScalarVolumeNode
    predictedSecondVolume: vtkMRMLScalarVolumeNode
    predictedSegmentation: vtkMRMLSegmentationNode
    predictUncertainty: bool = False
    predictMirrored: bool = False
    evaluateRole: CaseRole = CaseRole.TEST
    selectCount: Annotated[int, WithinRange(1, 1000)] = 5
