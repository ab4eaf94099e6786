"""The lesion of a case."""

from dataclasses import dataclass

import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.segments import Segment


@dataclass(frozen=True)
class Lesion:
    """The segment to assess, and the image behind it where there is one.

    Attributes
    ----------
    labels:
        Label map that holds the segment, on its own grid.
    segment:
        Which of its values is the lesion.
    image:
        The volume that it was drawn on.
    """

    labels: sitk.Image
    segment: Segment
    image: sitk.Image | None = None
