"""The growing session, with the network that ships: it grows, holds to what it was told, and takes clicks back."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.growing import grow
from MedDeepRegSegLib.segmentation.growing_session import GrowingSession
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings
from MedDeepRegSegLib.volumes.geometry import same_geometry

SPACING = (1.0, 1.2, 2.0)
TURNED = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.4).GetMatrix()


def dice(a, b):
    return 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


class Scene:
    """A bright and a dark ball in gray noise, on an oblique grid of uneven voxels."""

    def __init__(self):
        k, j, i = np.indices((28, 46, 64)).astype(float)
        x, y, z = i * SPACING[0], j * SPACING[1], k * SPACING[2]
        self.left = (x - 18) ** 2 + (y - 26) ** 2 + (z - 28) ** 2 <= 11**2
        self.right = (x - 46) ** 2 + (y - 26) ** 2 + (z - 26) ** 2 <= 9**2
        values = 100.0 + 60 * self.left - 50 * self.right
        values += np.random.default_rng(3).normal(0, 8, values.shape)
        self.image = sitk.GetImageFromArray(values.astype(np.float32))
        self.image.SetSpacing(SPACING)
        self.image.SetDirection(TURNED)
        self.image.SetOrigin((-40.0, 25.0, 310.0))
        self.in_left, self.in_right = self.point(18, 26, 28), self.point(46, 26, 26)
        self.between = self.point(33, 26, 28)

    def point(self, x, y, z):
        index = [x / SPACING[0], y / SPACING[1], z / SPACING[2]]
        return self.image.TransformContinuousIndexToPhysicalPoint(index)

    def voxel(self, point):
        return tuple(self.image.TransformPhysicalPointToIndex(point)[::-1])

    def mask(self, array):
        image = sitk.GetImageFromArray(array.astype(np.uint8))
        image.CopyInformation(self.image)
        return image


@pytest.fixture(scope="module")
def scene():
    return Scene()


@pytest.fixture
def session(scene):
    return GrowingSession(scene.image)


def test_one_click_grows_the_ball(scene, session):
    step = session.click([scene.in_left])
    assert dice(step.mask, scene.left) > 0.85
    assert step.volume_ml == pytest.approx(step.mask.sum() * 2.4 / 1000)
    assert step.changed_ml == step.volume_ml
    assert step.seconds > 0
    assert not step.adapted
    assert same_geometry(session.mask, scene.image)
    assert np.array_equal(sitk.GetArrayFromImage(session.mask) > 0, step.mask)


@pytest.mark.parametrize(("spacing", "radius"), [(1.0, 9), (1.0, 6), (2.0, 9)])
def test_a_plain_ball_has_its_volume(spacing, radius):
    k, j, i = np.indices((40, 40, 50))
    ball = (k - 20) ** 2 + (j - 20) ** 2 + (i - 22) ** 2 <= radius**2
    values = 100 + 100 * ball + np.random.default_rng(0).normal(0, 6, ball.shape)
    image = sitk.GetImageFromArray(values.astype(np.int16))
    image.SetSpacing((spacing,) * 3)
    step = GrowingSession(image).click(positive=[image.TransformIndexToPhysicalPoint((22, 20, 20))])
    assert step.volume_ml == pytest.approx(ball.sum() * spacing**3 / 1000, rel=0.01)
    assert dice(step.mask, ball) > 0.99


def test_a_look_alike_nearby_is_left_out():
    k, j, i = np.indices((36, 36, 64))
    one, other = ((k - 18) ** 2 + (j - 18) ** 2 + (i - middle) ** 2 <= 144 for middle in (18, 45))
    bridge = ((k - 18) ** 2 + (j - 18) ** 2 <= 4) & (i > 29) & (i < 34)
    values = 100 + 100 * (one | other) + 30 * (bridge & ~one & ~other)
    values = values + np.random.default_rng(0).normal(0, 20, values.shape)
    image = sitk.GetImageFromArray(values.astype(np.int16))
    step = GrowingSession(image).click(positive=[image.TransformIndexToPhysicalPoint((18, 18, 18))])
    assert dice(step.mask, one) > 0.97
    assert np.count_nonzero(step.mask & other) < 0.02 * np.count_nonzero(other)


def test_clicks_are_hard_constraints_wherever_they_are(scene, session):
    generator = np.random.default_rng(0)
    inside, outside = [], []
    session.click([scene.in_left])
    for number in range(6):
        point = scene.point(*(generator.uniform((3, 3, 3), (60, 50, 50))))
        (outside if number % 2 else inside).append(scene.voxel(point))
        step = session.click(**{"negative" if number % 2 else "positive": [point]})
        assert all(step.mask[voxel] for voxel in inside)
        assert not any(step.mask[voxel] for voxel in outside)


def test_a_click_of_the_other_kind_replaces_one(scene, session):
    session.click([scene.in_left])
    first = session.click([scene.between])
    second = session.click(negative=[scene.between])
    assert first.mask[scene.voxel(scene.between)]
    assert not second.mask[scene.voxel(scene.between)]


def test_undo_brings_back_what_was(scene, session):
    first = session.click([scene.in_left])
    session.click([scene.in_right])
    assert np.array_equal(session.undo().mask, first.mask)
    assert np.array_equal(sitk.GetArrayFromImage(session.mask) > 0, first.mask)
    assert session.undo() is None
    assert not sitk.GetArrayFromImage(session.mask).any()
    assert session.undo() is None
    again = session.click([scene.in_left])
    assert np.array_equal(again.mask, first.mask)


def test_nothing_leaves_the_box_and_the_foreground(scene):
    low, high = np.array(scene.image.TransformIndexToPhysicalPoint((8, 0, 0))), None
    allowed = np.zeros(scene.left.shape, bool)
    allowed[:, :, 14:] = True
    session = GrowingSession(scene.image, foreground=scene.mask(allowed))
    step = session.click([scene.in_left])
    assert step.mask.any()
    assert not step.mask[~allowed].any()
    straight = sitk.Image(scene.image)
    straight.SetDirection(np.eye(3).ravel())
    session = GrowingSession(straight)
    low = straight.TransformIndexToPhysicalPoint((10, 15, 9))
    high = straight.TransformIndexToPhysicalPoint((26, 28, 19))
    session.start(box=[low, high])
    step = session.click([straight.TransformIndexToPhysicalPoint((18, 22, 14))])
    outside = np.ones(scene.left.shape, bool)
    outside[9:20, 15:29, 10:27] = False
    assert step.mask.any()
    assert not step.mask[outside].any()
    with pytest.raises(InputError, match="outside the box"):
        session.click([straight.TransformIndexToPhysicalPoint((40, 22, 14))])


def test_objects_do_not_overlap(scene, session):
    first = session.click([scene.in_left])
    session.start("second")
    second = session.click([scene.in_right])
    assert dice(second.mask, scene.right) > 0.8
    assert not (first.mask & second.mask).any()
    with pytest.raises(InputError, match="structure that is finished"):
        session.click([scene.in_left])
    session.start("third", previous=scene.mask(scene.left))
    assert not (sitk.GetArrayFromImage(session.mask).astype(bool) & first.mask).any()


def test_it_goes_on_from_a_previous_mask(scene, session):
    session.start(previous=scene.mask(scene.left | scene.right))
    assert sitk.GetArrayFromImage(session.mask).sum() == (scene.left | scene.right).sum()
    step = session.click(negative=[scene.in_right])
    assert not step.mask[scene.voxel(scene.in_right)]
    assert dice(step.mask, scene.left) > dice(scene.left | scene.right, scene.left)


def test_it_is_unsure_at_borders_not_inside(scene, session):
    session.click([scene.in_left])
    unsure = sitk.GetArrayFromImage(session.uncertainty())
    assert 0 <= unsure.min() <= unsure.max() <= 1
    assert unsure[scene.voxel(scene.in_left)] < 0.3
    assert unsure.max() > 0.5
    assert unsure[0, 0, 0] < 0.3


def test_adapting_says_so(scene):
    session = GrowingSession(scene.image, settings=GrowingSettings(adapt=True))
    assert not session.click([scene.in_left]).adapted
    assert not session.click([scene.point(20, 27, 28)]).adapted  # it was inside already
    step = session.click(negative=[scene.point(10, 26, 28)])
    assert step.adapted
    assert not step.mask[scene.voxel(scene.point(10, 26, 28))]


def test_adapting_mends_what_has_leaked(scene):
    """Two balls of one gray value touch: a click takes some of the other one, a correction gives it back."""
    k, j, i = np.indices(scene.left.shape).astype(float)
    x, y, z = i * SPACING[0], j * SPACING[1], k * SPACING[2]
    other = ((x - 36) ** 2 + (y - 26) ** 2 + (z - 28) ** 2 <= 9**2) & ~scene.left
    values = 100.0 + 60 * (scene.left | other) + np.random.default_rng(3).normal(0, 4, scene.left.shape)
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.CopyInformation(scene.image)
    session = GrowingSession(image, settings=GrowingSettings(adapt=True))
    first = session.click([scene.in_left])
    assert (first.mask & other).sum() > 0.2 * other.sum(), "there is something to correct"
    step = session.click(negative=[scene.point(38, 26, 28)])
    assert step.adapted
    assert dice(step.mask, scene.left) > max(0.8, dice(first.mask, scene.left) + 0.05)


def test_suggestions_are_places_that_can_be_clicked(scene):
    noise = np.random.default_rng(0).normal(100, 20, scene.left.shape).astype(np.float32)  # nothing is sure here
    image = sitk.GetImageFromArray(noise)
    low, high = (20, 12, 8), (44, 34, 20)
    corners = [image.TransformIndexToPhysicalPoint(index) for index in (low, high)]
    session = GrowingSession(image)
    session.start(box=corners)
    found = 0
    for index in ((32, 23, 14), (24, 16, 10), (40, 30, 18)):
        step = session.click([image.TransformIndexToPhysicalPoint(index)])
        if step.suggestion is not None:
            found += 1
            place = image.TransformPhysicalPointToIndex(step.suggestion[0])
            assert all(a <= b <= c for a, b, c in zip(low, place, high, strict=True)), place
    assert found, "nothing was suggested in noise"


def test_nothing_grows_beyond_the_largest_extent(scene):
    session = GrowingSession(scene.image, settings=GrowingSettings(max_extent_mm=5.0))
    step = session.click([scene.in_left])
    places = np.argwhere(step.mask) - scene.voxel(scene.in_left)
    assert (np.abs(places) * SPACING[::-1]).max() <= 5 + 2


def test_refusals_change_nothing(scene, session):
    with pytest.raises(InputError, match="no positive point"):
        session.click(negative=[scene.in_left])
    first = session.click([scene.in_left])
    with pytest.raises(InputError, match="outside the image"):
        session.click([(1e4, 0, 0)])
    with pytest.raises(InputError, match="same voxel"):
        session.click([scene.between], [scene.between])
    canceled = CancelToken()
    canceled.cancel()
    with pytest.raises(Canceled):
        session.click([scene.between], cancel=canceled)
    assert np.array_equal(sitk.GetArrayFromImage(session.mask) > 0, first.mask)
    with pytest.raises(InputError, match="method is 'magic'"):
        GrowingSession(scene.image, settings=GrowingSettings(method="magic"))


def test_grow_is_the_session_in_one_call(scene):
    mask = sitk.GetArrayFromImage(grow(scene.image, [scene.in_left], [scene.between])) > 0
    assert dice(mask, scene.left) > 0.85
    assert mask[scene.voxel(scene.in_left)]
    assert not mask[scene.voxel(scene.between)]


@pytest.mark.parametrize("size", [(3, 4, 5), (1, 30, 30), (200, 8, 8)])
def test_odd_sizes(size):
    values = np.random.default_rng(0).normal(100, 5, size[::-1]).astype(np.float32)
    values[tuple(slice(side // 3, max(2 * side // 3, 1)) for side in values.shape)] += 100
    image = sitk.GetImageFromArray(values)
    if min(size) < 2:
        with pytest.raises(InputError):
            GrowingSession(image)
        return
    middle = image.TransformIndexToPhysicalPoint([side // 2 for side in size])
    step = GrowingSession(image).click([middle])
    assert step.mask.shape == values.shape
    assert step.mask[tuple(side // 2 for side in values.shape)]
