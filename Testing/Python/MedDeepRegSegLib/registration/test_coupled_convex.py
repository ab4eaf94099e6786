"""Matching finds a known smooth deformation of features, does not invent matches at borders, and can be canceled."""

import pytest
import torch
import torch.nn.functional as F

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.coupled_convex import MatchSettings, match
from MedDeepRegSegLib.registration.feature_grids import sample, scaled, voxels

SHAPE = (22, 24, 20)
SMALL = MatchSettings(spacing=2, radius=2, iterations=30)


def texture(channels=6, seed=0):
    """Smooth random features, larger than SHAPE by 5 voxels on each side."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(1, channels, *[size + 10 for size in SHAPE], generator=generator)
    for _ in range(2):
        values = F.avg_pool3d(values, 3, stride=1, padding=1, count_include_pad=False)
    return values


def pair(truth):
    """Moving features, and fixed ones that show at p what the moving show at p + truth(p)."""
    wide = texture()
    moving = sample(wide, voxels(SHAPE) + 5)
    fixed = sample(wide, voxels(SHAPE) + 5 + truth)
    ones = torch.ones(SHAPE)
    return scaled(fixed, moving, ones, ones)


def error(field, truth):
    """Mean distance, voxels, where the true place is inside of the moving grid."""
    places = voxels(SHAPE) + truth
    last = torch.tensor(SHAPE).view(1, 3, 1, 1, 1) - 1
    visible = ((places >= 0) & (places <= last)).all(1)[0]
    return (field - truth[0]).norm(dim=0)[visible].mean().item()


@pytest.fixture(scope="module")
def bent():
    """A deformation of up to about 4 voxels, with a shift."""
    home = voxels(SHAPE)
    return torch.stack([2 * torch.sin(home[:, 1] / 7) + 1, 2 * torch.cos(home[:, 2] / 8), 0 * home[:, 0] - 1.5], dim=1)


def test_a_smooth_deformation_is_found(bent):
    fixed, moving = pair(bent)
    coarse = match(fixed, moving, MatchSettings(spacing=2, radius=2, iterations=0))
    fine = match(fixed, moving, SMALL)
    start = error(torch.zeros(3, *SHAPE), bent)
    assert error(coarse, bent) < 0.5 * start
    assert error(fine, bent) < 0.6 * error(coarse, bent)
    assert error(fine, bent) < 0.35


def test_equal_images_stay_where_they_are():
    fixed, moving = pair(torch.zeros(1, 3, *SHAPE))
    field = match(fixed, moving, SMALL).abs()
    assert field.mean().item() < 0.02
    assert field.max().item() < 0.15


def test_features_of_any_scale_and_number_behave_alike_once_scaled(bent):
    fixed, moving = pair(bent)
    ones = torch.ones(SHAPE)
    doubled = scaled(torch.cat([fixed, fixed], 1) * 50, torch.cat([moving, moving], 1) * 50, ones, ones)
    torch.testing.assert_close(match(*doubled, SMALL), match(fixed, moving, SMALL), atol=0.05, rtol=0)


def test_what_leaves_the_moving_image_follows_its_neighbors_instead_of_sticking_to_the_border():
    truth = torch.zeros(1, 3, *SHAPE)
    truth[:, 2] = 3.0
    field = match(*pair(truth), SMALL)
    assert field[2, 4:-4, 4:-4, -2:].mean().item() == pytest.approx(3.0, abs=0.6)


def test_places_that_do_not_count_do_not_pull(bent):
    fixed, moving = pair(bent)
    spoiled = fixed.clone()
    spoiled[..., :8] = texture(seed=9)[..., 5:-5, 5:-5, 5:13]
    mask = torch.ones(SHAPE)
    mask[..., :8] = 0
    inner = (slice(None), slice(None), slice(None), slice(8, None))

    def wrong(field):
        return (field - bent[0])[inner].norm(dim=0).mean().item()

    assert wrong(match(spoiled, moving, SMALL, fixed_mask=mask)) < wrong(match(spoiled, moving, SMALL))


def test_places_the_moving_image_does_not_show_are_no_match():
    fixed, moving = pair(torch.zeros(1, 3, *SHAPE))
    hidden = moving.clone()
    hidden[..., 12:] = 0
    seen = torch.ones(SHAPE)
    seen[..., 12:] = 0
    assert match(fixed, hidden, SMALL, moving_mask=seen).abs().mean().item() < 0.3


def test_progress_rises_to_one_and_cancel_stops(bent):
    parts = []
    settings = MatchSettings(spacing=2, radius=1, iterations=3)
    match(*pair(bent), settings, progress=lambda part, message: parts.append(part))
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        match(*pair(bent), SMALL, cancel=token)


def test_bad_inputs_are_named():
    one = torch.zeros(1, 2, 8, 8, 8)
    with pytest.raises(InputError, match="one grid"):
        match(one, torch.zeros(1, 2, 8, 8, 9))
    with pytest.raises(InputError, match="moving mask"):
        match(one, one, moving_mask=torch.ones(8, 8, 7))
    with pytest.raises(InputError, match="at least 10"):
        match(one, one, MatchSettings(spacing=5))
    with pytest.raises(InputError, match="expected at least"):
        MatchSettings(radius=0)
