"""Samples as training asks for them: seeded, repeatable from the record, cut out where they should be, of the right form."""

import json
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from augmentation_volume import SEGMENTS, SIZE, SPACING

from MedDeepRegSegLib.augmentation.pipeline import Augmenter, load_preset
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings, SampleDraws
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json


def always(name, **changes):
    """Return settings in which one transform always happens, as strongly as the strong preset allows."""
    part = getattr(load_preset("strong").settings, name)
    return AugmentationSettings(**{name: replace(part, probability=1.0, **changes)})


EVERYTHING = AugmentationSettings(
    **{
        part.name: replace(getattr(load_preset("strong").settings, part.name), probability=1.0)
        for part in fields(AugmentationSettings)
    }
)


def augmenter(settings, **options):
    options.setdefault("segments", SEGMENTS)
    return Augmenter(settings, spacing_mm=SPACING, **options)


def test_no_transform_needs_monai(volume, monkeypatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    assert augmenter(EVERYTHING)(*volume, seed=1).values.std() > 0


def test_the_same_seed_gives_the_same_and_another_something_else(volume):
    make = augmenter(EVERYTHING)
    first, again = make(*volume, seed=(3, 4)), augmenter(EVERYTHING)(*volume, seed=(3, 4))
    assert np.array_equal(first.values, again.values)
    assert np.array_equal(first.labels, again.labels)
    assert first.draws == again.draws
    other = make(*volume, seed=(4, 3))
    assert other.draws != first.draws
    assert other.values.shape != first.values.shape or not np.allclose(other.values, first.values)
    assert make.draw(SIZE, channels=2, seed=7) != make.draw(SIZE, channels=2, seed=(7, 0))


def test_a_record_that_went_through_json_gives_the_same_bit_for_bit(volume):
    make = augmenter(EVERYTHING)
    made = make(*volume, seed=1, patch=(16, 16, 16), center=(10, 14, 12))
    stored = json.dumps(to_json(made.draws))
    assert len(stored) < 4000
    again = augmenter(AugmentationSettings()).apply(*volume, from_json(SampleDraws, json.loads(stored)))
    assert np.array_equal(again.values, made.values)
    assert np.array_equal(again.labels, made.labels)
    assert [part.transform for part in made.applied][:2] == ["crop", "affine"]
    assert len(made.applied) == len(fields(AugmentationSettings))


def test_nothing_changes_where_nothing_happens_and_the_input_never(volume):
    values, labels = (part.copy() for part in volume)
    made = augmenter(AugmentationSettings())(values, labels, seed=0)
    assert np.array_equal(made.values, volume[0])
    assert np.array_equal(made.labels, volume[1])
    for seed in range(3):
        augmenter(EVERYTHING)(values, labels, seed=seed)
    assert np.array_equal(values, volume[0])
    assert np.array_equal(labels, volume[1])


def test_patches_are_cut_out_around_their_center(volume):
    values, labels = volume
    made = augmenter(AugmentationSettings())(values, labels, seed=0, patch=(6, 8, 4), center=(9.5, 13.5, 11.5))
    assert np.array_equal(made.values, values[:, 7:13, 10:18, 10:14])
    assert np.array_equal(made.labels, labels[7:13, 10:18, 10:14])
    random = augmenter(AugmentationSettings())(values, labels, seed=5, patch=(6, 8, 4))
    low = (np.array(random.draws.crop.center) - (np.array([6, 8, 4]) - 1) / 2).astype(int)
    assert (low >= 0).all()
    assert (low + np.array([6, 8, 4]) <= SIZE).all()


@pytest.mark.parametrize("settings", [AugmentationSettings(), always("affine")], ids=["copied", "resampled"])
def test_beyond_the_volume_the_border_goes_on_and_labels_are_unknown(volume, settings):
    made = augmenter(settings, label_outside=255)(*volume, seed=2, patch=(24, 24, 24), center=(0, 0, 0))
    outside = made.labels == 255
    assert 0.5 < outside.mean() < 1
    assert np.isfinite(made.values).all()
    assert made.values.min() >= volume[0].min() - 1e-4  # nothing is made up
    large = augmenter(AugmentationSettings(), label_outside=255)(*volume, seed=0, patch=(40, 40, 40))
    assert np.array_equal(large.labels[10:30, 6:34, 8:32], volume[1])


def test_a_window_is_what_the_whole_sample_shows_there(volume):
    """The window of a large volume and the same numbers on all of it agree, so nothing depends on what is read."""
    settings = always("affine", shift_mm=(0.0, 0.0, 0.0))
    center = (9.5, 13.5, 11.5)
    whole = augmenter(settings)(*volume, seed=3)
    part = augmenter(settings)(*volume, seed=3, patch=(8, 8, 8), center=center)
    assert np.allclose(part.values, whole.values[:, 6:14, 10:18, 8:16], atol=1e-5)
    assert np.array_equal(part.labels, whole.labels[6:14, 10:18, 8:16])


def test_transforms_draw_apart(volume):
    """Turning one transform off leaves the numbers of all others."""
    make = augmenter(EVERYTHING).draw(SIZE, channels=2, seed=9)
    less = augmenter(replace(EVERYTHING, gamma=AugmentationSettings().gamma)).draw(SIZE, channels=2, seed=9)
    assert less == replace(make, gamma=None)


@pytest.mark.parametrize("name", [part.name for part in fields(AugmentationSettings)])
def test_every_transform_changes_something_and_stays_finite(volume, name):
    values, labels = volume
    made = augmenter(always(name))(values, labels, seed=1)
    assert made.values.dtype == np.float32
    assert made.labels.dtype == labels.dtype
    assert np.isfinite(made.values).all()
    assert made.values.shape != values.shape or not np.array_equal(made.values, values)
    geometric = name in {"crop", "affine", "elastic", "flip"}
    assert geometric != np.array_equal(made.labels, labels)
    assert set(np.unique(made.labels)) <= {0, 1, 2, 3}


def test_flat_channels_and_other_types_do_no_harm(volume):
    flat = np.zeros((2, *SIZE), np.float32)
    made = augmenter(EVERYTHING)(flat, volume[1].astype(np.uint16), seed=0)
    assert np.abs(made.values).max() < 1e-3
    assert made.labels.dtype == np.uint16
    units = augmenter(EVERYTHING)(volume[0] * 1e-9, None, seed=0)
    assert units.labels is None
    assert np.isfinite(units.values).all()
    scaled = augmenter(EVERYTHING)(volume[0] * 1000, None, seed=0)
    assert np.allclose(scaled.values, units.values * 1e12, rtol=1e-3, atol=0.5)  # strengths have no units


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda make, v, _l: make(v[0], None, seed=0), "expected .channels, z, y, x."),
        (lambda make, v, n: make(v, n[1:], seed=0), "labels are uint8"),
        (lambda make, v, n: make(v, n.astype(float), seed=0), "expected whole numbers"),
        (lambda make, v, n: make(v, n, seed=0, center=(1, 1, 1)), "center is given without the size"),
        (lambda make, v, n: make(v, n, seed=0, patch=(0, 4, 4)), "patch is"),
        (
            lambda make, v, n: Augmenter(AugmentationSettings(), spacing_mm=SPACING, label_outside=300)(v, n, seed=0),
            "300",
        ),
        (lambda make, v, n: Augmenter(AugmentationSettings(), spacing_mm=(1, 0, 1)), "spacing is"),
    ],
)
def test_what_does_not_fit_is_refused(volume, call, says):
    with pytest.raises(InputError, match=says):
        call(augmenter(EVERYTHING), *volume)
