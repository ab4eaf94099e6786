import time

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.distance import pdist

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.measured_shape import shape_of
from MedDeepRegSegLib.segmentation.measurements import (
    CUT_NOTE,
    EMPTY_NOTE,
    column_title,
    measure,
    measurement_columns,
    measurement_rows,
)
from MedDeepRegSegLib.segmentation.segments import Segment

SEGMENT = Segment(1, "thing", (1.0, 0.0, 0.0))
TURNED = sitk.Euler3DTransform((0, 0, 0), 0.35, -0.2, 0.6).GetMatrix()


def drawn(inside, *, spacing=(1.0, 1.0, 1.0), size=(60, 60, 60), direction=TURNED, origin=(10.0, -20.0, 300.0)):
    """Draw a shape by a function of LPS points relative to the center of the image, (N, 3) mm."""
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    image.SetOrigin(origin)
    matrix = np.array(direction).reshape(3, 3) * np.array(spacing)
    indices = np.indices(size[::-1])[::-1].reshape(3, -1).T
    points = (indices - (np.array(size) - 1) / 2) @ matrix.T
    array = inside(points).reshape(size[::-1]).astype(np.uint8)
    drawing = sitk.GetImageFromArray(array)
    drawing.CopyInformation(image)
    return drawing


def center_of(image):
    return np.array(image.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in image.GetSize()]))


def measured(image, intensities=None):
    (result,) = measure(image, [SEGMENT], intensities)
    return result


def ellipsoid(*axes, turn=None):
    matrix = np.eye(3) if turn is None else turn
    return lambda points: (((points @ matrix) / np.array(axes)) ** 2).sum(axis=1) <= 1


def ellipsoid_surface(a, b, c):
    """Knud Thomsen's approximation, within 1.1 %; exact for the ball."""
    p = 1.6075
    return 4 * np.pi * (((a * b) ** p + (a * c) ** p + (b * c) ** p) / 3) ** (1 / p)


GRIDS = [
    pytest.param((1.0, 1.0, 1.0), (60, 60, 60), 0.01, id="1mm"),
    pytest.param((0.8, 0.8, 2.0), (75, 75, 32), 0.02, id="0.8x0.8x2mm"),
    pytest.param((0.7, 0.7, 4.0), (86, 86, 18), 0.02, id="0.7x0.7x4mm"),
]


@pytest.mark.parametrize(("spacing", "size", "tolerance"), GRIDS)
def test_ball_on_oblique_grids(spacing, size, tolerance):
    image = drawn(ellipsoid(20, 20, 20), spacing=spacing, size=size)
    ball = measured(image)
    assert ball.value("volume_mm3") == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert ball.value("volume_ml") == pytest.approx(ball.value("volume_mm3") / 1000)
    assert ball.value("equivalent_diameter_mm") == pytest.approx(40, rel=0.005)
    assert ball.value("surface_mm2") == pytest.approx(4 * np.pi * 20**2, rel=tolerance)
    assert ball.value("sphericity") == pytest.approx(1, abs=tolerance)
    assert ball.value("largest_diameter_mm") == pytest.approx(40, abs=0.9 * max(spacing) + 0.3)
    assert ball.value("longest_diameter_mm") == pytest.approx(40, rel=0.03)
    assert ball.value("perpendicular_diameter_mm") == pytest.approx(40, rel=0.04)
    assert ball.value("elongation") == pytest.approx(1, abs=0.02)
    center = center_of(image) * [-1, -1, 1]
    found = [ball.value(f"center_{axis}_mm") for axis in ("right", "anterior", "superior")]
    np.testing.assert_allclose(found, center, atol=0.05)
    assert ball.notes == ()


