"""From what has grown to the segment that is edited, through the Segment Editor's own functions.

So masking, overwriting of other segments and the undo history work as with every other effect. Grown masks are in world
coordinates, the editor works in those of the segmentation.
"""

import numpy as np
import slicer
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import array_of_matrix, matrix_of_array, rigid_parent
from MedDeepRegSegLib.segmentation.segments import TISSUE, named_segment

_GENERIC = ("", "^^", TISSUE.split("~")[2])
"""Type codes that say nothing: none, and tissue, the editor's default."""


def editable_part(effect, image):
    """Return what of a mask the editor's masking settings let be changed.

    Parameters
    ----------
    effect:
        The ``qSlicerSegmentEditorScriptedEffect``.
    image:
        Oriented image data of 0 and 1, world coordinates; it is not changed.
    """
    node = effect.parameterSetNode()
    segmentation = node.GetSegmentationNode() if node is not None else None
    if segmentation is None or image.IsEmpty():
        return image
    by_intensity = bool(node.GetSourceVolumeIntensityMask())
    if node.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere and not by_intensity:
        return image
    to_world = _to_world(segmentation)
    clipped = _moved(image, np.linalg.inv(to_world))
    mask = slicer.vtkOrientedImageData()
    made = segmentation.GenerateEditMask(
        mask,
        node.GetMaskMode(),
        clipped,
        node.GetSelectedSegmentID() or "",
        node.GetMaskSegmentID() or "",
        effect.sourceVolumeImageData() if by_intensity else None,
        node.GetSourceVolumeIntensityMaskRange() if by_intensity else None,
    )
    if not made:
        return image
    slicer.vtkOrientedImageDataResample.ApplyImageMask(clipped, mask, 0, True)
    return _moved(clipped, to_world)


def put_into_segment(effect, image, mode: str) -> None:
    """Change the selected segment by a mask, as one state of the editor's undo history.

    Parameters
    ----------
    effect:
        The ``qSlicerSegmentEditorScriptedEffect``.
    image:
        Oriented image data of 0 and 1, world coordinates.
    mode:
        ``add``, ``replace`` or ``remove``.

    Raises
    ------
    InputError
        If no segment is selected, or nothing of the mask lies where the segmentation can have voxels.
    """
    node = effect.parameterSetNode()
    segmentation = node.GetSegmentationNode()
    identifier = node.GetSelectedSegmentID()
    if segmentation is None or not identifier:
        msg = "no segment is selected: select or add one"
        raise InputError(msg)
    own = _moved(image, np.linalg.inv(_to_world(segmentation)))
    default = effect.defaultModifierLabelmap()
    resample = slicer.vtkOrientedImageDataResample
    if not own.IsEmpty() and not resample.DoGeometriesMatch(own, default):
        fitted = slicer.vtkOrientedImageData()
        resample.ResampleOrientedImageToReferenceOrientedImage(own, default, fitted)
        own = fitted
    modes = {
        "add": effect.ModificationModeAdd,
        "replace": effect.ModificationModeSet,
        "remove": effect.ModificationModeRemove,
    }
    if own.IsEmpty() or own.GetScalarRange()[1] == 0:  # replacing by it would empty the segment
        msg = "nothing has grown inside of the segmentation: the segment stays as it is; place another click"
        raise InputError(msg)
    effect.saveStateForUndo()
    effect.modifySelectedSegmentByLabelmap(own, modes[mode])
    give_meaning(segmentation, identifier)


def give_meaning(segmentation, identifier: str) -> bool:
    """Give a segment the coded meaning that its name stands for, unless it has one; returns whether it was given.

    The color is the user's and stays.
    """
    segment = segmentation.GetSegmentation().GetSegment(identifier)
    tag = slicer.vtkSegment.GetTerminologyEntryTagName()
    present = vtk.reference("")
    segment.GetTag(tag, present)
    kinds = str(present).split("~")
    if (kinds[2] if len(kinds) > 2 else "") not in _GENERIC:
        return False
    known = named_segment(1, segment.GetName() or "Structure")
    if known.terminology == TISSUE and str(present):
        return False
    segment.SetTag(tag, known.terminology)
    return True


def _to_world(segmentation) -> np.ndarray:
    return rigid_parent(segmentation, f"segmentation {segmentation.GetName()!r}")


def _moved(image, matrix: np.ndarray):
    """Return a copy at another place; voxels are copied, because masking changes them."""
    moved = slicer.vtkOrientedImageData()
    moved.DeepCopy(image)
    before = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(before)
    moved.SetImageToWorldMatrix(matrix_of_array(matrix @ array_of_matrix(before)))
    return moved
