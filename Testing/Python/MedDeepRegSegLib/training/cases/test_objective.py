from dataclasses import replace

import pytest
import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.cases.objective import CaseBatch, CaseObjective
from MedDeepRegSegLib.training.cases.settings import UNKNOWN

SHAPE = (2, 16, 16, 16)


class Fixed(torch.nn.Module):
    """A network that always gives the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, _values):
        return self.logits


def objective(settings, logits):
    made = CaseObjective(settings)
    made.network = Fixed(logits)
    return made


def batch(classes, looked_for=None):
    everything = torch.ones(len(classes), 5, dtype=torch.bool)
    return CaseBatch(
        torch.zeros(len(classes), 1, *SHAPE[1:]), classes, everything if looked_for is None else looked_for
    )


@pytest.fixture
def classes():
    return torch.randint(0, 5, SHAPE, generator=torch.Generator().manual_seed(1))


def certain(classes):
    return 20 * torch.nn.functional.one_hot(classes.clamp_min(0), 5).movedim(-1, 1).float()


def test_the_truth_is_the_least_loss(tiny, classes):
    right = objective(tiny, certain(classes))(batch(classes), Randomness(0))
    assert right[0] < 1e-3
    assert right[3] == 1
    wrong = objective(tiny, certain((classes + 1) % 5))(batch(classes), Randomness(0))
    assert wrong[1] > 15
    assert wrong[2] > 0.9
    assert wrong[3] == 0


def test_nothing_is_learned_where_nothing_is_known(tiny, classes):
    hidden = classes.clone()
    hidden[:, :8] = UNKNOWN
    made = objective(tiny, torch.randn(2, 5, *SHAPE[1:], generator=torch.Generator().manual_seed(2)))
    made(batch(hidden), Randomness(0))[0].backward()
    gradient = made.network.logits.grad
    assert (gradient[:, :, :8] == 0).all()
    assert (gradient[:, :, 8:] != 0).any()


def test_a_batch_of_which_nothing_is_known_has_no_gradient(tiny):
    made = objective(tiny, torch.randn(2, 5, *SHAPE[1:]))
    loss = made(batch(torch.full(SHAPE, UNKNOWN)), Randomness(0))[0]
    loss.backward()
    assert torch.isfinite(loss)
    assert (made.network.logits.grad == 0).all()


def test_a_class_that_was_not_looked_for_may_hide_in_the_background(tiny, classes):
    """Where class 2 was not looked for, saying 2 in the background costs nothing; where it was, it does."""
    truth = torch.where(classes == 2, 0, classes)
    looked_for = torch.ones(2, 5, dtype=torch.bool)
    looked_for[:, 2] = False
    says_two = certain(classes)
    unpunished = objective(tiny, says_two)(batch(truth, looked_for), Randomness(0))
    assert unpunished[0] < 1e-3
    punished = objective(tiny, says_two)(batch(truth), Randomness(0))
    assert punished[1] > 1
    # And saying 2 where class 3 is known is still wrong.
    wrong = objective(tiny, certain(torch.where(classes == 3, 2, classes)))(batch(truth, looked_for), Randomness(0))
    assert wrong[1] > 1


def test_coarser_outputs_count_less(tiny, classes):
    class Two(Fixed):
        def forward(self, values):
            return [self.logits, torch.zeros(2, 5, 8, 8, 8)]

    made = CaseObjective(tiny)
    made.network = Two(certain(classes))
    loss = made(batch(classes), Randomness(0))
    even = torch.log(torch.tensor(5.0))  # cross-entropy of knowing nothing
    assert loss[1].item() == pytest.approx(even.item() / 3, rel=1e-3)
    assert loss[3] == 1


def test_dropout_depends_on_the_step_alone(tiny):
    settings = replace(tiny, network=replace(tiny.network, dropout=0.5))
    made = CaseObjective(settings)
    patches = CaseBatch(
        torch.randn(2, 1, *SHAPE[1:]), torch.zeros(SHAPE, dtype=torch.int64), torch.ones(2, 5, dtype=torch.bool)
    )
    one = made(patches, Randomness(0, 7))
    torch.rand(3)
    assert torch.equal(made(patches, Randomness(0, 7)), one)
    assert not torch.equal(made(patches, Randomness(0, 8)), one)
