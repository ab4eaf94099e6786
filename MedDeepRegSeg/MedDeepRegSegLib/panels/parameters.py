"""What the user chose in the panels of MedDeep RegSeg; saved with the scene."""

from enum import Enum
from typing import Annotated

from slicer import (
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

    DEFORMABLE = "deformable"
    AFFINE = "affine"
    RIGID = "rigid"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"deformable": _("Deformable"), "affine": _("Affine"), "rigid": _("Rigid")}[self.value]


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
    registrationKind: RegistrationKind = RegistrationKind.DEFORMABLE
    fixedMask: vtkMRMLSegmentationNode
    movingMask: vtkMRMLSegmentationNode
    fixedLandmarks: vtkMRMLMarkupsFiducialNode
    movingLandmarks: vtkMRMLMarkupsFiducialNode
    initialTransform: vtkMRMLLinearTransformNode
    outputTransform: vtkMRMLTransformNode
    outputVolume: vtkMRMLScalarVolumeNode

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
