"""Labels that do not lie where the image is."""

from collections.abc import Sequence

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.dataset import Dataset

_LEAST_OVERLAP = 0.5


def check(facts: Sequence[CaseFacts], _dataset: Dataset) -> list[Finding]:
    """Return an error where labels lie beside the image, and a warning where they are on another grid."""
    found = []
    for fact in facts:
        if fact.grid not in ("other", "misplaced"):
            continue
        if fact.overlap < _LEAST_OVERLAP:
            found.append(
                Finding(
                    case=fact.case.name,
                    check="geometry",
                    severity="error",
                    what=f"labels and image share only {fact.overlap:.0%} of the space they see",
                    todo="export the labels again with the image as reference; were they drawn on another image?",
                )
            )
        elif fact.grid == "misplaced":
            found.append(
                Finding(
                    case=fact.case.name,
                    check="geometry",
                    severity="error",
                    what="labels have as many voxels as the image and lie elsewhere: one of the headers is wrong",
                    todo="correct the spacing, origin or direction of one, or export the labels with the image as reference",
                )
            )
        else:
            found.append(
                Finding(
                    case=fact.case.name,
                    check="geometry",
                    severity="warning",
                    what="the labels lie on another grid than the image and are resampled to it",
                    todo="look at both in Slicer; export the labels with the image as reference",
                )
            )
    return found
