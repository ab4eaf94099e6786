"""Random label maps: regions, bands, organs, tubes, chains of bones, lesions and a body, in random number and place."""

from dataclasses import dataclass, field

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.bands import paint_bands
from MedDeepRegSegLib.synthesis.shapes.body import paint_body
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.chains import paint_chain
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
        Labels that are bright in CT and mostly dark in MR.
    all_bone : bool
        Whether no other label can be bone, where ``bone`` names any.
    organs : tuple of tuple of int
        Labels that are one organ together.
    classes : Tensor, shape (count,), or None
        Anatomical class of each label, -1 for none; None where labels have no meaning.
    frame : Tensor, shape (2, 3), or None
        Center and half extent of the brain, voxels: positions in the head are told in this frame.
    """

    labels: Tensor
    count: int
    alike: dict[int, int] = field(default_factory=dict)
    bone: tuple[int, ...] = ()
    all_bone: bool = True
    organs: tuple[tuple[int, ...], ...] = ()
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
    if random.chance(0.5):
        paint_chain(canvas)
    paint_lesions(canvas)
    if random.chance(0.8):
        paint_body(canvas)
    there = set(canvas.labels.unique().tolist())
    organs = (tuple(label for label in organ if label in there) for organ in canvas.organs)
    count = max(there) + 1
    return LabelMap(
        canvas.labels,
        count,
        dict(canvas.alike),
        bone=tuple(label for label in canvas.bone if label < count),
        all_bone=False,
        organs=tuple(organ for organ in organs if organ),
    )
