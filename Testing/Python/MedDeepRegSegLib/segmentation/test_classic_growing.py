from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation import growing
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings
from MedDeepRegSegLib.volumes.geometry import same_geometry
from MedDeepRegSegLib.volumes.phantoms import chest_phantom

SPACING = (1.0, 1.2, 2.0)
TURNED = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.4).GetMatrix()


def grow(image, positive, negative=(), *, settings=None, **options):
    settings = replace(settings or GrowingSettings(), method="classic")
    return growing.grow(image, positive, negative, settings=settings, **options)


def dice(a, b):
    return 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


class Scene:
    """Two like balls joined by a thin bridge in gray, on an oblique grid, with noise."""

    def __init__(self):
        k, j, i = np.indices((26, 44, 64)).astype(float)
        x, y, z = i * SPACING[0], j * SPACING[1], k * SPACING[2]
        self.left = (x - 18) ** 2 + (y - 26) ** 2 + (z - 26) ** 2 <= 11**2
        self.right = (x - 46) ** 2 + (y - 26) ** 2 + (z - 26) ** 2 <= 9**2
        self.bridge = ((y - 26) ** 2 + (z - 26) ** 2 <= 2.5**2) & (x > 18) & (x < 46) & ~self.left & ~self.right
        values = 60.0 + 60 * (self.left | self.right | self.bridge)
        values += np.random.default_rng(3).normal(0, 8, values.shape)
        self.image = sitk.GetImageFromArray(values.astype(np.float32))
        self.image.SetSpacing(SPACING)
        self.image.SetDirection(TURNED)
        self.image.SetOrigin((-40.0, 25.0, 310.0))
        self.in_left, self.in_right = self.point(18, 26, 26), self.point(46, 26, 26)
        self.outside = self.point(32, 8, 10)

    def point(self, x, y, z):
        """Return the LPS point of distances in mm along the axes of the grid."""
        return self.image.TransformContinuousIndexToPhysicalPoint((x / SPACING[0], y / SPACING[1], z / SPACING[2]))

    def mask(self, array):
        image = sitk.GetImageFromArray(array.astype(np.uint8))
        image.CopyInformation(self.image)
        return image


@pytest.fixture(scope="module")
def scene():
    return Scene()


@pytest.fixture(scope="module")
def from_left(scene):
    return sitk.GetArrayFromImage(grow(scene.image, [scene.in_left])) > 0


def voxel(scene, point):
    return scene.image.TransformPhysicalPointToIndex(point)[::-1]


def test_one_seed_finds_the_ball_and_not_its_neighbor(scene, from_left):
    assert dice(from_left, scene.left) > 0.93
    assert from_left[scene.right].mean() < 0.02


def test_result_lies_on_the_grid_of_the_image(scene):
    mask = grow(scene.image, [scene.in_right])
    assert same_geometry(mask, scene.image, tolerance_mm=1e-9)
    assert mask.GetPixelID() == sitk.sitkUInt8


def test_result_is_connected_and_has_no_holes(from_left):
    from scipy import ndimage

    assert ndimage.label(from_left)[1] == 1
    assert (ndimage.binary_fill_holes(from_left) == from_left).all()


def test_two_seeds_find_both(scene):
    found = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left, scene.in_right])) > 0
    assert found[scene.left].mean() > 0.9
    assert found[scene.right].mean() > 0.9
    assert found[~(scene.left | scene.right | scene.bridge)].mean() < 0.02


def test_without_cutting_necks_it_leaks_and_a_negative_seed_stops_it(scene):
    settings = GrowingSettings(neck_radius_mm=0.0, band_width=4.0, smoothness_mm=0.5)
    leaked = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left], settings=settings)) > 0
    assert leaked[scene.right].mean() > 0.8
    held = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left], [scene.in_right], settings=settings)) > 0
    assert not held[voxel(scene, scene.in_right)]
    assert held[scene.right].mean() < 0.4
    assert held[scene.left].mean() > 0.85


@pytest.mark.parametrize("seed", range(1, 4))
def test_seeds_are_hard_constraints_wherever_they_are(scene, seed):
    rng = np.random.default_rng(seed)
    low, high = np.array([3, 3, 3]), np.array([60, 48, 46])
    positive = [scene.in_left, *(scene.point(*rng.uniform(low, high)) for _ in range(3))]
    negative = [scene.point(*rng.uniform(low, high)) for _ in range(3)]
    found = sitk.GetArrayFromImage(grow(scene.image, positive, negative)) > 0
    assert all(found[voxel(scene, point)] for point in positive)
    assert not any(found[voxel(scene, point)] for point in negative)


def test_box_and_foreground_are_limits(scene):
    corners = np.array([scene.image.TransformIndexToPhysicalPoint(index) for index in ((10, 12, 7), (26, 32, 19))])
    plain = sitk.Image(scene.image)
    plain.SetDirection(np.eye(3).ravel())
    box = [plain.TransformIndexToPhysicalPoint(index) for index in ((10, 12, 7), (26, 32, 19))]
    seed = plain.TransformIndexToPhysicalPoint((18, 22, 13))
    found = sitk.GetArrayFromImage(grow(plain, [seed], box=box)) > 0
    inside = np.zeros_like(found)
    inside[7:20, 12:33, 10:27] = True
    assert found.any()
    assert not found[~inside].any()
    half = np.zeros_like(scene.left)
    half[:, :, :20] = True
    cut = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left], foreground=scene.mask(half))) > 0
    assert not cut[~half].any()
    assert dice(cut, scene.left & half) > 0.85
    assert corners.shape == (2, 3)


