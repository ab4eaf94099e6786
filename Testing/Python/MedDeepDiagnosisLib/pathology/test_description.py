"""Conditions as a whole."""

from dataclasses import replace

import pytest

from MedDeepRegSegLib.errors import InputError


def test_the_first_target_is_predicted_unless_another_is_chosen(pathology):
    second = replace(pathology.target, name="later")
    both = replace(pathology, targets=(pathology.target, second))
    assert both.target.name == "present"
    assert both.for_target("later").targets == (second,)
    with pytest.raises(InputError, match="'never' is not predicted for Toy lesion, expected one of present, later"):
        both.for_target("never")


def test_clinical_features_can_be_in_a_variant(pathology):
    age = replace(pathology.feature("ratio"), name="age", group="clinical")
    variant = replace(pathology.variants[0], name="clinical", groups=("clinical",), baseline="age")
    changed = replace(pathology, features=(*pathology.features, age), variants=(*pathology.variants, variant))
    assert changed.features_of("clinical") == (age,)
    assert age not in changed.features_of("all")


def test_what_no_shape_has_is_said(pathology):
    size = pathology.feature("size")
    length = replace(size, name="length", title="Length", required=False)
    bounded = replace(pathology, features=(replace(size, never_above="length"), *pathology.features[1:], length))
    assert bounded.contradictions({"size": 8.0, "length": 8.0}) == ()
    (text,) = bounded.contradictions({"size": 8.0, "length": 7.0})
    assert text.startswith("Size of 8 mm is above Length of 7 mm")
