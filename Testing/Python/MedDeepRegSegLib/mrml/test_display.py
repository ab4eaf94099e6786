import math

import numpy as np
import pytest
import SimpleITK as sitk
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.display import fade_foreground, set_display_window, show_volumes
from MedDeepRegSegLib.mrml.scene import load_scene, save_scene
from MedDeepRegSegLib.mrml.volumes import volume_from_image


def volume(name, value=0):
    image = sitk.GetImageFromArray((np.arange(60).reshape(3, 4, 5) + value).astype(np.int16))
    image.SetOrigin((100.0, 200.0, 300.0))
    image.SetSpacing((2.0, 2.0, 5.0))
    return volume_from_image(image, name, window_level=(50, 25))


def test_window_is_fixed_and_does_not_follow_the_voxels(scene):
    node = volume("v")
    set_display_window(node, 400, 40)
    slicer.util.arrayFromVolume(node)[:] = 3000
    slicer.util.arrayFromVolumeModified(node)
    display = node.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (400, 40, 0)


@pytest.mark.parametrize(("window", "level"), [(0, 1), (-5, 1), (math.nan, 1), (10, math.inf)])
def test_bad_window_is_refused(scene, window, level):
    with pytest.raises(InputError, match="window above 0"):
        set_display_window(volume("v"), window, level)


def test_volumes_are_shown_in_every_slice_view_and_in_the_saved_scene(scene, tmp_path):
    fixed, moving = volume("fixed"), volume("moving", 5)
    show_volumes(fixed, moving, 0.25)
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert len(composites) == 3
    for composite in composites:
        assert composite.GetBackgroundVolumeID() == fixed.GetID()
        assert composite.GetForegroundVolumeID() == moving.GetID()
        assert composite.GetForegroundOpacity() == 0.25
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        center = [view.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
        np.testing.assert_allclose(center, (-104, -203, 305), atol=1.01)
        assert 15 < view.GetFieldOfView()[0] < 30
    save_scene(tmp_path / "s.mrb")
    load_scene(tmp_path / "s.mrb")
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID()).GetName() == "fixed"
    show_volumes(slicer.util.getNode("moving"))
    assert composite.GetForegroundVolumeID() is None
    show_volumes(None)
    assert composite.GetBackgroundVolumeID() is None


def test_fading_leaves_views_that_show_something_else(scene):
    fixed, moving = volume("fixed"), volume("moving", 5)
    show_volumes(fixed, moving, 0.5)
    first, *others = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    first.SetForegroundVolumeID(fixed.GetID())
    fade_foreground(moving, 0.75)
    assert first.GetForegroundOpacity() == 0.5
    assert [composite.GetForegroundOpacity() for composite in others] == [0.75, 0.75]
