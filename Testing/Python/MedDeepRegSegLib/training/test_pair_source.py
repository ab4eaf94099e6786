"""The pair of a step depends on seed, process and step alone."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.training.pair_source import PairSource


def equal(one, other):
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if (left is None) != (right is None) or (left is not None and not torch.equal(left, right)):
            return False
    return True


@pytest.mark.parametrize("with_maps", [False, True])
def test_a_pair_depends_on_seed_process_and_step_alone(tiny, maps, with_maps):
    file = maps if with_maps else None
    settings = replace(tiny, pairs=2, reuse=3, real_fraction=1.0)
    forward = PairSource(settings, file)
    pairs = {step: forward.batch(step) for step in range(3)}
    torch.rand(5)  # numbers that others draw meanwhile do not matter
    backward = PairSource(settings, file)
    for step in (2, 0, 1):
        again = backward.batch(step)
        assert len(again) == 2
        assert all(equal(one, other) for one, other in zip(again, pairs[step], strict=True))
    for other in (
        PairSource(settings, file, process=1),
        PairSource(replace(settings, seed=4), file),
    ):
        assert not any(equal(one, pair) for one, pair in zip(other.batch(0), pairs[0], strict=True))
    flat = [pair for step in range(3) for pair in pairs[step]]
    assert not any(equal(flat[i], flat[j]) for i in range(6) for j in range(i))


def test_views_have_the_size_that_is_set_and_are_on_one_scale(tiny):
    for step in range(4):
        (pair,) = PairSource(tiny).batch(step)
        assert pair.first.shape == pair.second.shape == (32, 32, 32)
        assert pair.place.shape == (3, 32, 32, 32)
        for view in (pair.first, pair.second):
            assert view.dtype == torch.float32
            assert torch.isfinite(view).all()
            assert view.min() >= 0
            assert view.max() <= 1


def test_a_map_is_used_for_as_many_pairs_as_set(tiny, monkeypatch):
    from MedDeepRegSegLib.training import pair_source

    drawn = []
    original = pair_source.random_label_map
    monkeypatch.setattr(pair_source, "random_label_map", lambda *args: drawn.append(1) or original(*args))
    source = PairSource(tiny)  # reuse is 2
    for step in range(4):
        source.batch(step)
    assert len(drawn) == 2


def test_real_maps_come_as_often_as_set_and_have_classes(tiny, maps):
    for fraction, expected in ((0.0, {False}), (1.0, {True}), (0.5, {False, True})):
        source = PairSource(replace(tiny, real_fraction=fraction), maps)
        assert {source.batch(step)[0].classes is not None for step in range(8)} == expected
    assert PairSource(tiny, maps).class_count == 5
    assert PairSource(tiny).class_count == 1


def test_files_that_are_no_maps_are_refused(tiny, tmp_path, maps):
    whole = maps.read_bytes()
    cases = {"absent": None, "empty": b"", "text": b"labels", "cut": whole[: len(whole) // 2]}
    for name, content in cases.items():
        path = tmp_path / f"{name}.npz"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=r"packed label maps.*synthesis.real_maps"):
            PairSource(tiny, path)
    np.savez(tmp_path / "other.npz", numbers=np.arange(3))
    with pytest.raises(InputError, match="packed label maps"):
        PairSource(tiny, tmp_path / "other.npz")