@pytest.mark.parametrize(("spacing", "size", "tolerance"), GRIDS)
def test_ellipsoid_turned_in_space(spacing, size, tolerance):
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), 0.9, 0.4, -0.3).GetMatrix()).reshape(3, 3)
    found = measured(drawn(ellipsoid(24, 16, 10, turn=turn), spacing=spacing, size=size))
    assert found.value("volume_mm3") == pytest.approx(4 / 3 * np.pi * 24 * 16 * 10, rel=0.015)
    assert found.value("surface_mm2") == pytest.approx(ellipsoid_surface(24, 16, 10), rel=tolerance + 0.015)
    # The standard deviation of a full ellipsoid along an axis is the half axis over the root of five.
    for name, half in (("major_axis_mm", 24), ("minor_axis_mm", 16), ("least_axis_mm", 10)):
        assert found.value(name) == pytest.approx(4 * half / np.sqrt(5), rel=0.02)
    assert found.value("elongation") == pytest.approx(16 / 24, rel=0.02)
    assert found.value("flatness") == pytest.approx(10 / 24, rel=0.03)
    assert found.value("largest_diameter_mm") == pytest.approx(48, abs=0.9 * max(spacing) + 0.3)
    for name, length in (("oriented_box_length_mm", 48), ("oriented_box_width_mm", 32), ("oriented_box_height_mm", 20)):
        assert length < found.value(name) < length + 2 * max(spacing)


def test_box_has_its_edges():
    """A box along the axes of the image; the voxels fill it exactly."""
    image = drawn(
        lambda p: (np.abs(p) <= np.array([10.0, 7.5, 6.0])).all(axis=1),
        spacing=(1.0, 1.5, 2.0),
        size=(30, 20, 20),
        direction=np.eye(3).ravel(),
    )
    found = measured(image)
    edges = np.array([20.0, 15.0, 12.0])
    assert found.value("volume_mm3") == pytest.approx(edges.prod())
    assert [found.value(f"box_size_{axis}_mm") for axis in ("right", "anterior", "superior")] == pytest.approx(edges)
    assert found.value("oriented_box_length_mm") == pytest.approx(20)
    surface = 2 * (20 * 15 + 15 * 12 + 20 * 12)
    assert found.value("surface_mm2") == pytest.approx(surface, rel=0.16)  # flat faces along the grid: the worst case
    low, high = (
        np.array([found.value(f"box_{kind}_{a}_mm") for a in ("right", "anterior", "superior")])
        for kind in ("minimum", "maximum")
    )
    np.testing.assert_allclose((low + high) / 2, center_of(image) * [-1, -1, 1], atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2])
def test_in_slice_diameters_of_a_tilted_ellipse(angle):
    along = np.array([np.cos(angle), np.sin(angle), 0])
    across = np.array([-np.sin(angle), np.cos(angle), 0])
    image = drawn(
        lambda p: ((p @ along / 18) ** 2 + (p @ across / 9) ** 2 + (p[:, 2] / 15) ** 2) <= 1,
        spacing=(0.8, 0.8, 3.0),
        size=(60, 60, 15),
        direction=np.eye(3).ravel(),
    )
    found = measured(image)
    assert found.value("longest_diameter_mm") == pytest.approx(36, rel=0.03)
    assert found.value("perpendicular_diameter_mm") == pytest.approx(18, rel=0.06)


def test_in_slice_diameters_are_of_axial_slices_whatever_the_order_of_axes():
    image = drawn(ellipsoid(15, 10, 25), direction=np.eye(3).ravel())
    sagittal = sitk.DICOMOrient(image, "PIR")
    for each in (image, sagittal):
        assert measured(each).value("longest_diameter_mm") == pytest.approx(30, rel=0.03)
        assert measured(each).value("perpendicular_diameter_mm") == pytest.approx(20, rel=0.05)


def test_surfaces_of_flat_boxes_in_many_orientations():
    errors = []
    for seed in range(6):
        angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, 3)
        turn = np.array(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix()).reshape(3, 3)
        image = drawn(lambda p, turn=turn: (np.abs(p @ turn) <= [15, 12, 8]).all(axis=1), size=(50, 50, 50))
        errors.append(measured(image).value("surface_mm2") / (8 * (15 * 12 + 12 * 8 + 15 * 8)) - 1)
    assert np.abs(errors).max() < 0.08


