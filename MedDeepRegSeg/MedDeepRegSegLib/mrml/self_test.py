"""The self-test of MedDeep RegSeg: the whole path through the module logic, on the phantom, with exact truth."""

import tempfile
from pathlib import Path

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


def check_training(logic, folder) -> dict:
    """Make a dataset of drawn heads, augment, train for some steps and segment with the model, and check every result.

    Parameters
    ----------
    logic:
        A ``MedDeepRegSegLogic``.
    folder:
        Folder for files, which are removed again.

    Raises
    ------
    MissingPackageError
        If PyTorch is not installed: a self-test that passed without it would say nothing.
    AssertionError
        If a result is not what it must be.
    """
    from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
    from MedDeepRegSegLib.volumes.reading import read_volume

    with tempfile.TemporaryDirectory(prefix="MedDeep-self-test-", dir=folder) as name:
        work = Path(name)
        made = write_phantom_dataset(work / "heads", cases=3, spacing_mm=8.0, validation=0.3)
        volume = volume_from_image(read_volume(work / "heads" / "images" / "phantom-001.nii.gz"), "Drawn head")
        sheet = slicer.util.arrayFromVolume(logic.augment(volume, count=2)["preview"])
        short = {"epochs": 2, "steps_per_epoch": 3, "patch": (16, 16, 16), "spacing_mm": (8.0, 8.0, 8.0)}
        trained = logic.train(made, work / "model", **short)
        found = logic.predict(volume, work / "model", uncertainty=True)
        doubt = slicer.util.arrayFromVolume(found["uncertainty"])
    if not sheet.std() > 1:
        msg = "the samples of the augmentation are one color, expected a head"
        raise AssertionError(msg)
    if trained["score"] is None or not 0 <= trained["score"] <= 1 or trained["table"].GetNumberOfRows() != 4:
        msg = f"training scored {trained['score']}, expected a Dice of the four classes"
        raise AssertionError(msg)
    if not (doubt.min() >= 0 and 0 < doubt.max() <= 1):
        msg = f"the uncertainty goes from {doubt.min()} to {doubt.max()}, expected 0 to 1"
        raise AssertionError(msg)
    return {**trained, **found, "volume": volume}
