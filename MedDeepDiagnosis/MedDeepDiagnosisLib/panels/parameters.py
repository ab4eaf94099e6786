"""What the user chose in the panels of MedDeep Diagnosis; saved with the scene."""

from enum import Enum
from pathlib import Path

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper


class CasesFrom(Enum):
    """Where the cases to learn from are."""

    BASE = "base"
    FILE = "file"
    SCENE = "scene"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"base": _("Case base"), "file": _("Table file"), "scene": _("Table of the scene")}[self.value]


class OnConflict(Enum):
    """What becomes of a row that says otherwise than what is stored."""

    REFUSE = "refuse"
    SKIP = "skip"
    UPDATE = "update"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "refuse": _("Import nothing, and list them"),
            "skip": _("Leave these rows out"),
            "update": _("Store new versions (the old stay)"),
        }[self.value]


class OnImplausible(Enum):
    """What becomes of a row with a value that cannot be."""

    REFUSE = "refuse"
    SKIP = "skip"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"refuse": _("Import nothing, and list them"), "skip": _("Leave these rows out")}[self.value]


class Predictor(Enum):
    """What a fitted model predicts with; the values are names of learners."""

    ADDITIVE = "additive"
    ELASTIC_NET = "elastic-net"
    SVM = "svm"
    BOOSTING = "boosting"
    NETWORK = "network"
    MEAN = "mean"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "additive": _("Additive model (exact reasons)"),
            "elastic-net": _("Elastic net"),
            "svm": _("Support vector machine"),
            "boosting": _("Gradient boosting"),
            "network": _("Neural network"),
            "mean": _("Mean of several"),
        }[self.value]


@parameterNodeWrapper
class MedDeepDiagnosisParameterNode:
    """Parameters of the three tabs.

    ``findings`` and ``facts`` map names to the word or number that was given; what is unknown is absent.
    """

    segmentation: vtkMRMLSegmentationNode
    segmentId: str
    lesionVolume: vtkMRMLScalarVolumeNode
    model: str = "lung_nodule"
    """Name of a model that ships, or ``own``: then ``modelFolder`` has it."""
    modelFolder: Path
    findings: dict[str, str]
    facts: dict[str, str]
    reportFolder: Path
    writePdf: bool = False
    writeDicom: bool = False
    lastAssessment: str = ""
    """What came out last and of what, as :mod:`MedDeepDiagnosisLib.panels.kept_assessment` writes it."""

    caseBase: Path
    pathology: str = "lung_nodule"
    """Name of a pathology that ships, or ``own``: then ``pathologyFile`` has it."""
    pathologyFile: Path
    onConflict: OnConflict = OnConflict.REFUSE
    onImplausible: OnImplausible = OnImplausible.REFUSE
    keepNames: bool = False

    casesFrom: CasesFrom = CasesFrom.BASE
    caseTable: vtkMRMLTableNode
    target: str = ""
    """Name of the target to predict; empty for the first of the pathology."""
    predictor: Predictor = Predictor.ADDITIVE
    compareWith: str = ""
    """Names of further learners to validate, separated by commas."""
