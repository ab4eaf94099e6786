"""What the user chose in the panels of MedDeep RegSeg; saved with the scene."""

from enum import Enum
from typing import Annotated

from slicer import (
    vtkMRMLDisplayableNode,
    vtkMRMLLinearTransformNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTransformNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


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

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "body": _("Body"),
            "head": _("Head"),
            "lungs": _("Lungs (CT)"),
            "thorax": _("Thoracic cavity (CT)"),
            "brain": _("Brain"),
        }[self.value]


@parameterNodeWrapper
class MedDeepRegSegParameterNode:
    """Parameters of both tabs. Lengths are in mm; node parameters are None until the user picks one."""

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

    segmentedVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    foregroundStructure: ForegroundStructure = ForegroundStructure.BODY
    segmentName: str = "Structure"
    positivePoints: vtkMRMLMarkupsFiducialNode
    negativePoints: vtkMRMLMarkupsFiducialNode
    smoothnessMm: Annotated[float, WithinRange(0.0, 5.0)] = 1.0
    keepNarrowParts: bool = False
    featureSpacingMm: Annotated[float, WithinRange(0.0, 8.0)] = 0.0
    """Voxel size that image features are computed at; 0 stands for automatic."""
