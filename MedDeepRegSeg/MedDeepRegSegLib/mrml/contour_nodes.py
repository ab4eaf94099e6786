"""Curves and lines from files of contours as markups nodes."""

from collections.abc import Sequence

import slicer.util

from MedDeepRegSegLib.mrml.geometry import to_lps
from MedDeepRegSegLib.mrml.hierarchy import place_in_folder
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.volumes.curve_files import Markup

_CLASSES = {
    "ClosedCurve": "vtkMRMLMarkupsClosedCurveNode",
    "Curve": "vtkMRMLMarkupsCurveNode",
    "Line": "vtkMRMLMarkupsLineNode",
}
_GLYPH_SCALE = 0.3  # percent of the view: the points are many, and the line is what counts


def nodes_from_markups(markups: Sequence[Markup], folder: int) -> list:
    """Make a locked node of each curve and line, in its color and without labels.

    Parameters
    ----------
    markups:
        Curves and lines, LPS mm in world coordinates.
    folder:
        Subject hierarchy item to place the nodes in.

    Returns
    -------
    list of vtkMRMLMarkupsCurveNode, vtkMRMLMarkupsClosedCurveNode and vtkMRMLMarkupsLineNode
        In the order of ``markups``; their names are unique in the scene.
    """
    scene = headless_scene()
    nodes = []
    for markup in markups:
        node = scene.AddNewNodeByClass(_CLASSES[markup.kind], scene.GenerateUniqueName(markup.name))
        node.CreateDefaultDisplayNodes()
        slicer.util.updateMarkupsControlPointsFromArray(node, to_lps(markup.points))  # its own inverse: LPS to RAS
        display = node.GetDisplayNode()
        with slicer.util.NodeModify(display):
            display.SetColor(*markup.color)
            display.SetSelectedColor(*markup.color)
            display.SetPointLabelsVisibility(False)
            display.SetPropertiesLabelVisibility(False)
            display.SetUseGlyphScale(True)
            display.SetGlyphScale(_GLYPH_SCALE)
        node.SetLocked(True)  # a result is not to be moved by a stray click
        place_in_folder(node, folder)
        nodes.append(node)
    return nodes
