"""Random label maps: regions, bands, organs, tubes, lesions and a body, in random number and place."""

from dataclasses import dataclass, field

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.bands import paint_bands
from MedDeepRegSegLib.synthesis.shapes.body import paint_body
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.ellipsoids import paint_ellipsoids
from MedDeepRegSegLib.synthesis.shapes.lesions import paint_lesions
from MedDeepRegSegLib.synthesis.shapes.regions import paint_regions
from MedDeepRegSegLib.synthesis.shapes.tubes import paint_tubes
from MedDeepRegSegLib.synthesis.smooth import Size


@dataclass(frozen=True)
class LabelMap:
    """Labels, and what is known of their contrast.

    Attributes
    ----------
    labels : Tensor, shape (D, H, W), int16
        0 is outside of the body.
    count : int
        Labels are below this.
    alike : dict
        Label to a lower label that it resembles in contrast.
    bone : tuple of int
        Labels that are bright in CT, where this is known.
    classes : Tensor, shape (count,), or None
        Anatomical class of each label, -1 for none; None where labels have no meaning.
    frame : Tensor, shape (2, 3), or None
        Center and half extent of the brain, voxels: positions in the head are told in this frame.
    """

    labels: Tensor
    count: int
    alike: dict[int, int] = field(default_factory=dict)
    bone: tuple[int, ...] = ()
    classes: Tensor | None = None
    frame: Tensor | None = None


def random_label_map(size: Size, random: Randomness) -> LabelMap:
    """Return a label map of random shapes. No image of a person is used.

    Parameters
    ----------
    size : tuple of int
        Each side at least 16.
    random : Randomness
    """
    canvas = Canvas.blank(size, random)
    paint_regions(canvas)
    if random.chance(0.5):
        paint_bands(canvas)
    paint_ellipsoids(canvas)
    paint_tubes(canvas)
    paint_lesions(canvas)
    if random.chance(0.8):
        paint_body(canvas)
    return LabelMap(canvas.labels, int(canvas.labels.max()) + 1, dict(canvas.alike))
