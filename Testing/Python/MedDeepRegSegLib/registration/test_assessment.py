"""The light on results that are known to be good or bad, without landmarks or labels to help it."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.registration.assessment import assess
from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.result import EngineResult
from MedDeepRegSegLib.registration.transforms import field_transform, invert, matrix_transform
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.phantoms import chest_phantom, deform_phantom, head_phantom
from MedDeepRegSegLib.volumes.resampling import resample_to

SHIFT = sitk.TranslationTransform(3, (12.0, -12.0, 10.0))  # 20 mm


@pytest.fixture(scope="module")
def head():
    return head_phantom(3, spacing_mm=4.0, size=(50, 62, 58))


def judge(fixed, moving, transform):
    inverse = invert(transform, fixed)
    registered = resample_to(moving, fixed, transform)
    return assess(fixed, moving, registered, EngineResult(transform, ()), inverse)


def test_right_results_are_good(head):
    known = known_rigid((0, 0, 0), seed=1, rotation_degrees=10, shift_mm=15)
    found = judge(head.ct, deform_phantom(head, known).mr, invert(known, head.ct))
    assert found.light == "good", found.reasons
    assert found.score == 1
    assert found.overlap > 0.9
    assert found.shown_fraction > 0.9
    assert found.body_overlap > 0.9
    assert found.local_match is None  # nothing bends
    # Some bend where there are no edges, which the light cannot see and says so: this one moves edges.
    bent = known_smooth(head.ct, seed=7, magnitude_mm=9)
    found = judge(head.ct, deform_phantom(head, bent).mr, invert(bent, head.ct))
    assert found.light == "good", found.reasons
    assert found.local_match.gain > 0.03


def test_twenty_millimeters_off_is_not_good(head):
    found = judge(head.ct, deform_phantom(head, SHIFT).mr, sitk.AffineTransform(3))
    assert found.light != "good", found.reasons
    assert any("shifting" in reason for reason in found.reasons)
    right = judge(head.ct, deform_phantom(head, SHIFT).mr, SHIFT.GetInverse())
    assert found.score < right.score


def test_a_map_that_mirrors_fails(head):
    mirror = matrix_transform(np.diag([-1.0, 1.0, 1.0]), np.zeros(3))
    found = judge(head.ct, head.mr, mirror)
    assert found.light == "failed"
    assert any("folds" in reason for reason in found.reasons)


def test_another_part_of_the_body_is_not_good(head):
    chest = chest_phantom(3, spacing_mm=6.0)
    to_center = sitk.TranslationTransform(3, (volume_center(chest.mr) - volume_center(head.ct)).tolist())
    found = judge(head.ct, chest.mr, to_center)
    assert found.light != "good", found.reasons


def test_a_folded_field_fails():
    head = head_phantom(3, spacing_mm=8.0, size=(25, 31, 29))  # inverting what has no inverse takes long
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3, *head.ct.GetSize()[::-1])) * 8.0
    folded = sitk.CompositeTransform([sitk.AffineTransform(3), field_transform(noise, head.ct)])
    found = judge(head.ct, head.mr, folded)
    assert found.light == "failed"
    assert found.folding_fraction > 0.05
    assert found.score < 0.3


def test_a_random_deformation_is_seen_to_bring_nothing(head):
    random = sitk.CompositeTransform([sitk.AffineTransform(3), known_smooth(head.ct, seed=8, magnitude_mm=10)])
    found = judge(head.ct, head.mr, random)
    assert found.light != "good"
    assert any("compare with the linear result" in reason for reason in found.reasons)


def test_a_brain_without_its_head_is_noticed(head):
    names = {value for value, name in head.names.items() if any(word in name.lower() for word in ("matter", "brain"))}
    labels = sitk.GetArrayFromImage(head.labels)
    mask = sitk.GetImageFromArray(np.isin(labels, list(names)).astype(np.uint8))
    mask.CopyInformation(head.mr)
    found = judge(head.ct, sitk.Mask(head.mr, mask), sitk.AffineTransform(3))
    assert found.shown_fraction < 0.65
    assert found.body_overlap < 0.8
    assert any("as if a part was cut out" in reason for reason in found.reasons)


def test_a_small_moving_image_is_noticed(head):
    part = sitk.RegionOfInterest(head.mr, [50, 62, 26], [0, 0, 20])
    found = judge(head.ct, part, sitk.AffineTransform(3))
    assert found.light == "check"
    assert 0.3 < found.overlap < 0.7
    assert found.moving_overlap > 0.95
    other_way = judge(part, head.ct, sitk.AffineTransform(3))
    assert other_way.overlap > 0.95
    assert 0.3 < other_way.moving_overlap < 0.7


def test_images_without_a_body_can_be_judged_in_a_mask():
    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32))
    noise.SetSpacing((4.0, 4.0, 4.0))
    mask = sitk.Image(noise.GetSize(), sitk.sitkUInt8) + 1
    mask.CopyInformation(noise)
    transform = sitk.AffineTransform(3)
    quality = assess(noise, noise, noise, EngineResult(transform, ()), transform, fixed_mask=mask)
    assert quality.overlap == 1
