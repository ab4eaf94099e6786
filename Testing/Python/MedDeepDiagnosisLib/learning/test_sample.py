"""Samples and tasks."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.sample import sample_of, task_of
from MedDeepDiagnosisLib.pathology import RatingWord, Target


def test_values_beyond_the_features_are_of_the_lesion(toy_sample):
    wide = np.concatenate([toy_sample.values, np.ones((len(toy_sample.values), 3))], axis=1)
    sample = sample_of(toy_sample.features, wide, toy_sample.target, toy_sample.patients)
    assert sample.table.shape[1] == 4
    assert sample.lesion.shape[1] == 3
    part = sample.rows(sample.target == 1)
    assert part.target.min() == 1
    assert len(part.patients) == len(part.values) == int(sample.target.sum())
    assert part.with_target(np.zeros(len(part.target))).target.max() == 0


def test_shapes_are_checked(toy_sample):
    with pytest.raises(ValueError, match="do not fit 4 features"):
        sample_of(toy_sample.features, toy_sample.values[:, :3], toy_sample.target, toy_sample.patients)


def test_tasks_know_the_steps():
    words = (RatingWord(1, "A"), RatingWord(3, "B"))
    task = task_of(Target("x", "X", reference="Made up.", kind="ordinal", words=words))
    assert (task.kind, task.lowest, task.highest, task.steps) == ("ordinal", 1, 3, (1, 3))
