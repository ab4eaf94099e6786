"""A segment to edit by hand: the one of a name, or a new one with color, meaning and reference geometry."""

import slicer

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, segment_id_by_name
from MedDeepRegSegLib.mrml.task_base import one_action
from MedDeepRegSegLib.mrml.volumes import check_volume_node
from MedDeepRegSegLib.segmentation.segments import named_segment


def segment_to_edit(volume, segmentation, name: str):
    """Return a segmentation and the identifier of its segment of a name; what is missing is made, as one action.

    Parameters
    ----------
    volume:
        Volume node that is segmented: the reference geometry of a segmentation that has none.
    segmentation:
        Segmentation node, or None for a new one.
    name:
        Name of the segment.

    Returns
    -------
    segmentation:
        ``vtkMRMLSegmentationNode``
    identifier: str

    Raises
    ------
    InputError
        If volume or segmentation cannot be used, or the name is empty.
    """
    check_volume_node(volume)
    if not name.strip():
        msg = "the segment has no name: give it one"
        raise InputError(msg)
    if segmentation is not None:
        check_segmentation_node(segmentation)
        found = segment_id_by_name(segmentation, name)
        if found:
            return segmentation, found
    with one_action():
        if segmentation is None:
            segmentation = _new_segmentation(volume)
        elif segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole()) is None:
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        known = named_segment(1, name)
        identifier = segmentation.GetSegmentation().AddEmptySegment("", name, known.color)
        segment = segmentation.GetSegmentation().GetSegment(identifier)
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), known.terminology)
    return segmentation, identifier


def _new_segmentation(volume):
    from MedDeepRegSegLib.mrml.hierarchy import place_beside

    scene = headless_scene()
    name = scene.GenerateUniqueName(f"{volume.GetName()} segmentation")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    place_beside(node, volume)
    return node
