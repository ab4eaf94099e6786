from dataclasses import replace

import numpy as np
import torch

from MedDeepRegSegLib.training.cases.prepared import PreparedCases
from MedDeepRegSegLib.training.cases.settings import UNKNOWN
from MedDeepRegSegLib.training.cases.source import CaseSource


def source(dataset, settings, folder, **options):
    return CaseSource(
        settings, PreparedCases(dataset, dataset.of_role("training"), settings.preprocessing, folder), **options
    )


def test_a_batch_depends_on_its_number_alone(dataset, tiny, tmp_path):
    one = source(dataset, tiny, tmp_path)
    first, second = one.batch(0), one.batch(1)
    other = source(dataset, tiny, tmp_path)
    again = other.batch(1)
    assert torch.equal(again.values, second.values)
    assert torch.equal(again.classes, second.classes)
    assert not torch.equal(first.values, second.values)
    assert second.values.shape == (2, 1, 16, 16, 16)
    assert second.values.dtype == torch.float32
    assert second.looked_for.shape == (2, 5)
    elsewhere = source(dataset, tiny, tmp_path, process=1).batch(1)
    assert not torch.equal(elsewhere.values, second.values)


def test_patches_without_augmentation_are_cut_from_the_case(dataset, plain, tmp_path):
    cases = PreparedCases(dataset, dataset.of_role("training"), plain.preprocessing, tmp_path)
    batch = CaseSource(plain, cases).batch(0)
    for values, classes in zip(batch.values, batch.classes, strict=True):
        value = values[0, 8, 8, 8].item()
        found = [
            (number, place)
            for number in range(len(cases))
            for place in np.argwhere(cases[number].values[0] == np.float32(value))
        ]
        assert any(cases[number].classes[tuple(place)] == classes[8, 8, 8] for number, place in found)


def test_small_classes_are_seen_as_often_as_large_ones(dataset, plain, tmp_path):
    """The ventricles are few of the voxels; without balance few patches are centered at them."""
    small = replace(plain, patch=(2, 2, 2), batch=200)

    def share(fraction):
        classes = source(dataset, replace(small, foreground_fraction=fraction), tmp_path).batch(0).classes
        return (classes == 1).any(dim=(1)).any(dim=1).any(dim=1).float().mean().item()

    assert share(1.0) > 0.2
    assert share(0.0) < 0.5 * share(1.0)


def test_a_patch_beyond_the_image_knows_nothing_there(dataset, plain, tmp_path):
    cases = PreparedCases(dataset, dataset.of_role("training"), plain.preprocessing, tmp_path)
    side = max(cases[0].classes.shape) + 6
    side += side % 2
    batch = CaseSource(replace(plain, patch=(side,) * 3), cases).batch(0)
    known = batch.classes[0] != UNKNOWN
    assert 0 < known.sum() <= cases[0].classes.size
    assert (batch.classes[0][0] == UNKNOWN).all()
    assert torch.isfinite(batch.values).all()


def test_all_cases_come_in_turn(dataset, plain, tmp_path):
    one = source(dataset, plain, tmp_path)
    for turn in range(4):
        assert {one._case_of(2 * turn + place) for place in range(2)} == {0, 1}
