"""Only flips that a patient could look like, and left and right labels change places."""

import numpy as np
import pytest
from augmentation_volume import SEGMENTS, SIZE, SPACING

from MedDeepRegSegLib.augmentation.flip import FlipSettings
from MedDeepRegSegLib.augmentation.label_sides import label_sides
from MedDeepRegSegLib.augmentation.pipeline import Augmenter
from MedDeepRegSegLib.augmentation.preset import load_preset, preset_names
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings
from MedDeepRegSegLib.segmentation.segments import named_segment


def make(segments, **flip):
    flip.setdefault("probability", 1.0)
    return Augmenter(AugmentationSettings(flip=FlipSettings(**flip)), spacing_mm=SPACING, segments=segments)


def named(*names):
    return [named_segment(number, name) for number, name in enumerate(names, 1)]


def test_left_and_right_change_places(volume):
    values, labels = volume
    made = make(SEGMENTS)(values, labels, seed=0)
    assert np.array_equal(made.values, values[..., ::-1])
    mirrored = labels[..., ::-1]
    assert np.array_equal(made.labels == 1, mirrored == 2)
    assert np.array_equal(made.labels == 2, mirrored == 1)
    assert np.array_equal(made.labels == 3, mirrored == 3)
    assert np.argwhere(made.labels == 1)[:, 2].mean() > SIZE[2] / 2  # left is where left was
    assert made.applied[1].swapped == ((1, 2),)


@pytest.mark.parametrize(
    "segments",
    [None, named("Left kidney"), named("Liver"), named("right lung", "left kidney"), named("Spleen", "Left lung", "Right lung")],
    ids=["unknown", "alone", "one-sided", "of unlike structures", "one of three"],
)  # fmt: skip
def test_left_out_where_the_result_would_be_wrong(volume, segments):
    made = make(segments)(*volume, seed=0)
    assert np.array_equal(made.labels, volume[1])
    assert [part.transform for part in made.applied] == ["crop"]


def test_without_labels_there_is_nothing_to_be_wrong(volume):
    assert np.array_equal(make(None)(volume[0], None, seed=0).values, volume[0][..., ::-1])


def test_other_axes_only_when_asked_and_two_flips_keep_sides(volume):
    values, labels = volume
    both = make(named("Left kidney"), probability=0.0, front_back=1.0, head_foot=1.0)(values, labels, seed=0)
    assert np.array_equal(both.values, values[:, ::-1, ::-1])  # turned by half a turn: left is still left
    assert np.array_equal(both.labels, labels[::-1, ::-1])
    one = make(named("Left kidney"), probability=0.0, head_foot=1.0)(values, labels, seed=0)
    assert np.array_equal(one.labels, labels)


def test_no_preset_turns_a_patient_upside_down_and_ct_is_never_mirrored():
    for name in preset_names():
        flip = load_preset(name).settings.flip
        assert (flip.front_back, flip.head_foot) == (0, 0)
    assert load_preset("CT").settings.flip.probability == 0


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("Left lung", "right LUNG"), ((1, 2),)),
        (("kidney_right", "kidney_left"), ((1, 2),)),
        (("LeftHippocampus", "RightHippocampus"), ((1, 2),)),
        (("lh-cortex", "brainstem", "rh-cortex"), ((1, 3),)),
        (("rib_left_3", "rib_right_3", "rib_left_4", "rib_right_4"), ((1, 2), (3, 4))),
        (("left lateral ventricle", "right lateral ventricle"), ((1, 2),)),
        (("Thyroid", "Trachea"), ()),
    ],
)
def test_pairs_are_found_by_name(names, pairs):
    sides = label_sides(named(*names))
    assert sides.pairs == pairs
    assert (sides.known, sides.unpaired, sides.one_sided) == (True, (), ())


def test_two_segments_of_one_name_are_no_pair():
    assert not label_sides(named("left lung", "left lung", "right lung")).known
