"""Phantoms look like what they stand for, in numbers; landmarks and deformations are exact."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_volume, same_geometry
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY, Modality, guess_modality
from MedDeepRegSegLib.volumes.phantoms import chest_phantom, deform_phantom, head_phantom

HEAD_PLACES = {
    "left eye": "eyes",
    "right eye": "eyes",
    "pineal gland": "calcifications",
    "left frontal horn tip": "ventricles",
    "right atrium of lateral ventricle": "ventricles",
    "left thalamus": "thalamus",
    "right thalamus": "thalamus",
    "left lentiform nucleus": "lentiform nucleus",
    "right caudate head": "caudate nucleus",
    "pons": "brainstem",
    "left cerebellar hemisphere": "cerebellum",
    "right cerebellar hemisphere": "cerebellum",
    "sphenoid sinus": "air spaces",
    "genu of corpus callosum": "white matter",
    "fourth ventricle": "ventricles",
}
CHEST_PLACES = {
    "carina": "trachea and bronchi",
    "top of trachea": "trachea and bronchi",
    "lung nodule": "lung nodule",
    "center of heart": "heart",
    "aortic arch": "aorta",
    "descending aorta": "aorta",
    "superior vena cava": "great vessels",
    "vertebral body": "spine",
    "manubrium": "ribs and sternum",
    "apex of right lung": "lungs",
    "apex of left lung": "lungs",
}


@pytest.fixture(scope="module")
def head():
    return head_phantom(1, spacing_mm=3.0, size=(64, 80, 76))


@pytest.fixture(scope="module")
def chest():
    return chest_phantom(1, spacing_mm=4.0, size=(92, 68, 78))


def values_in(phantom, image, name):
    value = {n: v for v, n in phantom.names.items()}[name]
    return sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(phantom.labels) == value]


def name_at(phantom, point):
    return phantom.names.get(phantom.labels[phantom.labels.TransformPhysicalPointToIndex(point)], "air")


@pytest.mark.parametrize("which", ["head", "chest"])
def test_a_phantom_is_sound(which, request):
    phantom = request.getfixturevalue(which)
    check_volume(phantom.ct)
    check_volume(phantom.mr)
    check_label_map(phantom.labels)
    assert same_geometry(phantom.ct, phantom.mr)
    assert same_geometry(phantom.ct, phantom.labels)
    assert set(np.unique(sitk.GetArrayViewFromImage(phantom.labels))) == {0, *phantom.names}
    assert len(phantom.landmarks) >= 12
    for image, modality in ((phantom.ct, Modality.CT), (phantom.mr, Modality.MR)):
        bare = sitk.Image(image)
        bare.EraseMetaData(MODALITY_KEY)
        assert guess_modality(bare) is modality
    assert np.abs(np.array(phantom.ct.TransformContinuousIndexToPhysicalPoint([0, 0, 0]))).min() > 10


def test_landmarks_of_the_head_lie_in_their_structures(head):
    other = head_phantom(7, spacing_mm=2.5, size=(76, 96, 90))
    for phantom in (head, other):
        assert {name: name_at(phantom, phantom.landmarks[name]) for name in HEAD_PLACES} == HEAD_PLACES


def test_landmarks_of_the_chest_lie_in_their_structures(chest):
    assert {name: name_at(chest, chest.landmarks[name]) for name in CHEST_PLACES} == CHEST_PLACES


def test_head_has_the_contrasts_of_ct_and_of_t1(head):
    ct = {name: np.median(values_in(head, head.ct, name)) for name in head.names.values()}
    assert ct["air spaces"] < -800  # small cells share voxels with bone
    assert -120 < ct["scalp and fat"] < -40
    assert ct["skull"] > 400
    assert ct["ventricles"] < ct["white matter"] < ct["cortical gray matter"] < 50
    mr = {name: np.median(values_in(head, head.mr, name)) for name in head.names.values()}
    assert mr["air spaces"] < 60
    assert mr["ventricles"] < mr["cortical gray matter"] < mr["white matter"] < mr["scalp and fat"]
    assert mr["skull"] < 0.5 * mr["white matter"]


def test_organs_have_sizes_of_people(head, chest):
    milliliters = {
        name: values_in(phantom, phantom.ct, name).size * np.prod(phantom.ct.GetSpacing()) / 1000
        for phantom in (head, chest)
        for name in phantom.names.values()
    }
    for name, low, high in (
        ("cortical gray matter", 400, 800),
        ("white matter", 400, 750),
        ("ventricles", 10, 60),
        ("cerebellum", 100, 220),
        ("lungs", 2500, 6000),
        ("heart", 300, 800),
        ("liver", 500, 1900),
    ):
        assert low < milliliters[name] < high, name


def test_the_two_sides_differ(head):
    labels = sitk.GetArrayFromImage(head.labels)
    assert (labels != labels[:, :, ::-1])[labels > 0].mean() > 0.2


def test_one_seed_is_one_patient_on_every_grid(head):
    again = head_phantom(1, spacing_mm=3.0, size=(64, 80, 76))
    for name in ("ct", "mr", "labels"):
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(getattr(head, name)), sitk.GetArrayFromImage(getattr(again, name))
        )
    coarse = head_phantom(1, spacing_mm=4.0, size=(40, 48, 48))
    assert coarse.landmarks == head.landmarks
    resampled = sitk.Resample(head.labels, coarse.labels, sitk.Transform(), sitk.sitkNearestNeighbor)
    a, b = sitk.GetArrayViewFromImage(resampled), sitk.GetArrayViewFromImage(coarse.labels)
    assert (a == b)[b > 0].mean() > 0.75
    other = head_phantom(2, spacing_mm=4.0, size=(40, 48, 48))
    c = sitk.GetArrayViewFromImage(other.labels)
    assert (b == c)[b > 0].mean() < 0.65
    assert other.landmarks["left eye"] != head.landmarks["left eye"]


def test_noise_can_be_left_out():
    quiet = chest_phantom(0, spacing_mm=6.0, size=(62, 46, 52), noise=0)
    loud = chest_phantom(0, spacing_mm=6.0, size=(62, 46, 52), noise=1)
    outside = sitk.GetArrayViewFromImage(quiet.labels)[:, :3] == 0
    outside &= sitk.GetArrayViewFromImage(quiet.ct)[:, :3] == -1000  # away from blurred skin
    assert outside.mean() > 0.8
    assert 4 < sitk.GetArrayViewFromImage(loud.ct)[:, :3][outside].std() < 6
    # The magnitude of complex noise has the Rayleigh mean: 12 * sqrt(pi / 2).
    assert sitk.GetArrayViewFromImage(loud.mr)[:, :3][outside].mean() == pytest.approx(15.0, abs=1.5)


@pytest.mark.parametrize("diameter", [12.0, 30.0])
def test_nodule_has_the_diameter_asked_for(diameter):
    phantom = chest_phantom(0, spacing_mm=2.5, size=(96, 60, 70), nodule_diameter_mm=diameter)
    volume = values_in(phantom, phantom.ct, "lung nodule").size * 2.5**3
    assert (6 * volume / np.pi) ** (1 / 3) == pytest.approx(diameter, rel=0.05)
    labels = phantom.labels == {n: v for v, n in phantom.names.items()}["lung nodule"]
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    np.testing.assert_allclose(shape.GetCentroid(1), phantom.landmarks["lung nodule"], atol=0.6)


def test_spikes_stand_out_and_a_nodule_can_be_absent():
    options = {"spacing_mm": 4.0, "size": (70, 50, 60)}
    smooth = chest_phantom(0, nodule_diameter_mm=24, **options)
    spiky = chest_phantom(0, nodule_diameter_mm=24, spiculated=True, **options)
    none = chest_phantom(0, nodule_diameter_mm=None, **options)
    count = values_in(smooth, smooth.ct, "lung nodule").size
    assert values_in(spiky, spiky.ct, "lung nodule").size > 1.15 * count
    assert "lung nodule" not in none.names.values()
    assert "lung nodule" not in none.landmarks
    assert name_at(none, smooth.landmarks["lung nodule"]) in ("lungs", "lung vessels")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: head_phantom(spacing_mm=0), "expected 3 sizes of at least 8 at a positive spacing"),
        (lambda: head_phantom(size=(64, 64)), "phantom has size 64x64"),
        (lambda: head_phantom(size=(20000, 20000, 20000)), "GiB of memory"),
        (lambda: chest_phantom(nodule_diameter_mm=0.5), "nodule diameter is 0.5 mm, expected 2 to 60 mm"),
    ],
)
def test_bad_requests_are_refused(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def smooth_transform(image, magnitude_mm, seed=0):
    transform = sitk.BSplineTransformInitializer(image, [5, 5, 5], 3)
    rng = np.random.default_rng(seed)
    transform.SetParameters(rng.uniform(-magnitude_mm, magnitude_mm, len(transform.GetParameters())).tolist())
    return transform


def test_deformed_landmarks_are_exact_and_follow_the_labels(head):
    rigid = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, -0.1, 0.3, (5.0, -8.0, 4.0))
    transform = sitk.CompositeTransform([rigid, smooth_transform(head.ct, 12)])
    moved = deform_phantom(head, transform)
    for name, point in moved.landmarks.items():
        np.testing.assert_allclose(transform.TransformPoint(point), head.landmarks[name], atol=1e-4)
    agree = [name_at(moved, moved.landmarks[name]) == place for name, place in HEAD_PLACES.items()]
    assert np.mean(agree) >= 0.9
    check_volume(moved.ct)
    assert moved.ct.GetMetaData(MODALITY_KEY) == "CT"


def test_direction_of_the_transform_and_the_grid(head):
    shift = sitk.TranslationTransform(3, (10.0, 0.0, -5.0))
    reference = sitk.Image([50, 60, 50], sitk.sitkUInt8)
    reference.SetSpacing((3.5, 3.5, 4.0))
    reference.SetOrigin((-90.0, -110.0, -90.0))
    moved = deform_phantom(head, shift, reference)
    assert same_geometry(moved.labels, reference)
    for name, point in moved.landmarks.items():
        np.testing.assert_allclose(point, np.subtract(head.landmarks[name], (10, 0, -5)), atol=1e-4)
    assert name_at(moved, moved.landmarks["left eye"]) == "eyes"


def test_far_translations_are_inverted_too(head):
    moved = deform_phantom(head, sitk.TranslationTransform(3, (1100.0, -40.0, 900.0)))
    np.testing.assert_allclose(
        moved.landmarks["pons"], np.subtract(head.landmarks["pons"], (1100, -40, 900)), atol=1e-4
    )


def test_a_transform_without_inverse_is_refused(head):
    folded = sitk.DisplacementFieldTransform(_folding_field(head.ct))
    with pytest.raises(InputError, match="cannot be inverted at the landmark"):
        deform_phantom(head, folded)


def _folding_field(image):
    """Everything is pulled to the plane P = 0, so that no point but of this plane is reached."""
    points = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat64, image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()
    )
    values = -sitk.GetArrayFromImage(points) * [0, 1, 0]
    field = sitk.GetImageFromArray(values, isVector=True)
    field.CopyInformation(points)
    return field
