"""The self-test of MedDeep RegSeg: the whole path through the module logic, on the phantom, with exact truth."""

import numpy as np
import slicer.util

from MedDeepRegSegLib.mrml.markups import markups_from_points
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.transforms import transform_from_node
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.registration.quality import target_registration_error
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom

LARGEST_ERROR_MM = 4.0
"""One voxel of the coarse phantom: far below the 20 mm of the movement that has to be found."""


def check_path(logic) -> dict:
    """Register, mask, grow and measure on the head phantom, and check every result.

    Parameters
    ----------
    logic:
        A ``MedDeepRegSegLogic``.

    Returns
    -------
    dict
        The nodes that were made, and the mean ``error_mm``.

    Raises
    ------
    AssertionError
        If a result is not what it must be.
    """
    phantom = head_phantom(1, spacing_mm=4.0, size=(48, 60, 56))
    movement = known_rigid(volume_center(phantom.mr), seed=1, rotation_degrees=10, shift_mm=20)
    moved = deform_phantom(phantom, movement)
    ct = volume_from_image(phantom.ct, "Phantom CT")
    mr = volume_from_image(moved.mr, "Phantom MR")

    registration = logic.register(ct, mr, kind="rigid")
    names = sorted(set(phantom.landmarks) & set(moved.landmarks))
    fixed = np.array([phantom.landmarks[name] for name in names])
    moving = np.array([moved.landmarks[name] for name in names])
    error = float(target_registration_error(transform_from_node(registration["transform"]), fixed, moving).mean())
    if not error < LARGEST_ERROR_MM:
        msg = f"registration of the phantom is off by {error:.1f} mm, expected less than {LARGEST_ERROR_MM} mm"
        raise AssertionError(msg)

    segmentation = logic.makeForegroundMask(mr, what="head")["segmentation"]
    points = markups_from_points([moved.landmarks["left eye"]], ["inside"], "Inside")
    logic.grow(mr, points, segmentName="Left eye", segmentation_node=segmentation)
    table = logic.measure(segmentation, mr)["table"]
    _columns, rows = rows_from_table(table)
    volumes = [row["Volume (mL)"] for row in rows]
    if len(rows) != 2 or not 2000 < volumes[0] < 6000 or not 3 < volumes[1] < 12:
        msg = f"the segments of the phantom measure {volumes} mL, expected a head and an eye of about 6 mL"
        raise AssertionError(msg)
    return {**registration, "volume": mr, "segmentation": segmentation, "table": table, "error_mm": error}


def check_features(logic, volume, segmentation) -> dict:
    """Color a volume by its features and describe its segments with the encoder that ships, and check both.

    Parameters
    ----------
    logic:
        A ``MedDeepRegSegLogic``.
    volume, segmentation:
        As :func:`check_path` made them.

    Raises
    ------
    MissingPackageError
        If PyTorch is not installed: a self-test that passed without it would say nothing.
    AssertionError
        If a result is not what it must be.
    """
    outputs = logic.extractFeatures(volume, segmentation)
    colors = slicer.util.arrayFromVolume(outputs["colored"])
    spread = colors.reshape(-1, colors.shape[-1]).std(axis=0)
    expected = (*slicer.util.arrayFromVolume(volume).shape, 3)
    if colors.shape != expected or not spread.min() > 1:
        msg = f"the colored features have shape {colors.shape} and spread {spread}, expected {expected} and colors that differ"
        raise AssertionError(msg)
    _columns, rows = rows_from_table(outputs["table"])
    numbers = [[value for value in row.values() if isinstance(value, float)] for row in rows]
    if (
        len(rows) != segmentation.GetSegmentation().GetNumberOfSegments()
        or not all(numbers)
        or numbers[0] == numbers[1]
    ):
        msg = f"the features of the segments are {rows}, expected different numbers for each segment"
        raise AssertionError(msg)
    return outputs
