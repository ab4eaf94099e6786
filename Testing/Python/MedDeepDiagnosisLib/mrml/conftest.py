"""A scene with a lesion, and the toy cases as a table node."""

import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def scene():
    """The scene of slicer-core, empty before and after."""
    slicer = pytest.importorskip("slicer")
    from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene

    headless_scene()
    clear_scene()
    yield slicer.mrmlScene
    clear_scene()


@pytest.fixture
def nodule(scene):
    """Volume node, segmentation node and identifier of a ball of 12 mm diameter."""
    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segments import Segment

    zyx = np.indices((40, 40, 40)) - 19.5
    ball = (zyx**2).sum(axis=0) <= 6.0**2
    volume = volume_from_image(sitk.GetImageFromArray(np.where(ball, 40, -850).astype(np.int16)), "CT")
    mask = sitk.GetImageFromArray(ball.astype(np.uint8))
    node = segmentation_from_image(mask, [Segment(1, "Nodule", (1.0, 0.5, 0.2))], "Lesions", reference_volume=volume)
    return volume, node, node.GetSegmentation().GetNthSegmentID(0)


@pytest.fixture
def case_node(scene, toy_rows):
    """The toy cases as a table node."""
    from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows

    return table_from_rows([TableColumn(name) for name in toy_rows[0]], toy_rows, "Toy cases")
