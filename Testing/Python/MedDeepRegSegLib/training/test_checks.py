import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.checks import BEST, CHECK_LOG, Check, read_best
from MedDeepRegSegLib.training.log import read_log
from MedDeepRegSegLib.training.run import CHECKPOINT, Task, train


@dataclass(frozen=True)
class Settings:
    steps: int = 12
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    warmup: int = 0
    average: float = 0.5
    seed: int = 3


class Line(nn.Module):
    """A line through points: two numbers to learn, and statistics of batches as networks have them."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(1, 1)
        self.norm = nn.BatchNorm1d(1)

    def forward(self, batch, _random):
        found = self.line(self.norm(batch))
        loss = ((found - 3 * batch) ** 2).mean()
        return torch.stack([loss, loss.detach().sqrt()])


def batch_of(step):
    return torch.randn(8, 1, generator=torch.Generator().manual_seed(step)) + 1


def task(scores, *, every=3, patience=0, parts=1, canceler=None):
    """Return a task whose check gives the scores by step; a token it is given is canceled in the second check."""

    def measure(average, step, best, cancel):
        assert not average.training
        if canceler is not None and step == 2 * every and not canceler:
            canceler.append(step)
            cancel.cancel()
            cancel.raise_if_canceled()
        return {"score": scores[step], "other": best}

    def make(_team):
        check = Check(every, ("score", "other"), measure, {"Score": ("score",)}, patience)
        return Task(Settings(), ("loss", "error"), batch_of, Line, {"Loss": ("loss",)}, check, parts)

    return make


def test_the_best_weights_are_kept(tmp_path):
    result = train(task({3: 0.2, 6: 0.7, 9: 0.6, 12: 0.7}), tmp_path, report_every=3)
    assert result.done
    assert (result.position.best_step, result.position.best_score) == (6, 0.7)
    step, best = read_best(tmp_path / BEST)
    assert step == 6
    assert set(best) == set(result.average.state_dict())
    assert not torch.equal(best["line.weight"], result.average.line.weight)
    rows = read_log(tmp_path / CHECK_LOG)
    assert [row["step"] for row in rows] == [3, 6, 9, 12]
    assert [row["other"] for row in rows] == [-1, 0.2, 0.7, 0.7]


def test_a_run_ends_where_it_does_not_get_better(tmp_path):
    result = train(task({3: 0.5, 6: 0.4, 9: 0.3}, patience=2), tmp_path)
    assert result.done
    assert result.step == 9
    again = train(task({}, patience=2), tmp_path)  # is over: neither steps nor checks
    assert (again.done, again.step) == (True, 9)


def test_a_canceled_check_is_made_again_and_changes_nothing(tmp_path):
    scores = {3: 0.1, 6: 0.2, 9: 0.3, 12: 0.25}
    whole = train(task(scores), tmp_path / "whole")
    canceler: list[int] = []
    with pytest.raises(Canceled, match="step 6"):
        train(task(scores, canceler=canceler), tmp_path / "parts", cancel=CancelToken())
    assert canceler == [6]
    assert read_checkpoint(tmp_path / "parts" / CHECKPOINT, Settings).position.checked == 3
    while not (result := train(task(scores, canceler=canceler), tmp_path / "parts", minutes=0)).done:
        pass
    assert result.position.best_step == whole.position.best_step == 9
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, result.average.state_dict()[name]), name
    step, best = read_best(tmp_path / "parts" / BEST)
    assert step == 9
    for name, value in read_best(tmp_path / "whole" / BEST)[1].items():
        assert torch.equal(value, best[name]), name
    assert [row["step"] for row in read_log(tmp_path / "parts" / CHECK_LOG)] == [3, 6, 9, 12]


def test_averaged_weights_have_the_statistics_of_batches(tmp_path):
    result = train(task({3: 0.1, 6: 0.2, 9: 0.3, 12: 0.25}), tmp_path)
    assert abs(result.average.norm.running_mean.item() - 1) < 0.6  # of values around 1; 0 if they never followed
    assert result.average.norm.num_batches_tracked == 12


def test_parts_of_a_step_add_up(tmp_path):
    """Two parts of a step are one batch of twice the size, as far as no statistics of batches are involved."""

    def make(halves):
        def batch(number):
            if halves:
                return batch_of(number // 2)[(number % 2) * 4 :][:4]
            return batch_of(number)

        def objective():
            made = Line()
            made.norm = nn.Identity()
            return made

        def made(_team):
            return Task(
                Settings(steps=3), ("loss", "error"), batch, objective, {"Loss": ("loss",)}, None, 2 if halves else 1
            )

        return made

    one, two = train(make(False), tmp_path / "one"), train(make(True), tmp_path / "two")
    assert math.isclose(one.average.line.weight.item(), two.average.line.weight.item(), rel_tol=1e-5)


def test_damaged_best_weights_are_told(tmp_path):
    (tmp_path / BEST).write_bytes(b"nothing of use")
    with pytest.raises(InputError, match="is damaged"):
        read_best(tmp_path / BEST)
    with pytest.raises(InputError, match="is missing"):
        read_best(tmp_path / "elsewhere")
