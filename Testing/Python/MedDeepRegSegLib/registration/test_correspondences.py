"""A rigid map from matches of features."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.correspondences import Matches, mutual_matches, rigid_consensus, rigid_fit


def movement(degrees, seed=0):
    """Return a rotation about a random axis and a shift."""
    generator = np.random.default_rng(seed)
    axis = generator.normal(size=3)
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    return torch.tensor(turn, dtype=torch.float32), torch.tensor(generator.normal(size=3) * 20, dtype=torch.float32)


def places(count, seed=0):
    return 60 * torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("degrees", [0, 30, 120, 180])
def test_exact_matches_give_the_exact_map(degrees):
    turn, shift = movement(degrees)
    fixed = places(200)
    found = rigid_consensus(Matches(fixed, fixed @ turn.T + shift), tolerance=2.0)
    torch.testing.assert_close(found.rotation, turn, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.shift, shift, atol=1e-2, rtol=0)
    assert found.agreement == pytest.approx(1, abs=1e-3)


def test_two_thirds_of_wrong_matches_are_outvoted():
    turn, shift = movement(50)
    fixed = places(600)
    moving = fixed @ turn.T + shift + torch.randn(600, 3, generator=torch.Generator().manual_seed(1))
    moving[:400] = 100 * torch.rand(400, 3, generator=torch.Generator().manual_seed(2))
    found = rigid_consensus(Matches(fixed, moving), tolerance=2.0)
    error = (fixed @ found.rotation.T + found.shift - fixed @ turn.T - shift).norm(dim=1)
    assert error.max() < 2
    assert 0.1 < found.agreement < 0.4


def test_a_larger_body_is_scaled_where_that_is_asked_for():
    turn, shift = movement(25)
    fixed = places(300)
    found = rigid_consensus(Matches(fixed, 1.15 * fixed @ turn.T + shift), tolerance=6.0, scaled=True)
    assert found.scale == pytest.approx(1.15, abs=0.01)
    torch.testing.assert_close(found.rotation, turn, atol=1e-2, rtol=0)
    assert rigid_consensus(Matches(fixed, 1.15 * fixed @ turn.T + shift), tolerance=6.0).scale == 1


def test_a_mirrored_body_is_turned_not_mirrored():
    fixed = places(100)
    rotation, _ = rigid_fit(fixed[None], (fixed * torch.tensor([1.0, 1.0, -1.0]))[None], torch.ones(1, 100))
    assert torch.det(rotation[0]) == pytest.approx(1, abs=1e-4)


def test_only_what_is_matched_back_is_kept():
    fixed = torch.eye(4)[:, :3]  # features 0, 1, 2
    moving = torch.stack([torch.eye(4)[:, 2], torch.eye(4)[:, 0], torch.eye(4)[:, 3]], dim=1)  # 2, 0, and a stranger
    fixed_places, moving_places = 10.0 * torch.eye(3), 100.0 * torch.eye(3)
    found = mutual_matches(fixed, moving, fixed_places, moving_places, tolerance=1.0)
    torch.testing.assert_close(found.fixed, fixed_places[[0, 2]])
    torch.testing.assert_close(found.moving, moving_places[[1, 0]])


def test_the_same_seed_gives_the_same_map():
    fixed, moving = places(50), places(50, seed=1)
    one, two = (rigid_consensus(Matches(fixed, moving), tolerance=2.0, seed=3) for _ in range(2))
    assert torch.equal(one.rotation, two.rotation)


def test_too_few_matches_are_refused():
    with pytest.raises(InputError, match="9 places of both images match, expected at least 10"):
        rigid_consensus(Matches(places(9), places(9)), tolerance=2.0)
