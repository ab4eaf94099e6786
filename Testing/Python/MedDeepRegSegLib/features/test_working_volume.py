import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.working_volume import choose_spacing, feature_grid, working_volume
from MedDeepRegSegLib.models.description import WorkingSpacing
from MedDeepRegSegLib.volumes import memory
from MedDeepRegSegLib.volumes.geometry import index_to_world, same_geometry

WORKING = WorkingSpacing(smallest=1.0, largest=4.0, recommended=2.0)


def empty(size, spacing):
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    return image


@pytest.mark.parametrize(
    ("size", "spacing", "expected"),
    [
        ((96, 96, 80), (2.0, 2.0, 2.0), 2.0),  # a head
        ((35, 51, 35), (1.0, 1.0, 1.0), 1.0),  # a hippocampus
        ((64, 64, 50), (1.4, 1.4, 1.4), 1.4),  # small, and not finer than its voxels
        ((128, 128, 100), (0.5, 0.5, 0.5), 1.0),  # not finer than the model's smallest
        ((64, 64, 200), (5.6, 5.6, 3.0), 2.0),  # a trunk, 77 liters
        ((50, 50, 60), (10.0, 10.0, 30.0), 3.35),  # a whole body, 450 liters
    ],
)
def test_spacing_suits_the_field_of_view(size, spacing, expected):
    chosen = choose_spacing(empty(size, spacing), WORKING)
    assert chosen.spacing_mm == pytest.approx(expected)
    assert bool(chosen.note) == (expected != 2.0)
    assert f"{expected:g} mm" in chosen.note or not chosen.note


def test_spacing_that_is_asked_for_is_used_or_refused():
    head = empty((96, 96, 80), (2.0, 2.0, 2.0))
    assert choose_spacing(head, WORKING, 1.25).spacing_mm == 1.25
    for asked in (0.5, 4.5, float("nan")):
        with pytest.raises(InputError, match="expected 1 to 4 mm"):
            choose_spacing(head, WORKING, asked)


def test_refuses_what_is_too_thin_or_too_large(monkeypatch):
    with pytest.raises(InputError, match="thick"):
        choose_spacing(empty((96, 96, 3), (2.0, 2.0, 2.0)), WORKING)
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: 2**30)
    with pytest.raises(InputError, match="memory"):
        choose_spacing(empty((96, 96, 80), (2.0, 2.0, 2.0)), WORKING)


@pytest.mark.parametrize("spacing", [1.0, 2.0])
def test_same_voxels_in_another_order_give_the_same_volume(texture, image_of, spacing):
    turn = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.25).GetMatrix()
    image = image_of(texture((23, 37, 31)), (0.9, 0.8, 2.3), (5.0, -7.0, 11.0), np.array(turn))
    expected = working_volume(image, spacing)
    other = sitk.Flip(sitk.PermuteAxes(image, [2, 0, 1]), [True, False, True])
    found = working_volume(other, spacing)
    assert same_geometry(found, expected)
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected), atol=1e-2)


def test_values_lie_where_they_were(image_of):
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), 0.4, 0.1, -0.3).GetMatrix()).reshape(3, 3)
    grid = image_of(np.zeros((40, 60, 70), np.float32), (0.6, 0.8, 1.5), (50.0, -70.0, 11.0), turn)
    slope = np.array([0.7, -1.1, 0.4])

    def ramp(image):
        indices = np.stack(np.meshgrid(*map(np.arange, image.GetSize()), indexing="ij"), -1)
        world = indices @ index_to_world(image)[:3, :3].T + image.GetOrigin()
        return np.transpose(world @ slope, (2, 1, 0))

    image = sitk.GetImageFromArray(ramp(grid).astype(np.float32))
    image.CopyInformation(grid)
    found = working_volume(image, 2.0)
    inside = (slice(3, -3),) * 3  # smoothing bends a ramp at its ends
    np.testing.assert_allclose(sitk.GetArrayFromImage(found)[inside], ramp(found)[inside], atol=0.02)


def test_ct_is_limited_and_mr_is_not(texture, image_of):
    values = texture((24, 24, 24)) - 1000
    values = np.maximum(values, -900)
    values[:, :, :8], values[10:14, 10:14, 10:14] = -1000, 2500
    ct = image_of(np.round(values).astype(np.int16), (1.0, 1.0, 1.0))
    limited = sitk.GetArrayFromImage(working_volume(ct, 1.0))
    assert (limited.min(), limited.max()) == (-250, 450)
    assert sitk.GetArrayFromImage(working_volume(ct, 1.0, limit_ct=False)).min() == -1000
    mr = image_of(texture((24, 24, 24)), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(sitk.GetArrayFromImage(working_volume(mr, 1.0)), sitk.GetArrayFromImage(mr), rtol=1e-5)


def test_feature_grid_begins_in_the_middle_of_the_first_cell():
    working = empty((20, 20, 20), (1.5, 1.5, 1.5))
    working.SetOrigin((10.0, 20.0, 30.0))
    grid = feature_grid(working, 8, (3, 3, 3))
    np.testing.assert_allclose(grid.GetOrigin(), np.array([10, 20, 30]) + 3.5 * 1.5)
    np.testing.assert_allclose(grid.GetSpacing(), 12)
