import itertools

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import (
    TISSUE,
    Segment,
    check_segments,
    default_color,
    free_value,
    named_segment,
    terminology_entry,
    with_identifiers,
)

RED = (1.0, 0.0, 0.0)


def test_default_colors_of_neighbors_differ_clearly():
    colors = [default_color(index) for index in range(30)]
    assert len(set(colors)) == 30
    for a, b in itertools.pairwise(colors):
        assert sum(abs(x - y) for x, y in zip(a, b, strict=True)) > 0.3
    check_segments([Segment(index + 1, "x", color) for index, color in enumerate(colors)])


def test_known_names_get_their_code_and_unknown_ones_are_tissue():
    assert "SCT^64033007^Kidney~SCT^7771000^Left" in named_segment(1, "Left kidney").terminology
    assert named_segment(1, "left lung").color != named_segment(2, "right lung").color
    unknown = named_segment(3, "Gizmo")
    assert unknown.terminology == TISSUE
    assert unknown.color == default_color(2)


def test_terminology_has_the_seven_parts_that_slicer_expects():
    entry = terminology_entry(("SCT", "1", "A"), ("SCT", "2", "B"), ("SCT", "3", "C"))
    parts = entry.split("~")
    assert len(parts) == 7
    assert parts[1:4] == ["SCT^1^A", "SCT^2^B", "SCT^3^C"]
    assert parts[5:] == ["^^", "^^"]


def test_identifiers_are_made_unique_and_given_ones_stay():
    segments = [Segment(2, "a", RED), Segment(1, "b", RED, identifier="Segment_2"), Segment(3, "c", RED)]
    assert [s.identifier for s in with_identifiers(segments)] == ["Segment_2_1", "Segment_2", "Segment_3"]


def test_free_value_is_the_smallest_gap():
    assert free_value([]) == 1
    assert free_value([Segment(1, "a", RED), Segment(3, "b", RED)]) == 2


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([Segment(1, "  ", RED)], "no name"),
        ([Segment(0, "a", RED)], "expected 1 to 65535"),
        ([Segment(70000, "a", RED)], "expected 1 to 65535"),
        ([Segment(1, "a", RED), Segment(1, "b", RED)], "'a' and 'b' have the same value 1"),
        ([Segment(1, "a", (1.0, 0.0, 2.0))], "three numbers"),
        ([Segment(1, "a", (float("nan"), 0.0, 0.0))], "three numbers"),
        ([Segment(1, "a", RED, identifier="x"), Segment(2, "b", RED, identifier="x")], "same identifier"),
    ],
)
def test_contradicting_segments_are_refused(segments, words):
    with pytest.raises(InputError, match=words):
        check_segments(segments)
