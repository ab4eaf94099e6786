"""What the user chose in the panel of MedDeep Diagnosis; saved with the scene."""

from pathlib import Path

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class MedDeepDiagnosisParameterNode:
    """Parameters of the assessment.

    ``ratings`` maps the name of a rated sign to the word that was chosen; a sign that was not rated is absent.
    """

    segmentation: vtkMRMLSegmentationNode
    segmentId: str
    lesionVolume: vtkMRMLScalarVolumeNode
    ratings: dict[str, str]
    modelFolder: Path
    reportFolder: Path