def test_previous_is_kept_extended_and_cut(scene):
    previous = scene.mask(scene.left)
    same = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left], previous=previous)) > 0
    np.testing.assert_array_equal(same, scene.left)
    more = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left, scene.in_right], previous=previous)) > 0
    assert more[scene.left].all()
    assert more[scene.right].mean() > 0.9
    both = scene.mask(scene.left | scene.right | scene.bridge)
    less = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left], [scene.in_right], previous=both)) > 0
    assert less[scene.left].mean() > 0.9
    assert less[scene.right].mean() < 0.3
    only_cut = sitk.GetArrayFromImage(grow(scene.image, (), [scene.in_right], previous=both)) > 0
    assert only_cut[scene.left].mean() > 0.9
    assert not only_cut[voxel(scene, scene.in_right)]


def test_same_input_same_result(scene, from_left):
    again = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left])) > 0
    np.testing.assert_array_equal(again, from_left)


def test_contrast_and_offset_do_not_matter(scene, from_left):
    darker = sitk.Cast(2000 - 3.0 * scene.image, sitk.sitkFloat32)
    inverted = sitk.GetArrayFromImage(grow(darker, [scene.in_left])) > 0
    assert dice(inverted, from_left) > 0.97


def test_nodule_of_the_chest_phantom():
    chest = chest_phantom(seed=2, spacing_mm=3.0, size=(120, 88, 96), nodule_diameter_mm=20.0)
    labels = sitk.GetArrayFromImage(chest.labels)
    value = next(value for value, name in chest.names.items() if name == "lung nodule")
    truth = labels == value
    center = np.argwhere(truth).mean(axis=0)
    seed = chest.ct.TransformContinuousIndexToPhysicalPoint(center[::-1].tolist())
    found = sitk.GetArrayFromImage(grow(chest.ct, [seed])) > 0
    assert dice(found, truth) > 0.8


def test_refusals(scene):
    image, seed = scene.image, scene.in_left
    tight = [scene.point(40, 20, 20), scene.point(50, 30, 30)]
    cases = [
        ({"positive": ()}, "no positive point"),
        ({"positive": [(1e4, 0, 0)]}, r"\(-10000.0, 0.0, 0.0\) RAS mm lies outside the image, which spans R -?\d"),
        ({"positive": [seed], "negative": [(0, 0, -1e4)]}, "negative point"),
        ({"positive": [seed], "negative": [seed]}, "same voxel"),
        ({"positive": [(float("nan"), 0, 0)]}, "finite"),
        ({"positive": [(1.0, 2.0)]}, r"expected \(N, 3\)"),
        ({"positive": [seed], "foreground": scene.mask(scene.right)}, "outside the foreground mask"),
        ({"positive": [seed], "foreground": sitk.Image(4, 4, 4, sitk.sitkUInt8)}, "4x4x4"),
        ({"positive": [seed], "box": tight}, "outside the box"),
        ({"positive": [seed], "box": [(0, 0, 0)]}, "two corners"),
        ({"positive": [seed], "box": [(9e3, 0, 0), (9.1e3, 9, 9)]}, "outside the image"),
        ({"positive": [seed], "settings": GrowingSettings(max_volume_ml=0.001)}, "nothing grew within 0.001 ml"),
        ({"positive": [seed], "settings": GrowingSettings(smoothness_mm=-1.0)}, "smoothness_mm"),
        ({"positive": [seed], "settings": GrowingSettings(max_extent_mm=0.0)}, "max_extent_mm"),
    ]
    for arguments, words in cases:
        with pytest.raises(InputError, match=words):
            grow(image, **arguments)
    with pytest.raises(InputError, match="same value everywhere"):
        grow(sitk.Image(9, 9, 9, sitk.sitkInt16), [(4.0, 4.0, 4.0)])


def test_seed_in_the_air_around_the_patient():
    chest = chest_phantom(seed=2, spacing_mm=5.0, size=(75, 55, 40))
    corner = chest.ct.TransformIndexToPhysicalPoint((1, 1, 20))
    with pytest.raises(InputError, match="in the air outside the patient"):
        grow(chest.ct, [corner])


def test_cancel_and_progress(scene):
    token = CancelToken()
    seen = []

    def progress(fraction, message):
        seen.append(fraction)
        if fraction > 0.05:
            token.cancel()

    with pytest.raises(Canceled):
        grow(scene.image, [scene.in_left], progress=progress, cancel=token)
    seen.clear()
    grow(scene.image, [scene.in_left], progress=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1


class TestRealImages:
    """One click each, in the innermost point; labels are model output checked by their authors."""

    @pytest.mark.parametrize(
        ("value", "least"),
        [
            pytest.param(1, 0.75, id="spleen", marks=pytest.mark.slow),
            pytest.param(2, 0.85, id="kidney"),
            pytest.param(5, 0.8, id="liver", marks=pytest.mark.slow),
        ],
    )
    def test_organs_of_a_ct(self, shared_data, value, least):
        from scipy import ndimage

        folder = shared_data / "06_totalsegmentator"
        image = sitk.ReadImage(str(folder / "example_ct_sm.nii.gz"))
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "example_seg.nii.gz"))) == value
        depth = ndimage.distance_transform_edt(np.pad(truth, 1))[1:-1, 1:-1, 1:-1]
        inner = np.unravel_index(depth.argmax(), truth.shape)
        seed = image.TransformIndexToPhysicalPoint([int(part) for part in inner[::-1]])
        assert dice(sitk.GetArrayFromImage(grow(image, [seed])) > 0, truth) > least
