"""Randomness: repeatable, unrelated for nearby seeds, within what is promised."""

import itertools

import pytest
import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness


def numbers(random):
    return [random.uniform(0, 1) for _ in range(20)], random.normal(100), random.rand(100), random.integers(0, 9, 50)


def test_the_same_seed_gives_the_same_stream():
    first, second = numbers(Randomness(1, 2, 3)), numbers(Randomness(1, 2, 3))
    assert first[0] == second[0]
    for one, other in zip(first[1:], second[1:], strict=True):
        assert torch.equal(one, other)


def test_nearby_seeds_give_unrelated_streams():
    seeds = [(0,), (1,), (2,), (0, 0), (0, 1), (1, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    streams = [Randomness(*seed) for seed in seeds]
    tensors = torch.stack([random.normal(4000) for random in streams])
    plain = torch.tensor([[random.gaussian() for _ in range(1000)] for random in streams])
    for values, most in ((tensors, 0.08), (plain, 0.16)):
        related = torch.corrcoef(values) - torch.eye(len(seeds))
        assert related.abs().max() < most
    # A stream of one step is not that of the next, shifted.
    for one, other in itertools.pairwise(tensors):
        assert abs(torch.corrcoef(torch.stack((one[1:], other[:-1])))[0, 1]) < 0.08


def test_a_trailing_zero_is_another_seed():
    assert Randomness(7).uniform(0, 1) != Randomness(7, 0).uniform(0, 1)


@pytest.mark.parametrize("seed", [(-1,), (3, -2)])
def test_negative_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="non-negative"):
        Randomness(*seed)


def test_numbers_lie_where_they_should(random):
    assert all(2 <= random.uniform(2, 3) < 3 for _ in range(200))
    assert all(0.1 <= random.log_uniform(0.1, 10) <= 10 for _ in range(200))
    assert {random.integer(1, 3) for _ in range(200)} == {1, 2, 3}
    assert {random.choice("ab") for _ in range(200)} == {"a", "b"}
    assert set(random.integers(-1, 1, 200).tolist()) == {-1, 0, 1}
    assert 0.2 < sum(random.chance(0.3) for _ in range(1000)) / 1000 < 0.4
    below = sum(random.log_uniform(0.1, 10) < 1 for _ in range(1000))
    assert 400 < below < 600  # the middle of the logarithm


def test_permutations_hold_every_number_once(random):
    drawn = [random.permutation(20) for _ in range(3)]
    assert all(one.dtype == torch.float32 for one in drawn)
    assert all(torch.equal(one.sort().values, torch.arange(20.0)) for one in drawn)
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(Randomness(1).permutation(9), Randomness(1).permutation(9))


def test_rotations_are_proper_and_bounded(random):
    angles = []
    for _ in range(50):
        matrix = random.rotation(30).double()
        assert torch.allclose(matrix @ matrix.T, torch.eye(3).double(), atol=1e-6)
        assert torch.det(matrix) == pytest.approx(1, abs=1e-6)
        angles.append(torch.rad2deg(torch.acos((matrix.trace() - 1) / 2)).item())
    assert 20 < max(angles) < 30.01


def test_tensors_are_float_and_of_unit_deviation(random):
    normal, flat = random.normal(40, 50), random.rand(40, 50)
    assert normal.dtype == flat.dtype == torch.float32
    assert normal.mean().abs() < 0.08
    assert abs(normal.std() - 1) < 0.06
    assert flat.min() >= 0
    assert flat.max() < 1
