"""The Jacobian of a deformation as a volume: where tissue shrinks, keeps its size, or grows."""

import SimpleITK as sitk

from MedDeepRegSegLib.mrml.display import set_display_window
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.volumes import volume_from_image

COLORS_NAME = "Change of volume"
_COUNT = 256
# From the diverging scheme RdBu of ColorBrewer: blue shrinks, nearly white keeps its volume, red grows.
_STOPS = ((0.02, 0.19, 0.38), (0.26, 0.58, 0.76), (0.97, 0.97, 0.97), (0.84, 0.38, 0.30), (0.40, 0.00, 0.12))
_FOLD = (1.0, 0.9, 0.0)


def jacobian_volume(image: sitk.Image, name: str, *, beside=None):
    """Put determinants of the derivative of a transform into a new volume node with colors that suit.

    0 to 2 are shown: white keeps its volume, blue shrinks, red grows (from fixed to moving), and yellow folds.

    Returns
    -------
    vtkMRMLScalarVolumeNode
    """
    node = volume_from_image(image, name, beside=beside, window_level=(2.0, 1.0))
    set_display_window(node, 2.0, 1.0)
    node.GetDisplayNode().SetAndObserveColorNodeID(_colors().GetID())
    return node


def _colors():
    """Return the color table, made once in a scene."""
    scene = headless_scene()
    node = scene.GetFirstNode(COLORS_NAME, "vtkMRMLColorTableNode")
    if node is not None:
        return node
    node = scene.AddNewNodeByClass("vtkMRMLColorTableNode", COLORS_NAME)
    node.SetTypeToUser()
    node.SetNumberOfColors(_COUNT)
    for index in range(_COUNT):
        place = index / (_COUNT - 1) * (len(_STOPS) - 1)
        low = min(int(place), len(_STOPS) - 2)
        share = place - low
        color = [a + (b - a) * share for a, b in zip(_STOPS[low], _STOPS[low + 1], strict=True)]
        node.SetColor(index, f"{index / (_COUNT - 1) * 2:.2f}", *(color if index else _FOLD), 1.0)
    return node
