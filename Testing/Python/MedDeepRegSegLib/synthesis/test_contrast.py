"""Contrast: what is alike looks alike, bone and air are where physics has them, all three styles come up."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.contrast import draw_contrast
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness

LABELS = torch.zeros((4, 4, 4), dtype=torch.int16)
MANY = range(120)


def draws(label_map):
    """Return contrasts of many seeds by style."""
    found = {"free": [], "mr": [], "ct": []}
    for seed in MANY:
        contrast = draw_contrast(label_map, Randomness(seed))
        found[contrast.style].append(contrast)
    return found


@pytest.fixture(scope="module")
def unknown():
    return draws(LabelMap(LABELS, 30, alike={5: 2, 9: 5, 40: 3, 3: 40}))


@pytest.fixture(scope="module")
def known():
    return draws(LabelMap(LABELS, 30, bone=(7, 8)))


def test_all_styles_come_up(unknown):
    assert all(len(some) > 0.2 * len(MANY) for some in unknown.values())


def test_shape_type_and_range(unknown):
    for contrast in [one for some in unknown.values() for one in some]:
        for part in (contrast.mean, contrast.texture):
            assert part.shape == (30,)
            assert part.dtype == torch.float32
            assert torch.isfinite(part).all()
        assert contrast.mean.min() > -0.5
        assert contrast.mean.max() < 1.6
        assert contrast.texture.min() >= 0
        assert contrast.texture.max() <= 0.12


def test_alike_labels_are_alike_also_in_a_chain(unknown):
    for some in unknown.values():
        apart = torch.stack([contrast.mean[[5, 9]] - contrast.mean[[2, 5]] for contrast in some]).abs()
        other = torch.stack([contrast.mean[[6, 8]] - contrast.mean[[2, 5]] for contrast in some]).abs()
        assert apart.median() < 0.06
        assert apart.max() < 0.4
        assert apart.mean() < 0.6 * other.mean()
        for contrast in some:
            assert contrast.texture[9] == contrast.texture[5] == contrast.texture[2]


def test_outside_is_black_in_ct_and_mostly_elsewhere(unknown):
    assert all(contrast.mean[0] == 0 for contrast in unknown["ct"])
    dark = [contrast.mean[0] == 0 for contrast in unknown["mr"] + unknown["free"]]
    assert 0.6 < sum(dark) / len(dark) < 1


def test_ct_has_a_narrow_band_of_soft_tissue(unknown, known):
    for contrast in unknown["ct"] + known["ct"]:
        soft = contrast.mean[(contrast.mean > 0.2) & (contrast.mean < 0.75)]
        assert len(soft) >= 12
    everything = torch.cat([contrast.mean[1:] for contrast in unknown["ct"]])
    assert 0.03 < (everything < 0.05).float().mean() < 0.2  # air
    assert 0.08 < (everything > 0.8).float().mean() < 0.3  # bone


def test_known_bone_is_bright_in_ct_and_nothing_else_is(known):
    for contrast in known["ct"]:
        assert (contrast.mean[[7, 8]] >= 0.8).all()
        assert (torch.cat((contrast.mean[1:7], contrast.mean[9:])) < 0.95).all()


def test_known_bone_is_mostly_dark_in_mr(known):
    bone = torch.cat([contrast.mean[[7, 8]] for contrast in known["mr"]])
    assert (bone < 0.13).float().mean() > 0.75


def test_levels_keep_their_distance_where_contrast_is_free():
    """As many levels as labels, each in its own part of the gray scale, in any order."""
    label_map = LabelMap(LABELS, 30)
    free = draws(label_map)["free"]
    for contrast in free:
        part = (contrast.mean[1:] * 30).floor()
        assert len(part.unique()) == 29
        assert part.min() >= 0
        assert part.max() <= 29
    assert not torch.equal(*(contrast.mean[1:].argsort() for contrast in free[:2]))


@pytest.mark.parametrize(("severity", "most"), [(0.0, 0.01), (0.5, 0.045), (1.0, 0.08)])
def test_texture_grows_with_severity(severity, most):
    strongest = torch.stack(
        [draw_contrast(LabelMap(LABELS, 30), Randomness(seed), severity).texture.max() for seed in range(60)]
    )
    assert 0.7 * most < strongest.max() <= most


def test_repeatable():
    label_map = LabelMap(LABELS, 30, bone=(7,))
    one, same = (draw_contrast(label_map, Randomness(3)) for _ in range(2))
    assert one.style == same.style
    assert torch.equal(one.mean, same.mean)
    assert torch.equal(one.texture, same.texture)


def test_where_not_all_bone_is_known_other_labels_can_be_bone_too():
    found = draws(LabelMap(LABELS, 30, bone=(7, 8), all_bone=False))
    bone = torch.cat([contrast.mean[[7, 8]] for contrast in found["ct"]])
    others = torch.cat([contrast.mean[9:] for contrast in found["ct"]])
    assert bone.min() > 0.75
    assert 0.1 < (others > 0.75).float().mean() < 0.3
    dark = torch.cat([contrast.mean[[7, 8]] for contrast in found["mr"]])
    assert (dark < 0.13).float().mean() > 0.75
