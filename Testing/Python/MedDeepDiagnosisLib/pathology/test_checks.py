"""Descriptions that contradict themselves are refused."""

from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.pathology import RatingWord


def test_contradictions_are_refused(pathology):
    size, edge = pathology.feature("size"), pathology.feature("edge")
    faults = {
        "not unique": (size, size),
        "above 0": (replace(size, minimum=-1.0),),
        "needs words": (size, replace(edge, words=())),
        "outside the plausible range": (size, replace(edge, maximum=2.0)),
    }
    for message, features in faults.items():
        with pytest.raises(ValueError, match=message):
            replace(pathology, features=features)
    length = replace(size, name="length", required=False, relative_to="size")
    replace(pathology, features=(*pathology.features, length))
    for fault in (
        replace(length, relative_to="width"),
        replace(length, scale="linear"),
        replace(edge, relative_to="size"),
    ):
        others = tuple(f for f in pathology.features if f.name != fault.name)
        with pytest.raises(ValueError, match="relative_to"):
            replace(pathology, features=(*others, fault))
    with pytest.raises(ValueError, match="relative_to 'ratio'"):
        replace(pathology, features=(*pathology.features, replace(length, relative_to="ratio")))
    with pytest.raises(ValueError, match="baseline 'edge'"):
        replace(pathology, variants=(replace(pathology.variants[0], baseline="edge"),))


def test_baselines_that_cannot_stand_alone_are_refused(pathology):
    size = pathology.feature("size")
    length = replace(size, name="length", required=False, relative_to="size")
    variant = replace(pathology.variants[0], baseline="length")
    with pytest.raises(ValueError, match="baseline 'length' is relative to 'size', expected a feature that enters"):
        replace(pathology, features=(*pathology.features, length), variants=(variant,))


def test_variant_names_are_kept_apart_from_each_other_and_from_baselines(pathology):
    first, second = pathology.variants
    with pytest.raises(ValueError, match=r"variant names are not unique \(measured\)"):
        replace(pathology, variants=(first, replace(second, name="measured")))
    for name in ("no_information", "only_size"):
        with pytest.raises(ValueError, match=f"variant {name}: the name is reserved"):
            replace(pathology, variants=(replace(first, name=name), second))


@pytest.mark.parametrize("bound", ["size", "width", "edge"])
def test_bounds_that_do_not_fit_are_refused(pathology, bound):
    bounded = replace(pathology.feature("size"), never_above=bound)
    with pytest.raises(ValueError, match="never_above"):
        replace(pathology, features=(bounded, *pathology.features[1:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": ""}, "reference is empty"),
        ({"positive": ""}, "positive or negative is empty"),
        ({"kind": "number"}, "a number needs minimum and maximum"),
        ({"kind": "number", "minimum": 3.0, "maximum": 1.0}, "minimum 3 is not below maximum 1"),
        ({"kind": "ordinal"}, "an ordinal needs words"),
        ({"words": (RatingWord(0, "None"),)}, "others must have none"),
        ({"kind": "ordinal", "words": (RatingWord(0, "None"),)}, "two steps or more"),
        ({"kind": "ordinal", "words": (RatingWord(0, "A"), RatingWord(9, "B")), "maximum": 5.0}, "lies outside"),
    ],
)
def test_targets_that_cannot_be_are_refused(pathology, change, message):
    with pytest.raises(ValueError, match=message):
        replace(pathology, targets=(replace(pathology.target, **change),))


def test_targets_must_be_there_and_have_names_of_their_own(pathology):
    with pytest.raises(ValueError, match="there is no target"):
        replace(pathology, targets=())
    for name in ("present", "size"):
        with pytest.raises(ValueError, match="target names are not unique"):
            replace(pathology, targets=(pathology.target, replace(pathology.target, name=name)))