def test_one_voxel_and_a_line():
    array = np.zeros((5, 5, 9), np.uint8)
    array[2, 2, 4] = 1
    dot = sitk.GetImageFromArray(array)
    dot.SetSpacing((2.0, 2.0, 5.0))
    found = measured(dot)
    assert found.value("volume_mm3") == pytest.approx(20)
    assert found.value("surface_mm2") > 0
    assert found.value("largest_diameter_mm") == pytest.approx(5)
    assert found.value("longest_diameter_mm") == pytest.approx(2)
    assert found.value("major_axis_mm") == 0
    assert found.value("elongation") is None
    assert measurement_rows([found])[0]["Elongation"] is None
    array[2, 2, 1:8] = 1
    line = measured(sitk.GetImageFromArray(array))
    assert line.value("longest_diameter_mm") == pytest.approx(7)
    assert line.value("perpendicular_diameter_mm") == pytest.approx(1)
    assert line.value("elongation") == pytest.approx(0)


def test_empty_and_cut_segments_say_so():
    labels = drawn(ellipsoid(40, 10, 10), direction=np.eye(3).ravel())
    results = measure(labels, [SEGMENT, Segment(2, "nothing", (0.0, 1.0, 0.0))])
    assert results[0].notes == (CUT_NOTE,)
    assert results[1].notes == (EMPTY_NOTE,)
    rows = measurement_rows(results)
    assert list(rows[0]) == list(rows[1])
    assert rows[1]["Volume (mm3)"] == 0
    assert rows[1]["Center R (mm)"] is None
    assert rows[0]["Note"] == CUT_NOTE
    assert [next(iter(row)) for row in rows] == ["Segment"] * 2


def test_intensities_in_the_segment():
    labels = drawn(ellipsoid(10, 10, 10))
    array = np.arange(labels.GetNumberOfPixels(), dtype=np.float32).reshape(labels.GetSize()[::-1])
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(labels)
    inside = array[sitk.GetArrayViewFromImage(labels) > 0]
    found = measured(labels, image)
    assert found.value("intensity_mean") == pytest.approx(inside.mean(dtype=float))
    assert found.value("intensity_standard_deviation") == pytest.approx(inside.std(dtype=float))
    assert found.value("intensity_minimum") == inside.min()
    assert found.value("intensity_maximum") == inside.max()
    assert found.value("intensity_median") == pytest.approx(np.median(inside))
    assert found.value("intensity_percentile_95") == pytest.approx(np.percentile(inside, 95))
    image.SetMetaData("0008|0060", "CT")
    units = {m.name: m.units for m in measured(labels, image).measurements}
    assert units["intensity_mean"] == "HU"
    empty = measure(labels, [Segment(7, "none", (0.0, 0.0, 1.0))], image)[0]
    assert empty.value("intensity_mean") is None


def test_columns_have_units_and_codes():
    columns = measurement_columns((measured(drawn(ellipsoid(10, 10, 10))),))
    assert len({m.name for m in columns}) == len({column_title(m) for m in columns}) == len(columns)
    by_name = {m.name: m for m in columns}
    assert by_name["volume_mm3"].quantity_code == ("SCT", "118565006", "Volume")
    assert by_name["volume_mm3"].units_code[:2] == ("UCUM", "mm3")
    assert all(m.description.endswith(".") for m in columns)


def test_cylinder():
    """Turned against the grid, so that no face lies along it."""
    radius, height = 12.0, 30.0
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), 0.5, 0.3, 0.2).GetMatrix()).reshape(3, 3)

    def inside(points):
        own = points @ turn
        return (np.hypot(own[:, 0], own[:, 1]) <= radius) & (np.abs(own[:, 2]) <= height / 2)

    found = measured(drawn(inside))
    assert found.value("volume_mm3") == pytest.approx(np.pi * radius**2 * height, rel=0.01)
    assert found.value("volume_mesh_mm3") == pytest.approx(np.pi * radius**2 * height, rel=0.01)
    surface = 2 * np.pi * radius * (radius + height)
    assert found.value("surface_mm2") == pytest.approx(surface, rel=0.04)
    assert found.value("surface_mesh_mm2") == pytest.approx(surface, rel=0.1)
    assert found.value("surface_voxels_mm2") > 1.2 * surface
    assert found.value("largest_diameter_mm") == pytest.approx(np.hypot(height, 2 * radius), abs=1.2)
    assert found.value("major_axis_mm") == pytest.approx(4 * height / np.sqrt(12), rel=0.01)
    assert found.value("least_axis_mm") == pytest.approx(4 * radius / 2, rel=0.02)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.0)])
