"""The regions of the atlas have one name, side and artery each, in code and in files."""

import pytest

from MedDeepDiagnosisLib.stroke.territories import TERRITORIES, read_regions
from MedDeepRegSegLib.errors import InputError


def test_the_regions_are_those_of_the_atlas():
    assert [region.label for region in TERRITORIES] == list(range(1, 33))
    assert len({region.name for region in TERRITORIES}) == 32
    assert all(region.name.endswith(region.side) for region in TERRITORIES)
    counts = {a: sum(r.artery == a for r in TERRITORIES) for a in {r.artery for r in TERRITORIES}}
    assert counts == {"aca": 4, "mca": 12, "pca": 8, "basilar": 6, "ventricle": 2}
    by_label = {region.label: region.name for region in TERRITORIES}
    assert (by_label[1], by_label[6], by_label[15], by_label[32]) == (
        "aca_left",
        "lenticulostriate_lateral_right",
        "mca_insula_left",
        "ventricle_right",
    )


def test_the_file_of_the_data_says_the_same(shared_data):
    path = shared_data / "13_soop_stroke_image_tabular" / "ArterialAtlas136.txt"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    regions = read_regions(path)
    assert [(r.label, r.artery, r.side) for r in regions] == [(r.label, r.artery, r.side) for r in TERRITORIES]
    assert regions[0].name == "acal_left"


def test_regions_of_ones_own(tmp_path):
    path = tmp_path / "regions.txt"
    path.write_text("3|FRONT|front part|3\n\n4|FRONT|front part|4\n")
    first, second = read_regions(path)
    assert (first.label, first.name, first.artery, first.side) == (3, "front_left", "mca", "left")
    assert (second.name, second.side) == ("front_right", "right")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("1|A|a", "line 1: '1\\|A\\|a', expected label\\|acronym\\|title\\|group"),
        ("0|A|a|1", "line 1"),
        ("1|A|a|11", "group of 1 to 10"),
        ("1|A|a|1\n1|B|b|1", "label 1 is there twice"),
        ("1|A|a|1\n2|A|b|3", "name a_left is there twice"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, message):
    path = tmp_path / "regions.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_regions(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_regions(tmp_path / "absent.txt")
