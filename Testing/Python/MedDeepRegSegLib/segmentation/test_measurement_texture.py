"""Texture against closed forms, brute force, and the digital phantom of the IBSI with its published values."""

import sys

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import label

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.segmentation.texture_matrices import (
    DIRECTIONS,
    TextureSettings,
    cooccurrence,
    gray_levels,
    run_lengths,
    size_zones,
)

SEGMENT = Segment(1, "thing", (1.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def benchmarks(repository):
    """The folder of the benchmarks on the path."""
    sys.path.insert(0, str(repository / "Testing" / "Benchmarks"))
    yield
    sys.path.pop(0)


def textured(array, mask=None, **options):
    array = np.asarray(array, np.float32)
    mask = np.ones(array.shape, bool) if mask is None else mask
    settings = TextureSettings(**options)
    labels = sitk.GetImageFromArray(mask.astype(np.uint8))
    return measure(labels, [SEGMENT], sitk.GetImageFromArray(array), families=["texture"], texture=settings)[0]


def test_the_ibsi_phantom_has_its_published_values(benchmarks):
    import measurements_phantom

    labels, image = measurements_phantom.phantom()
    families, texture = ("shape", "intensity", "texture"), TextureSettings(bin_width=1)
    (found,) = measure(labels, [SEGMENT], image, families=families, texture=texture)
    assert found.value("voxels") == 74
    for name, (value, given) in measurements_phantom.PUBLISHED.items():
        assert abs(found.value(name) - value) <= measurements_phantom.tolerance(value, given), name
    for name, (value, given) in measurements_phantom.AXIS_LENGTHS.items():
        assert abs(found.value(name) * np.sqrt(74 / 73) - value) <= given, name
    texture = {m.name for m in found.measurements if m.name.startswith("texture_")}
    assert texture - set(measurements_phantom.PUBLISHED) == {"texture_gray_levels", "texture_bin_width"}
    codes = [m.quantity_code for m in found.measurements if m.name in texture and m.quantity_code]
    assert len(set(codes)) == len(codes) == 54


def test_a_checkerboard():
    """Neighbors differ in the 7 directions with an odd number of steps, and are equal in the other 6."""
    found = textured(np.indices((6, 8, 10)).sum(axis=0) % 2 * 100, bin_width=50)
    assert found.value("texture_gray_levels") == 3
    found = textured(np.indices((6, 8, 10)).sum(axis=0) % 2 * 100, bin_count=2)
    assert found.value("texture_gray_levels") == 2
    assert found.value("texture_bin_width") == 50
    assert found.value("texture_histogram_entropy") == pytest.approx(1)
    assert found.value("texture_histogram_uniformity") == pytest.approx(0.5)
    assert found.value("texture_cooccurrence_contrast") == pytest.approx(7 / 13)
    assert found.value("texture_cooccurrence_correlation") == pytest.approx(-1 / 13)
    assert found.value("texture_cooccurrence_angular_second_moment") == pytest.approx(0.5)
    assert found.value("texture_cooccurrence_joint_entropy") == pytest.approx(1)
    # Each gray level hangs together across the diagonals.
    assert found.value("texture_zones_percentage") == pytest.approx(2 / 480)
    assert found.value("texture_zones_large") == pytest.approx(240**2)


def test_stripes():
    """Rows along i are of one gray level: one run a row along i, and four zones."""
    found = textured(np.broadcast_to(np.arange(4)[:, None, None], (4, 5, 6)), bin_width=1)
    assert found.value("texture_zones_percentage") == pytest.approx(4 / 120)
    assert found.value("texture_zones_size_variance") == pytest.approx(0)
    in_plane = {(0, 0, 1): 6, (0, 1, 0): 5}
    levels = np.broadcast_to(np.arange(1, 5)[:, None, None], (4, 5, 6))
    for step, (gray, sizes, counts) in zip(DIRECTIONS, run_lengths(levels), strict=True):
        assert (sizes * counts).sum() == 120
        if step in in_plane:
            assert set(sizes) == {in_plane[step]}
        if step[0]:
            assert set(sizes) == {1}
        assert set(gray) == {1, 2, 3, 4}


@pytest.mark.parametrize("seed", range(4))
def test_matrices_against_brute_force(seed):
    random = np.random.default_rng(seed)
    levels = random.choice([0, 1, 2, 5], size=(5, 6, 7), p=[0.2, 0.4, 0.2, 0.2])
    padded = np.pad(levels, 1)
    inside = np.argwhere(padded)
    for step, (present, counts) in zip(DIRECTIONS, cooccurrence(levels), strict=True):
        expected = np.zeros((6, 6), int)
        for place in inside:
            one, two = padded[tuple(place)], padded[tuple(place + step)]
            if two:
                expected[one, two] += 1
                expected[two, one] += 1
        np.testing.assert_array_equal(counts, expected[np.ix_(present, present)])
    for step, (gray, sizes, counts) in zip(DIRECTIONS, run_lengths(levels), strict=True):
        expected = {}
        for place in inside:
            value = padded[tuple(place)]
            if padded[tuple(place - step)] == value:
                continue
            length = 1
            while padded[tuple(place + np.multiply(step, length))] == value:
                length += 1
            expected[value, length] = expected.get((value, length), 0) + 1
        assert {(g, s): c for g, s, c in zip(gray, sizes, counts, strict=True)} == expected
    expected = {}
    for value in (1, 2, 5):
        for size in np.bincount(label(levels == value, np.ones((3, 3, 3)))[0].ravel())[1:]:
            expected[value, size] = expected.get((value, size), 0) + 1
    assert {(g, s): c for g, s, c in zip(*size_zones(levels), strict=True)} == expected


def test_a_flat_region_and_one_voxel():
    flat = textured(np.full((3, 4, 5), 70.0))
    assert flat.value("texture_gray_levels") == 1
    for name, value in (("contrast", 0), ("joint_entropy", 0), ("correlation", 1), ("information_correlation_1", 0)):
        assert flat.value(f"texture_cooccurrence_{name}") == value
    assert flat.value("texture_zones_large") == 60**2
    mask = np.zeros((3, 4, 5), bool)
    mask[1, 1, 1] = True
    one = textured(np.full((3, 4, 5), 70.0), mask)
    assert one.value("texture_cooccurrence_contrast") is None
    assert one.value("texture_runs_small") == 1
    assert one.value("texture_zones_percentage") == 1
    empty = textured(np.full((3, 4, 5), 70.0), np.zeros((3, 4, 5), bool))
    assert empty.value("texture_gray_levels") == 0
    assert empty.value("texture_runs_small") is None


def test_voxels_without_a_number_are_left_out_and_told():
    random = np.random.default_rng(0).integers(0, 5, (6, 6, 6)).astype(float)
    without = random.copy()
    without[2, 3, 4], without[0, 0, 0] = np.nan, np.inf
    mask = np.isfinite(without)
    found, expected = textured(without, bin_width=1), textured(random, mask, bin_width=1)
    assert [m.value for m in found.measurements] == pytest.approx([m.value for m in expected.measurements])
    assert "2 voxels have no number and are left out" in found.notes
    nothing = textured(np.full((2, 2, 2), np.nan))
    assert nothing.value("texture_histogram_entropy") is None


def test_gray_levels():
    levels, width = gray_levels(np.array([-26.0, -25.0, -1.0, 0.0, 24.9, 25.0]), TextureSettings(bin_width=25))
    assert levels.tolist() == [1, 2, 2, 3, 3, 4]
    assert width == 25
    levels, width = gray_levels(np.array([1.0, 2.9, 3.0, 5.0]), TextureSettings(bin_count=2))
    assert levels.tolist() == [1, 1, 2, 2]
    assert width == 2
    assert TextureSettings().for_units("HU") == TextureSettings(bin_width=25)
    assert TextureSettings().for_units("") == TextureSettings(bin_count=32)
    assert TextureSettings(bin_count=8).for_units("HU").bin_count == 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bin_width": 0}, "above 0"),
        ({"bin_width": float("nan")}, "above 0"),
        ({"bin_count": 1}, "2 to 2000"),
        ({"bin_width": 1, "bin_count": 2}, "one of them"),
        ({"bin_width": 1e-3}, "take a wider one or a bin count"),
    ],
)
def test_wrong_gray_levels_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        textured(np.indices((6, 8, 10)).sum(axis=0), **options)


def test_uneven_voxels_are_told():
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 90, (4, 5, 6)).astype(np.int16))
    labels = image >= 0
    for each in (image, labels):
        each.SetSpacing((0.5, 0.5, 8.0))
    (found,) = measure(labels, [SEGMENT], image, families=["texture"])
    assert any(note.startswith("texture of uneven voxels: 8 mm against 0.5 mm") for note in found.notes)
    (found,) = measure(labels, [SEGMENT], image)
    assert not any("texture" in note for note in found.notes)


def test_reference_values_of_pyradiomics(shared_data, benchmarks):
    """All features that both have, of brain1, brain2 and breast1 in three settings, and the shapes of two lungs."""
    from measurements_reference import BY_ANOTHER_DEFINITION, compared

    rows = list(compared(shared_data / "07_pyradiomics"))
    assert len(rows) == 5 * 12 + 3 * 17 + 3 * 3 * 36
    for row in rows:
        if row.feature == "Maximum2DDiameterSlice":
            continue
        assert abs(row.difference) < (0.01 if row.feature in BY_ANOTHER_DEFINITION else 1e-6), row
