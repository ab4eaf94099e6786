"""The objective: what it adds up, and that every parameter takes part."""

from dataclasses import replace

import pytest
import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.objective import MEASURES, PretrainObjective
from MedDeepRegSegLib.training.pair_source import PairSource


@pytest.fixture
def pairs(tiny):
    return PairSource(tiny).batch(0)


# Steps whose two views show enough of the same.
@pytest.mark.parametrize(("real_fraction", "step"), [(0.0, 0), (1.0, 2)])
def test_the_loss_is_the_weighted_sum_of_its_parts(tiny, maps, real_fraction, step):
    weights = {"global": 0.3, "context": 0.7, "region": 2.0, "boundary": 0.6, "position": 0.2}
    own = {f"{name}_weight": weight for name, weight in weights.items()}
    settings = replace(tiny, real_fraction=real_fraction, **own)
    source = PairSource(settings, maps)
    measures = PretrainObjective(settings, source.class_count)(source.batch(step), Randomness(0))
    named = dict(zip(MEASURES, measures.tolist(), strict=True))
    expected = named["local"] + sum(weight * named[name] for name, weight in weights.items())
    assert named["loss"] == pytest.approx(expected, rel=1e-5)
    # Each part counts; the position is known in real label maps alone.
    assert all(named[name] > 0 for name in ("local", "global", "context", "region", "boundary"))
    assert (named["position"] > 0) == (real_fraction == 1)
    assert 0 <= named["local_accuracy"] <= 1


def test_every_parameter_gets_a_gradient_also_from_pairs_of_no_use(tiny, pairs):
    objective = PretrainObjective(tiny, 3)
    objective(pairs, Randomness(0))[0].backward()
    assert all(parameter.grad is not None for parameter in objective.parameters())
    assert objective.encoder.stem.weight.grad.any()
    nowhere = torch.zeros_like(pairs[0].second_valid)
    nothing = replace(pairs[0], first_valid=nowhere, second_valid=nowhere)
    objective.zero_grad()
    measures = objective([nothing], Randomness(0))
    measures[0].backward()
    assert not measures.any()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in objective.parameters())


def test_classes_train_their_directions(tiny, maps):
    settings = replace(tiny, real_fraction=1.0)
    source = PairSource(settings, maps)
    objective = PretrainObjective(settings, source.class_count)
    objective(source.batch(0), Randomness(0))[0].backward()
    assert objective.dense.directions.grad.any()


def test_reduced_precision_is_close_to_full_precision(tiny, pairs):
    torch.manual_seed(0)
    full = PretrainObjective(tiny, 1)
    half = PretrainObjective(replace(tiny, precision="bfloat16"), 1)
    half.load_state_dict(full.state_dict())
    one, other = (model(pairs, Randomness(0)) for model in (full, half))
    assert other.dtype == torch.float32
    assert not torch.equal(one, other)
    torch.testing.assert_close(other[:7], one[:7], rtol=0.05, atol=0.05)
