"""Opens the Segment Editor with one of its effects."""

import slicer


def openEffect(name: str, segmentation, volume, segmentID: str) -> bool:
    """Show the Segment Editor on a segment, with an effect active.

    Parameters
    ----------
    name:
        Name of the effect, which is not translated.
    segmentation, volume:
        Segmentation node, and the volume node that is segmented.
    segmentID:
        Segment to edit.

    Returns
    -------
    bool
        Whether the editor has such an effect.
    """
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setCurrentSegmentID(segmentID)
    if name not in editor.availableEffectNames():
        return False
    editor.setActiveEffectByName(name)
    return True
