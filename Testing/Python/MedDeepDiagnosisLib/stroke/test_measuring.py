"""The names of measurements and what they are, on the made-up atlas."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.measuring import measured_features
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.stroke import measuring
from MedDeepDiagnosisLib.stroke.measuring import (
    EXTENTS,
    LESION_MEASUREMENTS,
    measure_lesion,
    wants_lesion_loads,
)
from MedDeepDiagnosisLib.stroke.territories import TERRITORIES, VENTRICLE
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import Segment

FRONTAL_LEFT, FRONTAL_RIGHT = 7, 8


def segment_of(atlas, *labels, value=1):
    image = sitk.GetImageFromArray(np.isin(sitk.GetArrayFromImage(atlas), labels).astype(np.uint8) * value)
    image.CopyInformation(atlas)
    return image


def test_values_of_a_known_lesion(atlas):
    values = measure_lesion(segment_of(atlas, FRONTAL_LEFT, FRONTAL_RIGHT), 1, atlas=atlas)
    assert tuple(values) == LESION_MEASUREMENTS
    # Two blocks of 160 voxels of 8 mm³.
    assert values["lesion_volume_ml"] == pytest.approx(2.56)
    assert values["lesion_components"] == 2
    assert values["largest_component_percent"] == 50
    assert values["lesion_height_mm"] == pytest.approx(4)  # two slices of 2 mm
    assert values["left_percent"] == 50
    assert values["midline_distance_mm"] == pytest.approx(14)
    assert np.pi / 6 * values["mca_frontal_extent_mm"] ** 3 == pytest.approx(2560)
    assert values["load_mca_frontal_left"] == values["load_mca_frontal_right"] == 1
    others = [name for name in EXTENTS if name != "mca_frontal_extent_mm"]
    assert {values[name] for name in others} == {0.0}
    # Rows 6 to 13 of slices 6 and 7: LPS y from -19 to -5, so in front of the origin; z from -7 to -5.
    assert values["center_anterior_mm"] == pytest.approx(12)
    assert values["center_superior_mm"] == pytest.approx(-6)


def test_only_the_segment_counts(atlas):
    both = segment_of(atlas, FRONTAL_LEFT, value=2) + segment_of(atlas, FRONTAL_RIGHT, value=5)
    values = measure_lesion(both, 5, atlas=atlas)
    assert values["left_percent"] == 0
    assert values["lesion_volume_ml"] == pytest.approx(1.28)
    with pytest.raises(InputError, match="is empty"):
        measure_lesion(both, 3, atlas=atlas)


def test_every_territory_is_in_one_extent():
    pairs = {region.name.rsplit("_", 1)[0] for region in TERRITORIES if region.artery != VENTRICLE}
    used = [name for names in EXTENTS.values() for name in names]
    assert sorted(used) == sorted(pairs)


def test_the_atlas_comes_from_the_samples_and_is_not_downloaded(atlas, tmp_path, monkeypatch):
    lesion = segment_of(atlas, FRONTAL_LEFT)
    monkeypatch.setattr(measuring, "cached_sample", lambda name: None)
    with pytest.raises(InputError, match="run 'meddeep samples arterial-atlas'"):
        measure_lesion(lesion, 1)
    path = tmp_path / "atlas.nii.gz"
    sitk.WriteImage(atlas, str(path))
    monkeypatch.setattr(measuring, "cached_sample", lambda name: path if name == "arterial-atlas" else None)
    assert measure_lesion(lesion, 1)["left_percent"] == 100


def test_without_the_atlas_both_ways_to_get_it_are_told(atlas, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path))
    lesion = segment_of(atlas, FRONTAL_LEFT)
    place = tmp_path / "samples" / "arterial-atlas.nii.gz"
    with pytest.raises(InputError, match="is not here yet") as caught:
        measure_lesion(lesion, 1)
    assert f"expected the file {place}: run 'meddeep samples arterial-atlas'" in str(caught.value)
    assert str(caught.value).endswith("put a copy of ArterialAtlas136.nii.gz there under this name")
    place.parent.mkdir()
    sitk.WriteImage(atlas, str(place))  # another atlas is not taken for the published one
    with pytest.raises(InputError, match=r"is not the published file \(its SHA-256 differs\)"):
        measure_lesion(lesion, 1)


def test_a_copy_of_the_published_atlas_is_taken_from_the_place_that_is_told(shared_data, tmp_path, monkeypatch):
    source = shared_data / "13_soop_stroke_image_tabular" / "ArterialAtlas136.nii.gz"
    if not source.is_file():
        pytest.skip(f"{source} is absent")
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path))
    place = tmp_path / "samples" / "arterial-atlas.nii.gz"
    place.parent.mkdir()
    shutil.copy(source, place)
    published = sitk.ReadImage(str(place))
    label = next(region.label for region in TERRITORIES if region.name == "mca_insula_left")
    assert measure_lesion(published, label)["load_mca_insula_left"] == 1


def test_the_pathology_asks_for_what_there_is():
    stroke = load_pathology("acute_stroke")
    wanted = [feature.measurement for feature in stroke.features if feature.group == "measured"]
    assert set(wanted) <= set(LESION_MEASUREMENTS)
    assert wants_lesion_loads(wanted)
    assert not wants_lesion_loads([f.measurement for f in load_pathology("lung_nodule").features])
    assert [f.name for f in stroke.features if f.group == "clinical"] == ["age", "sex", "prior_stroke", "bmi"]


def test_measured_values_are_plausible_to_the_pathology(atlas):
    stroke = load_pathology("acute_stroke")
    for labels in ((FRONTAL_LEFT,), (1, 2), tuple(range(1, 33))):
        values = measure_lesion(segment_of(atlas, *labels), 1, atlas=atlas)
        parsed = stroke.parse_values(values)
        assert parsed["lesion_volume_ml"] == values["lesion_volume_ml"]


def test_a_segment_is_measured_for_the_pathology(atlas, tmp_path, monkeypatch):
    path = tmp_path / "atlas.nii.gz"
    sitk.WriteImage(atlas, str(path))
    monkeypatch.setattr(measuring, "cached_sample", lambda name: path)
    stroke = load_pathology("acute_stroke")
    lesion = segment_of(atlas, FRONTAL_RIGHT, value=3)
    values = measured_features(lesion, Segment(3, "infarct", (1.0, 0.0, 0.0)), stroke)
    assert set(values) == {feature.name for feature in stroke.features if feature.group == "measured"}
    assert values["left_percent"] == 0
    assert values["lesion_volume_ml"] == pytest.approx(1.28)
