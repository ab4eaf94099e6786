"""For tests of the effect MedDeep Grow: what is to be seen of it in the scene."""

import numpy as np
import SimpleITK as sitk
import slicer

from .loader import process_events


def wait(interaction, until=None, seconds=60):
    """Let the application work until the clicks are answered, or until a condition holds."""
    until = until or (lambda: not interaction.computing)
    assert process_events(seconds, until=until), interaction.status


def volume_ml(segmentation, name="Liver"):
    """Return the volume of a segment, ml."""
    from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

    labels, _ = image_from_segmentation(segmentation, segment_ids=[name])
    return (sitk.GetArrayViewFromImage(labels) > 0).sum() * np.prod(labels.GetSpacing()) / 1000


def preview_ml(interaction):
    """Return the volume that is shown, ml."""
    node = interaction.preview.segmentation_node
    return 0.0 if node is None else volume_ml(node, "preview")


def hidden_nodes():
    """Return the nodes of the preview."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLNode") if "MedDeep Grow" in (node.GetName() or "")]