def test_oriented_box_finds_a_turned_box(spacing):
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), 0.7, -0.4, 0.9).GetMatrix()).reshape(3, 3)
    edges, place = np.array([36.0, 24.0, 14.0]), np.array([3.0, -2.0, 1.0])
    size = tuple(int(60 / step) for step in spacing)
    image = drawn(lambda p: (np.abs((p - place) @ turn) <= edges / 2).all(axis=1), spacing=spacing, size=size)
    found = measured(image)
    ranks, letters = ("length", "width", "height"), ("right", "anterior", "superior")
    axes = np.array([[found.value(f"oriented_box_{rank}_axis_{letter}") for letter in letters] for rank in ranks])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(axes) == pytest.approx(1)
    along = np.abs((axes * [-1, -1, 1] * turn.T).sum(axis=1))
    assert (along > np.cos(np.radians(2))).all()
    for rank, edge in zip(ranks, edges, strict=True):
        assert edge - max(spacing) < found.value(f"oriented_box_{rank}_mm") < edge + 2.5 * max(spacing)
    center = [found.value(f"oriented_box_center_{letter}_mm") for letter in letters]
    np.testing.assert_allclose(center, (center_of(image) + place) * [-1, -1, 1], atol=max(spacing))


@pytest.mark.parametrize("seed", range(3))
def test_place_and_axes_against_all_voxels(seed):
    """Moments from counts on planes and extremes from row ends are those of the list of all voxels."""
    random = np.random.default_rng(seed)
    image = sitk.GetImageFromArray((random.random((7, 8, 9)) > 0.7).astype(np.uint8))
    image.SetSpacing((0.5, 0.9, 3.0))
    image.SetDirection(TURNED)
    shape = shape_of(sitk.GetArrayFromImage(image), 1, image)
    places = shape.to_lps(np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1].astype(float))
    mean, covariance = shape.moments
    np.testing.assert_allclose(mean, places.mean(axis=0))
    np.testing.assert_allclose(covariance, np.cov(places.T, bias=True))
    faces = []
    for axis, array_axis in ((0, 2), (1, 1), (2, 0)):
        found = np.argwhere(np.diff(np.pad(shape.mask, 1).astype(int), axis=array_axis))[:, ::-1] - 1.0
        found[:, axis] += 0.5
        faces.append(found + shape.start)
    largest = pdist(shape.to_lps(np.concatenate(faces))).max()
    assert measured(image).value("largest_diameter_mm") == pytest.approx(largest)


@pytest.mark.parametrize("shape", ["sheet", "line", "voxel", "border"])
def test_thin_segments_on_uneven_voxels(shape):
    """Every measurement is a number or not defined, never NaN, and the volume is right."""
    array = np.zeros((4, 20, 22), np.uint8)
    place = {
        "sheet": np.s_[2, 3:13, 4:16],
        "line": np.s_[1, 3:13, 5],
        "voxel": np.s_[1, 2, 3],
        "border": np.s_[:, 0:5, 15:],
    }[shape]
    array[place] = 1
    labels = sitk.GetImageFromArray(array)
    labels.SetSpacing((0.5, 0.5, 8.0))
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=array.shape).astype(np.float32))
    image.CopyInformation(labels)
    (found,) = measure(labels, [SEGMENT], image, families=["shape", "intensity", "texture"])
    values = [m.value for m in found.measurements if m.value is not None]
    assert np.isfinite(values).all()
    assert found.value("volume_mm3") == array.sum() * 2
    assert (CUT_NOTE in found.notes) == (shape == "border")
    if shape == "sheet":
        assert found.value("longest_diameter_mm") == pytest.approx(np.hypot(6, 5), rel=0.05)
        assert found.value("flatness") == 0
    if shape == "line":
        assert found.value("major_axis_mm") == pytest.approx(4 * 0.5 * np.sqrt((10**2 - 1) / 12))
        assert found.value("elongation") == 0


def test_voxels_without_a_number():
    labels = drawn(ellipsoid(5, 5, 5), size=(16, 16, 16))
    array = np.full((16, 16, 16), 3, np.float32)
    array[8, 8, 8] = np.nan
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(labels)
    found = measured(labels, image)
    assert found.value("intensity_mean") == 3
    assert found.value("intensity_skewness") == found.value("intensity_kurtosis") == 0
    assert found.notes == ("1 voxel has no number and is left out",)
    assert measured(labels).notes == ()


def test_families_are_chosen():
    labels = drawn(ellipsoid(5, 5, 5), size=(16, 16, 16))
    names = {m.name for m in measured(labels).measurements}
    assert {"volume_mm3", "elongation", "largest_diameter_mm"} <= names
    (found,) = measure(labels, [SEGMENT], families=["position"])
    assert "volume_mm3" not in {m.name for m in found.measurements}
    (found,) = measure(labels, [SEGMENT], families=["shape"])
    assert {m.name for m in found.measurements} == names
    with pytest.raises(InputError, match="need an image"):
        measure(labels, [SEGMENT], families=["intensity"])
    with pytest.raises(InputError, match=r"'color', expected one of shape, intensity, texture, size"):
        measure(labels, [SEGMENT], families=["color"])


@pytest.mark.slow
def test_a_segment_of_millions_of_voxels_takes_seconds():
    grid = np.indices((256, 256, 256), np.float32) - 127.5
    labels = sitk.GetImageFromArray(((grid**2).sum(axis=0) <= 120**2).astype(np.uint8))
    image = sitk.Image(labels.GetSize(), sitk.sitkInt16) + 100
    before = time.process_time()
    found = measured(labels, image)
    assert time.process_time() - before < 20
    assert found.value("volume_mm3") == pytest.approx(4 / 3 * np.pi * 120**3, rel=0.001)


def test_refusals():
    labels = drawn(ellipsoid(10, 10, 10))
    other = sitk.Image(10, 10, 10, sitk.sitkInt16)
    with pytest.raises(InputError, match="60x60x60"):
        measure(labels, [SEGMENT], other)
    with pytest.raises(InputError, match="same value"):
        measure(labels, [SEGMENT, Segment(1, "b", (0.0, 0.0, 0.0))])
    with pytest.raises(KeyError, match="volume_mm3"):
        measured(labels).value("weight")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        measure(labels, [SEGMENT], cancel=token)


@pytest.mark.parametrize("case", ["brain1", "brain2", "breast1", "lung1", "lung2"])
def test_published_reference_values(shared_data, case):
    """Values of pyradiomics' own baseline, version 2.0."""
    import csv

    folder = shared_data / "07_pyradiomics"
    with (folder / "baseline_shape.csv").open() as file:
        reference = {row["featureName"]: row[case] for row in csv.DictReader(file)}
    labels = sitk.ReadImage(str(folder / f"{case}_label.nrrd"))
    found = measured(labels)

    def expected(name):
        return float(reference[f"original_shape_{name}"])

    assert found.value("volume_mm3") == pytest.approx(expected("VoxelVolume"), rel=1e-5)
    for name, own in (
        ("MajorAxisLength", "major_axis_mm"),
        ("MinorAxisLength", "minor_axis_mm"),
        ("LeastAxisLength", "least_axis_mm"),
        ("Elongation", "elongation"),
        ("Flatness", "flatness"),
        ("Maximum3DDiameter", "largest_diameter_mm"),
    ):
        assert found.value(own) == pytest.approx(expected(name), rel=1e-5), name
    # Theirs joins outlines of neighboring slices, so it can be longer.
    assert 0.85 * expected("Maximum2DDiameterSlice") < found.value("longest_diameter_mm")
    assert found.value("longest_diameter_mm") <= expected("Maximum2DDiameterSlice") * (1 + 1e-6)
    # The reference measures a mesh of the voxels' middles, which is rougher than the estimate here.
    assert found.value("surface_mm2") == pytest.approx(expected("SurfaceArea"), rel=0.2)
